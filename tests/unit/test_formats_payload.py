"""An event's payload in every format: there where it was fetched and asked for, never dangerous to read."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailer.model import Event, Payload, Source
from tailer.sinks.file.sink import FileSink
from tailer.sinks.formats.choice import make_format
from tailer.sinks.formats.format import Format
from tailer.sinks.formats.reading import RecordReader
from tailer.sinks.options import estimate_bytes
from tailer.sinks.stdout import StdoutSink

SOURCE = Source("acc", "con", "Branch 1", "SN-1", 1_785_585_601.25)
PAYLOAD = {"k": "HaError", "reason": 'no "peer"\x1b[2J', "at": {"n": 2**70, "x": [1.5, None, True]}}
JSON = (
    r'{"k":"HaError","reason":"no \"peer\"\u001b[2J","at":{"n":1180591620717411303424,"x":[1.5,null,true]}}'
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
payloads = st.dictionaries(texts, values, max_size=4)


def event(payload: Payload | None, *, late: bool = False) -> Event:
    """Make an event with a payload."""
    return Event(1_785_585_600, 7, "HaError", 1_785_585_603, SOURCE, late, payload)


def lines_of(format_: Format, *batch: Event) -> list[str]:
    """Render events; give their lines."""
    return format_.render(batch).decode().splitlines()


def test_jsonl_has_it_where_it_was_fetched() -> None:
    """It is the record's last field; an event without one has the record as ever."""
    jsonl = make_format("jsonl")
    without, late = lines_of(jsonl, event(None), event(PAYLOAD, late=True))
    assert '"e"' not in without
    assert late.endswith(f',"late":true,"e":{JSON}}}')


def test_logfmt_has_it_where_it_was_fetched() -> None:
    """It is one quoted value, JSON in it."""
    without, found = lines_of(make_format("logfmt"), event(None), event({"k": "HaError"}))
    assert without.endswith("late=false")
    assert found.endswith(r'late=false e="{\"k\":\"HaError\"}"')


def test_csv_has_a_column_for_it_on_request() -> None:
    """With the column every row has it, be it empty; without it no row does."""
    asked, plain = make_format("csv", show=("e",)), make_format("csv")
    rows = list(
        csv.reader(io.StringIO((asked.header + asked.render([event(None), event(PAYLOAD)])).decode()))
    )
    assert [row[-1] for row in rows] == ["e", "", JSON]
    assert {len(row) for row in rows} == {14}
    bare = list(csv.reader(io.StringIO((plain.header + plain.render([event(PAYLOAD)])).decode())))
    assert {len(row) for row in bare} == {13}


def test_pretty_line_shows_it_on_request() -> None:
    """Asked for, it stands behind an event that has one."""
    without, found = lines_of(make_format("pretty", show=("e",)), event(None), event(PAYLOAD))
    assert "e=" not in without
    assert found.endswith(f"  e={JSON}")
    assert JSON not in lines_of(make_format("pretty"), event(PAYLOAD))[0]


@pytest.mark.parametrize(("template", "without"), [("{k}|{e}", "HaError|"), ("{k}|{e!j}", "HaError|null")])
def test_template_has_a_field_for_it(template: str, without: str) -> None:
    """The field is its JSON; where there is none it is empty, as JSON it is null."""
    format_ = make_format("template", template=template)
    assert lines_of(format_, event(None), event(PAYLOAD)) == [without, f"HaError|{JSON}"]


@given(st.lists(payloads | st.none(), max_size=4))
def test_payloads_come_back(batch: list[Payload | None]) -> None:
    """A record that was written and read again has the payload that it had, whatever was in it."""
    lines = make_format("jsonl").render([event(payload) for payload in batch]).split(b"\n")[:-1]
    reader = RecordReader()
    assert [reader.read(line).e for line in lines] == batch
    assert [json.loads(line).get("e") for line in lines] == batch


@given(payloads)
def test_no_control_character_passes(payload: Payload) -> None:
    """What a terminal would obey is escaped in every format, and each event stays one line."""
    for format_ in (
        make_format("jsonl"),
        make_format("logfmt"),
        make_format("csv", show=("e",)),
        make_format("pretty", show=("e",)),
        make_format("template", template="{e}{k}"),
    ):
        text = format_.render([event(payload)]).decode().rstrip("\r\n")
        assert all(character.isprintable() or character.isspace() for character in text if character < "\xa0")
        assert not set(text) & set("\r\n\t\x1b\u2028\u202e")


def test_a_batch_counts_what_payloads_take() -> None:
    """A batch that is bounded by size is bounded with payloads as well."""
    assert estimate_bytes(event({"k": "x" * 1000})) > estimate_bytes(event(None)) + 1000


@pytest.mark.parametrize(
    ("format_", "show", "sentence"),
    [
        ("csv", ("serial", "e"), "csv has all but e"),
        ("jsonl", ("e",), "show is for format pretty, and e for csv"),
        ("template", ("e",), "show is for format pretty, and e for csv"),
    ],
)
def test_it_is_asked_for_where_that_means_something(
    format_: str, show: tuple[str, ...], sentence: str
) -> None:
    """A request without effect is refused, by standard output and by files."""
    template = "{k}" if format_ == "template" else None
    with pytest.raises(ValueError, match=sentence):
        StdoutSink.Config(format=format_, show=show, template=template)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=sentence):
        FileSink.Config(path="x", format=format_, show=show, template=template)  # type: ignore[arg-type]


def test_csv_files_can_have_the_column() -> None:
    """The file sink takes the same request."""
    assert FileSink.Config(path="x", format="csv", show=("e",)).show == ("e",)  # type: ignore[arg-type]
