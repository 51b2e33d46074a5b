"""Records of chosen fields: the same values as whole records have, in another order and by other names."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tailer.errors import ConfigError
from tailer.model import Event, Source
from tailer.observe import ignore
from tailer.sinks.file import FileSink
from tailer.sinks.formats.choice import FormatName, beginning_of, make_format
from tailer.sinks.formats.chosen import read_fields
from tailer.sinks.formats.records import FIELDS, PAYLOAD
from tailer.sinks.http.config import HttpConfig
from tailer.sinks.http.presets import make_preset
from tailer.sinks.options import SinkContext
from tailer.sinks.registry import plan

SOURCE = Source("acc", "c1", 'Oslo "1", =x\n', "", 1700000000.25)
EVENTS = [
    Event(1700000000, 3, "Leave", 1700000001.5, SOURCE, late=True, e={"url": "a,b"}),
    Event(1e300, 2**60, "Init", 7, SOURCE),
]
WHOLE = (*FIELDS, PAYLOAD)


@pytest.mark.parametrize("name", ["jsonl", "logfmt"])
def test_all_fields_chosen_are_the_whole_record(name: FormatName) -> None:
    """Byte for byte what is written when nothing is chosen, but that CSV always has the payload's column."""
    chosen = make_format(name, fields=read_fields(list(WHOLE)))
    assert chosen.render(EVENTS) == make_format(name).render(EVENTS)


def test_csv_has_a_header_of_its_own() -> None:
    """The names are the place's; a payload that is not there leaves its field empty."""
    chosen = make_format("csv", fields=read_fields({"when, UTC": "time", "what": "k", "more": "e"}))
    rows = list(csv.reader(io.StringIO((chosen.header + chosen.render(EVENTS)).decode())))
    assert rows == [
        ["when, UTC", "what", "more"],
        ["2023-11-14T22:13:20Z", "Leave", '{"url":"a,b"}'],
        ["", "Init", ""],
    ]
    assert beginning_of(chosen) == chosen.header
    whole = make_format("csv", show=["e"])
    assert make_format("csv", fields=read_fields(list(WHOLE))).render(EVENTS) == whole.render(EVENTS)


def test_names_are_those_of_the_place() -> None:
    """A table renames; a name may be anything that JSON can write."""
    chosen = make_format("jsonl", fields=read_fields({'the "host"': "name", "@timestamp": "t"}))
    assert [json.loads(line) for line in chosen.render(EVENTS).splitlines()] == [
        {'the "host"': SOURCE.name, "@timestamp": 1700000000},
        {'the "host"': SOURCE.name, "@timestamp": 1e300},
    ]
    assert beginning_of(chosen) is None


def test_a_key_of_logfmt_stays_one() -> None:
    """What would end it becomes a dash below."""
    chosen = make_format("logfmt", fields=read_fields({'a "b"=c': "n"}))
    assert chosen.render(EVENTS[:1]) == b"a__b__c=3\n"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (["tme"], 'there is no field "tme"; did you mean "time"?'),
        ([3], "there is no field 3"),
        (["t", "t"], "one field is there twice"),
        ({"": "t"}, "a field has no name"),
        ("time", "must be a list of fields, or a table of them"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, written: object, said: str) -> None:
    """What is no field is refused with the nearest, before anything runs."""
    with pytest.raises(ConfigError, match=r"sinks\[0\]\.fields: ") as caught:
        plan({"type": "file", "path": "e.jsonl", "fields": written}, "sinks[0]", tmp_path)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "table",
    [
        {"type": "file", "path": "e.txt", "format": "template", "template": "{k}"},
        {"type": "stdout"},
        {"type": "memory"},
        {"type": "http", "url": "https://x.example", "preset": "datadog"},
    ],
    ids=lambda table: str(table["type"]),
)
def test_where_fields_have_no_effect_they_are_refused(tmp_path: Path, table: dict[str, str]) -> None:
    """Pretty lines, templates and sinks without records say so."""
    with pytest.raises(ConfigError, match="fields: "):
        plan({**table, "fields": ["k"]}, "sinks[0]", tmp_path)


def test_a_sink_is_built_with_its_fields(tmp_path: Path) -> None:
    """What the table says reaches the sink's lines."""
    made = plan({"type": "file", "path": "e.jsonl", "fields": ["k", "n"]}, "sinks[0]", tmp_path)
    sink = made.build(SinkContext("file", io.BytesIO(), {}, ignore))
    assert isinstance(sink, FileSink)
    assert sink._format.render(EVENTS[:1]) == b'{"k":"Leave","n":3}\n'  # noqa: SLF001 - nothing is written here


def test_requests_have_the_fields_too() -> None:
    """A body of records has what was chosen."""
    preset = make_preset(HttpConfig(url="https://x.example", body="json"), read_fields({"kind": "k"}))
    assert json.loads(preset.render(EVENTS)) == [{"kind": "Leave"}, {"kind": "Init"}]
