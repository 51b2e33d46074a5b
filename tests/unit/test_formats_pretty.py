"""Lines for people are aligned, coloured by connector, and can't be abused by what a device is called."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta, timezone

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tailer.core.durations import parse_time
from tailer.model import Event, Source
from tailer.sinks.formats.pretty import PrettyFormat
from tailer.sinks.zones import Zone

NOON = 1_785_585_600  # 2026-08-01T12:00:00Z


@pytest.fixture
def in_nepal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the process at UTC+5:45, in the POSIX notation that needs no zone files."""
    monkeypatch.setenv("TZ", "NPT-5:45")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the process where the clocks change."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def event(
    t: float = NOON, k: str = "Leave", name: str = "Oslo", connector: str = "c", late: bool = False
) -> Event:
    """Make an event, seen a good three hours after noon."""
    return Event(t=t, n=1, k=k, a=t, source=Source("a", connector, name, "s", NOON + 11_520.0), late=late)


def lines_of(
    *events: Event,
    width: int | None = None,
    color: bool = False,
    zone: Zone = UTC,
    show: Sequence[str] = (),
) -> list[str]:
    """Render events as one batch."""
    format_ = PrettyFormat(color=color, width=lambda: width, zone=zone, show=show)
    lines = format_.render(events).decode().split("\n")
    assert lines.pop() == ""
    return lines


def test_line_says_when_who_how_serious_what() -> None:
    """A line has date and time with its zone, connector, level and kind."""
    assert lines_of(event()) == ["2026-08-01 12:00:00Z  Oslo          warning   Leave"]


def test_late_event_is_marked() -> None:
    """A late event tells how long after it happened it was read, in its two largest units."""
    shown = [line.split("Leave")[1] for line in lines_of(
        event(late=True),
        event(t=NOON - 200_000, late=True),
        event(t=NOON + 11_520 - 75.4, late=True),
        event(t=NOON + 86_400, late=True),
    )]  # fmt: skip
    assert shown == ["  late 3h12m", "  late 2d11h", "  late 1m15s", "  late"]


@pytest.mark.usefixtures("in_nepal")
def test_local_time_shows_its_offset() -> None:
    """A local time carries its offset, and the text means the same instant to --since."""
    (line,) = lines_of(event(), zone=None)
    assert line.startswith("2026-08-01 17:45:00+05:45  Oslo")
    assert parse_time(line.split("  ")[0], 0.0) == NOON


@pytest.mark.usefixtures("in_berlin")
def test_offset_follows_the_change_of_clocks() -> None:
    """The hour that a clock change repeats is told apart by its offset."""
    change = 1_792_890_000  # 2026-10-25T01:00:00Z
    assert [line.split("  ")[0] for line in lines_of(event(t=change - 1), event(t=change), zone=None)] == [
        "2026-10-25 02:59:59+02",
        "2026-10-25 02:00:00+01",
    ]


@pytest.mark.parametrize(
    ("t", "text"),
    [
        (NOON + 0.25, "2026-08-01 12:00:00.250Z"),
        (-1, "1969-12-31 23:59:59Z"),
        (10**12, "1000000000000      "),
        (-(10**11), "-100000000000      "),
    ],
)
def test_odd_times_are_shown(t: float, text: str) -> None:
    """A fraction is shown in milliseconds, and a time without a date as the number that it is."""
    (line,) = lines_of(event(t=t))
    assert line.startswith(f"{text}  Oslo")


@pytest.mark.usefixtures("in_nepal")
def test_local_time_beyond_the_calendar_is_a_number() -> None:
    """An instant whose local date would be in the year 10000 is shown as a number."""
    (line,) = lines_of(event(t=253_402_300_799), zone=None)
    assert line.startswith("253402300799")


def test_columns_stay_aligned() -> None:
    """Connectors of one batch get one column, as wide as the longest name, wide letters included."""
    names = ["Oslo", "支店 Tokyo 12 (backup)", "Zürich Hauptbahnhof", "🛰"]
    lines = lines_of(*(event(name=name, connector=name) for name in names))
    assert {cell_len(line.partition("warning")[0]) for line in lines} == {
        cell_len(lines[1].partition("warning")[0])
    }
    assert all(name in line for name, line in zip(names, lines, strict=True))


def test_column_grows_and_never_shrinks() -> None:
    """A longer name widens the column for all later lines."""
    format_ = PrettyFormat(color=False)
    widths = [
        format_.render([event(name=name)]).decode().index("warning")
        for name in ("Oslo", "x" * 20, "Oslo", "y" * 99)
    ]
    assert widths == [22 + 12 + 2, 22 + 20 + 2, 22 + 20 + 2, 22 + 32 + 2]


LONGEST = event(name="n" * 99, k="FinishRotateCryptKeySuccess", t=NOON + 11_520.25 - 3599, late=True)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-3.5))])
@given(width=st.integers(60, 250))
def test_no_line_is_wrapped(zone: timezone, width: int) -> None:
    """From 60 columns on, the longest known kind fits with a late mark, and leaves room for a name."""
    *headings, line = lines_of(LONGEST, width=width, zone=zone)
    assert cell_len(line) <= width
    assert "late 59m59s" in line or "+59m59s" in line
    assert "nnnn…nn" in line
    assert all(cell_len(heading) == 10 for heading in headings)


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (250, "2026-08-01 14:12:01.250Z  nnnnnnnnnnnnnnnnnnnnn…nnnnnnnnnn  info      {}  late 59m59s"),
        (89, "2026-08-01 14:12:01Z  nnnnnnnnn…nnnnn  info      {}  late 59m59s"),
        (80, "2026-08-01 14:12:01Z  nnnnnnnn…nnnn  I  {}  late 59m59s"),
        (72, "08-01 14:12:01Z  nnnnnnnnn…nnnn  I  {}  +59m59s"),
        (66, "08-01 14:12:01Z nnnnnnn…nnnn I {} +59m59s"),
        (60, "2026-08-01|14:12:01Z nnnnnnn…nnnn I {} +59m59s"),
        (1, "2026-08-01|14:12:01Z nn…n I {} +59m59s"),
    ],
)
def test_line_yields_what_can_be_spared(width: int, line: str) -> None:
    """A narrow terminal costs decimals, the level's word, the word late, the year, space, then the date."""
    shown = "|".join(lines_of(LONGEST, width=width))
    assert shown == line.format("FinishRotateCryptKeySuccess")


def test_date_apart_is_repeated_when_it_changes() -> None:
    """Where the date has no room it stands alone, before the first event and whenever the day changes."""
    days = [NOON, NOON + 1, NOON - 86_400, NOON, 10**15]
    shown = lines_of(*(event(t=t) for t in days), width=60)
    assert [line.split(" ")[0] for line in shown] == [
        "2026-08-01",
        "12:00:00Z",
        "12:00:01Z",
        "2026-07-31",
        "12:00:00Z",
        "2026-08-01",
        "12:00:00Z",
        "1000000000000000",
    ]


def test_terminal_is_resized() -> None:
    """Each batch fits the terminal as it is when the batch is written; long names come back with the room."""
    widths = iter([200, 200, 80, 200])
    format_ = PrettyFormat(color=False, width=lambda: next(widths))
    wide, narrow, again = (format_.render([LONGEST]) for _ in range(3))
    assert wide == again
    assert len(narrow.decode()) <= 81


def test_names_are_cut_in_the_middle() -> None:
    """A name keeps its beginning and its end, where those of one fleet differ; wide letters count double."""
    first = lines_of(event(name="São Paulo warehouse - rack 3"), width=80)[0]
    assert first.split("  ")[1] == "São Paul…ck 3"
    assert cell_len(lines_of(event(name="支店" * 20), width=80)[0].partition("W")[0]) == 20 + 2 + 13 + 2


def test_fields_are_shown_on_request() -> None:
    """What was asked for follows the event, with its name; times have the zone."""
    names = ["serial", "lateness", "collected", "seen", "n", "id"]
    late = Event(t=NOON, n=7, k="Leave", a=NOON + 75.5, source=Source("a", "c", "Oslo", "s\n", NOON + 80.0))
    assert lines_of(late, show=names)[0].partition("Leave")[2] == (
        "  serial=s\\u000a  lateness=1m15.5s  collected=2026-08-01T12:01:15.500000Z"
        "  seen=2026-08-01T12:01:20Z  n=7  id=a/c/1785585600.7"
    )


def test_connector_keeps_its_colour() -> None:
    """A connector has one colour in every run whatever it is called, and several connectors differ."""
    first, again, other = (
        lines_of(event(name=name, connector=connector), color=True)[0].split("Oslo")[0].split()[-1]
        for name, connector in [("Oslo", "con-1"), ("Oslo 2", "con-1"), ("Oslo", "con-2")]
    )
    assert first == again != other


def test_colour_is_all_that_colours_add() -> None:
    """Without its colours a line is the same as without colour."""
    events = [
        event(k=k, late=True)
        for k in ("Reconcile", "HaInit", "Init", "Leave", "HaError", "FinishAttestationFailure")
    ]
    colored = lines_of(*events, color=True)
    assert [click.unstyle(line) for line in colored] == lines_of(*events)
    assert all("\x1b[" in line for line in colored)


def test_serious_levels_stand_out() -> None:
    """Warnings are yellow, errors red, critical ones red and reversed; the noise is dim."""
    kinds = {"Leave": "\x1b[33mwarning", "HaError": "\x1b[31merror", "Reconcile": "\x1b[2mdebug"}
    for kind, start in kinds.items():
        assert start in lines_of(event(k=kind), color=True)[0]
    assert "\x1b[7mcritical" in lines_of(event(k="FinishAttestationFailure"), color=True)[0]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.text(max_size=20))
def test_names_can_not_command_the_terminal(name: str, kind: str) -> None:
    """No control character of a name or kind reaches the terminal, and a line stays one line."""
    lines = lines_of(event(name=name, k=kind))
    assert len(lines) == 1
    assert not any(ch < " " or "\x7f" <= ch <= "\x9f" or "\u202a" <= ch <= "\u202e" for ch in lines[0])


def test_full_caches_change_nothing() -> None:
    """More connectors, kinds and times than are remembered are rendered all the same."""
    many = [event(t=i, k=f"Kind{i}", name=f"n{i}", connector=str(i)) for i in range(5000)]
    format_ = PrettyFormat(color=True)
    once = format_.render(many)
    assert format_.render(many) == once
    assert format_.render(many[:10]) == b"".join(once.splitlines(keepends=True)[:10])
