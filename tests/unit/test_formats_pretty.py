"""Lines for people are aligned, coloured by connector, and can't be abused by what a device is called."""

import time
from collections.abc import Iterator

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tailer.core.durations import parse_time
from tailer.model import Event, Source
from tailer.sinks.pretty import PrettyFormat

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


def lines_of(*events: Event, width: int | None = None, color: bool = False, utc: bool = True) -> list[str]:
    """Render events as one batch."""
    lines = PrettyFormat(color=color, width=width, utc=utc).render(events).decode().split("\n")
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
    (line,) = lines_of(event(), utc=False)
    assert line.startswith("2026-08-01 17:45:00+05:45  Oslo")
    assert parse_time(line.split("  ")[0], 0.0) == NOON


@pytest.mark.usefixtures("in_berlin")
def test_offset_follows_the_change_of_clocks() -> None:
    """The hour that a clock change repeats is told apart by its offset."""
    change = 1_792_890_000  # 2026-10-25T01:00:00Z
    assert [line.split("  ")[0] for line in lines_of(event(t=change - 1), event(t=change), utc=False)] == [
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
    (line,) = lines_of(event(t=253_402_300_799), utc=False)
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
    format_ = PrettyFormat(color=False, utc=True)
    widths = [
        format_.render([event(name=name)]).decode().index("warning")
        for name in ("Oslo", "x" * 20, "Oslo", "y" * 99)
    ]
    assert widths == [22 + 12 + 2, 22 + 20 + 2, 22 + 20 + 2, 22 + 32 + 2]


@pytest.mark.parametrize("width", [1, 60, 80, 100, 300])
def test_long_names_leave_room(width: int) -> None:
    """A long name is cut with an ellipsis, so that the known kinds fit a terminal of a usual width."""
    (line,) = lines_of(event(name="n" * 99, k="FinishRotateCryptKeySuccess"), width=width)
    assert "n…  info " in line
    assert cell_len(line) <= max(width, 72)


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
    format_ = PrettyFormat(color=True, utc=True)
    once = format_.render(many)
    assert format_.render(many) == once
    assert format_.render(many[:10]) == b"".join(once.splitlines(keepends=True)[:10])
