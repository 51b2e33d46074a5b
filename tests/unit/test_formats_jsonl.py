"""JSON Lines are exactly the documented record, for whatever an API may send."""

import json
import math
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tailer.model import Event, Source
from tailer.sinks.formats.jsonl import JsonlFormat
from tailer.sinks.text import END_SECOND, FIRST_SECOND

KEYS = ["id", "time", "account", "connector", "name", "serial", "k", "level", "t", "n", "a", "seen", "late"]
SOURCE = Source("acc", "con", "Branch 1", "SN-1", 1_785_585_601.25)

# What a JSON decoder of the house gives: whole numbers are ints, texts have no half surrogate pairs.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
fractions = st.floats(-1e18, 1e18).filter(lambda number: not number.is_integer())
numbers = st.one_of(st.integers(-(10**30), 10**30), st.integers(1_700_000_000, 1_900_000_000), fractions)
sources = st.builds(Source, texts, texts, texts, texts, st.floats(0, 4e9))
events = st.builds(Event, t=numbers, n=numbers, k=texts, a=numbers, source=sources, late=st.booleans())


def record_of(event: Event) -> dict[str, object]:
    """Render one event and read it back."""
    line = JsonlFormat().render([event])
    record: dict[str, object] = json.loads(line)
    return record


def test_record_is_the_documented_one() -> None:
    """A record has the documented keys in their order, compact, on one line."""
    event = Event(t=1_785_585_600, n=7, k="HaTransition", a=1_785_585_603, source=SOURCE)
    assert JsonlFormat().render([event]).decode() == (
        '{"id":"acc/con/1785585600.7","time":"2026-08-01T12:00:00Z","account":"acc","connector":"con",'
        '"name":"Branch 1","serial":"SN-1","k":"HaTransition","level":"warning","t":1785585600,"n":7,'
        '"a":1785585603,"seen":1785585601.250,"late":false}\n'
    )


@given(st.lists(events, max_size=6))
def test_records_hold_the_events(batch: list[Event]) -> None:
    """Each line is one JSON object with exactly the event's fields, by two decoders' reading."""
    lines = JsonlFormat().render(batch).decode().split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(batch)
    for line, event in zip(lines, batch, strict=True):
        record = json.loads(line)
        assert list(record) == KEYS
        assert msgspec.json.decode(line, type=dict[str, object]).keys() == record.keys()
        assert {key: record[key] for key in KEYS if key not in {"time", "seen"}} == {
            "id": event.id,
            "account": event.account,
            "connector": event.connector,
            "name": event.name,
            "serial": event.serial,
            "k": event.k,
            "level": event.level,
            "t": event.t,
            "n": event.n,
            "a": event.a,
            "late": event.late,
        }
        assert record["seen"] == round(event.seen, 3)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=20))
def test_events_keep_their_sources(rows: list[tuple[int, int]]) -> None:
    """However the events of several polls are mixed, each gets the names of its own."""
    polls = [Source("a", f"c{i}", f"name {i}", "", float(i)) for i in range(4)]
    batch = [Event(t=t, n=0, k="Init", a=t, source=polls[poll]) for poll, t in rows]
    records = [json.loads(line) for line in JsonlFormat().render(batch).splitlines()]
    assert [(record["connector"], record["seen"], record["t"]) for record in records] == [
        (f"c{poll}", poll, t) for poll, t in rows
    ]


@given(texts)
@example("\x00\x1b[2J\x7f\x9b\u2028\u2029\u202e\u2066\u200f\u061c\r\n")
def test_no_control_character_passes(text: str) -> None:
    """No control character, line separator or change of direction is in a line as it is."""
    line = JsonlFormat().render([Event(t=1, n=1, k=text, a=1, source=Source(text, text, text, text, 0.0))])
    for character in line.decode().removesuffix("\n"):
        assert character.isprintable() or character not in "\x7f\u061c\u200e\u200f\u2028\u2029"
        assert not "\x00" <= character <= "\x1f"
        assert not "\x7f" <= character <= "\x9f"
        assert not "\u202a" <= character <= "\u202e"
        assert not "\u2066" <= character <= "\u2069"


def test_other_scripts_stay_readable() -> None:
    """Letters beyond ASCII are written as they are."""
    event = Event(t=1, n=1, k="Init", a=1, source=Source("a", "c", "Zürich 支店 🛰", "s", 0.0))
    assert "Zürich 支店 🛰" in JsonlFormat().render([event]).decode()


@pytest.mark.parametrize(
    ("t", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (FIRST_SECOND, "0001-01-01T00:00:00Z"),
        (FIRST_SECOND - 1, None),
        (END_SECOND - 1, "9999-12-31T23:59:59Z"),
        (math.nextafter(END_SECOND, 0), "9999-12-31T23:59:59.999968Z"),
        (END_SECOND, None),
        (10**30, None),
        (1_785_585_600.25, "2026-08-01T12:00:00.25Z"),
        (1_785_585_600.000001, "2026-08-01T12:00:00.000001Z"),
        (1_785_585_599.9999998, "2026-08-01T12:00:00Z"),
        (-0.5, "1969-12-31T23:59:59.5Z"),
        (951_782_399, "2000-02-28T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
    ],
)
def test_time_is_utc(t: float, text: str | None) -> None:
    """The time is ISO 8601 in UTC with as many decimals as it has, and null where it has no text."""
    assert record_of(Event(t=t, n=1, k="Init", a=1, source=SOURCE))["time"] == text


@given(st.integers(FIRST_SECOND, END_SECOND - 1))
def test_time_is_that_of_the_calendar(t: int) -> None:
    """Every second of nine thousand years is written as the standard library would."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=t)
    text = moment.isoformat().replace("+00:00", "Z")
    assert record_of(Event(t=t, n=1, k="Init", a=1, source=SOURCE))["time"] == text


def test_full_caches_change_nothing() -> None:
    """Far more sources, kinds and times than are remembered give the same lines as without memory."""
    many = [
        Event(t=i * 60, n=i, k=f"Kind{i}", a=-i, source=Source("a", f"c{i}", f"name {i}", "", float(i)))
        for i in range(5000)
    ]
    format_ = JsonlFormat()
    once = format_.render(many)
    assert format_.render(many) == once
    assert once == b"".join(JsonlFormat().render([event]) for event in many)


def test_renamed_connector_gets_its_new_name() -> None:
    """A connector whose notes change is written with the name at the time of reading."""
    format_ = JsonlFormat()
    for name in ("old", "new"):
        source = msgspec.structs.replace(SOURCE, name=name)
        assert json.loads(format_.render([Event(t=1, n=1, k="Init", a=1, source=source)]))["name"] == name
