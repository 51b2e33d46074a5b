"""logfmt and CSV hold exactly what the JSON record holds, for whatever an API may send."""

import csv
import io
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tailer.model import Event, Source
from tailer.sinks.formats.csv_rows import CsvFormat
from tailer.sinks.formats.jsonl import JsonlFormat
from tailer.sinks.formats.logfmt import LogfmtFormat
from tailer.sinks.text import escaped

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "",
        "null",
        " ",
        "a b",
        'q"q',
        "k=v",
        "a,b",
        "\\",
        "\n",
        "\r\n",
        "\x1b[2J",
        "\u00a0",
        "=1+1",
        "0.0",
        "a/0.0",
    ]
)
fractions = st.floats(-1e18, 1e18).filter(lambda number: not number.is_integer())
numbers = st.one_of(st.integers(-(10**30), 10**30), st.integers(1_700_000_000, 1_900_000_000), fractions)
sources = st.builds(Source, texts, texts, texts, texts, st.floats(0, 4e9))
events = st.builds(Event, t=numbers, n=numbers, k=texts, a=numbers, source=sources, late=st.booleans())
batches = st.lists(events, max_size=6)

PAIR = re.compile(r'(?P<key>[a-z]+)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s"=]+))(?: |$)')


def parse_logfmt(line: str) -> dict[str, str | None]:
    """Read a line strictly: every character belongs to a pair, and a bare null is none."""
    found: dict[str, str | None] = {}
    at = 0
    while at < len(line):
        match = PAIR.match(line, at)
        assert match is not None, line[at:]
        quoted, bare = match["quoted"], match["bare"]
        found[match["key"]] = (
            json.loads(f'"{quoted}"') if quoted is not None else None if bare == "null" else bare
        )
        at = match.end()
    return found


def records_of(batch: list[Event]) -> list[dict[str, object]]:
    """The JSON records of the events."""
    return [json.loads(line) for line in JsonlFormat().render(batch).decode().split("\n")[:-1]]


def as_text(value: object, none: str | None) -> str | None:
    """Write a value of a record as a format without types does."""
    if value is None:
        return none
    return value if isinstance(value, str) else json.dumps(value)


@given(batches)
@example([Event(t=10**30, n=1, k="null", a=1, source=Source("null", "c d", "null", "", 0.0))])
def test_logfmt_is_the_record(batch: list[Event]) -> None:
    """Read strictly, a logfmt line has the fields of the JSON record, in its order."""
    lines = LogfmtFormat().render(batch).decode().split("\n")
    assert lines.pop() == ""
    for line, record in zip(lines, records_of(batch), strict=True):
        parsed = parse_logfmt(line)
        assert list(parsed) == list(record)
        seen, told = float(parsed.pop("seen") or "nan"), record.pop("seen")
        assert seen == told
        assert parsed == {key: as_text(value, None) for key, value in record.items()}


@given(batches)
def test_csv_is_the_record(batch: list[Event]) -> None:
    """Read by the standard library, header and rows are the JSON records with control characters escaped."""
    format_ = CsvFormat()
    text = (format_.header + format_.render(batch)).decode()
    assert text.count("\r\n") == len(text.splitlines()) == 1 + len(batch)
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    for row, record in zip(rows, records_of(batch), strict=True):
        parsed = dict(zip(header, row, strict=True))
        assert float(parsed.pop("seen")) == record.pop("seen")
        assert parsed == {key: escaped(as_text(value, "") or "") for key, value in record.items()}


def test_logfmt_looks_like_logfmt() -> None:
    """What needs no quotes has none; what does, has JSON's."""
    event = Event(
        t=1_785_585_600, n=7, k="Leave", a=1_785_585_603, source=Source("a", "c", "Büro 1", "", 1.5)
    )
    assert LogfmtFormat().render([event]).decode() == (
        'id=a/c/1785585600.7 time=2026-08-01T12:00:00Z account=a connector=c name="Büro 1" serial="" k=Leave '
        "level=warning t=1785585600 n=7 a=1785585603 seen=1.500 late=false\n"
    )


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Büro 1", "Büro 1"),
        ("a,b", '"a,b"'),
        ('the "best"', '"the ""best"""'),
        (" a", '" a"'),
        ("a\nb", "a\\u000ab"),
        ("=1+1", "=1+1"),
    ],
)
def test_csv_quotes_what_needs_it(name: str, field: str) -> None:
    """Commas, quotes and outer spaces are in quotes; control characters are escaped; the rest is bare."""
    event = Event(t=1_785_585_600, n=7, k="Leave", a=1_785_585_603, source=Source("a", "c", name, "s", 1.5))
    assert CsvFormat().render([event]).decode() == (
        f"a/c/1785585600.7,2026-08-01T12:00:00Z,a,c,{field},s,Leave,warning,1785585600,7,1785585603,1.500,false\r\n"
    )
    assert CsvFormat().header == b"id,time,account,connector,name,serial,k,level,t,n,a,seen,late\r\n"


@pytest.mark.parametrize("format_", [LogfmtFormat(), CsvFormat()])
@given(text=texts)
@example("\x00\x1b[2J\x7f\x9b\u2028\u2029\u202e\u2066\u200f\u061c\r\n")
def test_no_control_character_passes(format_: LogfmtFormat | CsvFormat, text: str) -> None:
    """Whatever a device is called, nothing that a terminal obeys is in a line."""
    line = format_.render([Event(t=1, n=1, k=text, a=1, source=Source(text, text, text, text, 0.0))]).decode()
    assert escaped(line.rstrip("\r\n")) == line.rstrip("\r\n")
