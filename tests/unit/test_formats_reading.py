"""What was written as JSON Lines is read back as the same events; what is no record is refused."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailer.model import Event, Source
from tailer.sinks.formats.jsonl import JsonlFormat
from tailer.sinks.formats.reading import RecordReader

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(-1e18, 1e18).filter(lambda n: not n.is_integer())
sources = st.builds(Source, texts, texts, texts, texts, st.integers(0, 4_000_000).map(float))
events = st.builds(Event, t=numbers, n=numbers, k=texts, a=numbers, source=sources, late=st.booleans())
RECORD = JsonlFormat().render([Event(t=1, n=2, k="Init", a=3, source=Source("a", "c", "gw", "s", 4.0))])


@given(st.lists(events, max_size=6))
def test_records_come_back(batch: list[Event]) -> None:
    """Written again, records that were read are byte for byte what they were."""
    written = JsonlFormat().render(batch)
    reader = RecordReader()
    again = [reader.read(line) for line in written.split(b"\n")[:-1]]
    assert JsonlFormat().render(again) == written


def test_records_of_one_poll_share_their_source() -> None:
    """Formats remember what they rendered by the source object, so it is one again."""
    reader = RecordReader()
    assert reader.read(RECORD).source is reader.read(RECORD).source


def test_many_sources_are_read_all_the_same() -> None:
    """More polls than are remembered change nothing."""
    reader = RecordReader()
    batch = [Event(t=1, n=1, k="Init", a=1, source=Source("a", f"c{i}", "", "", 0.0)) for i in range(5000)]
    lines = JsonlFormat().render(batch).splitlines()
    assert [reader.read(line).connector for line in lines] == [event.connector for event in batch]


def test_new_fields_are_left_out() -> None:
    """A record of a later version, with more in it, is read."""
    record = json.loads(RECORD) | {"more": {"more": [1]}}
    assert reader_of(record).k == "Init"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "truncated"),
        (b"nonsense", "malformed"),
        (b"[]", "Expected `object`"),
        (b"{}", "missing required field"),
        (RECORD[:-3], "truncated"),
        (RECORD.replace(b'"t":1', b'"t":"1"'), "Expected `int | float`"),
        (RECORD.replace(b'"t":1', b'"t":1e999'), "out of range"),
        (RECORD.replace(b'"gw"', b'"g\xffw"'), "invalid"),
    ],
)
def test_what_is_no_record_is_refused(line: bytes, reason: str) -> None:
    """The refusal says why."""
    with pytest.raises(ValueError, match=re.escape(reason)):
        RecordReader().read(line)


def reader_of(record: object) -> Event:
    """Read a record that was changed."""
    return RecordReader().read(json.dumps(record).encode())
