"""Records of chosen fields: the same values as whole records have, in another order and by other names."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tailer.errors import ConfigError
from tailer.model import Event, Source
from tailer.observe import ignore
from tailer.sinks.file.sink import FileSink
from tailer.sinks.formats.choice import FormatName, beginning_of, make_format
from tailer.sinks.formats.chosen import read_fields
from tailer.sinks.formats.records import FIELDS, PAYLOAD
from tailer.sinks.http.config import HttpConfig, PresetName
from tailer.sinks.http.datadog import OWN_FIELDS
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
    assert beginning_of(chosen) == b'{"the \\"host\\"":'
    assert chosen.render(EVENTS).startswith(beginning_of(chosen) or b"-")


def test_what_may_be_missing_is_no_beginning() -> None:
    """A file is known for ours by what all of its records begin with; a payload is not always there."""
    assert beginning_of(make_format("jsonl", fields=read_fields(["e", "id"]))) is None
    assert beginning_of(make_format("logfmt", fields=read_fields(["k", "id"]))) == b"k="


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
        {"type": "http", "url": "https://x.example", "preset": "webhook"},
        {"type": "http", "url": "https://x.example", "body": "template", "template": "{k}"},
        {"type": "http", "url": "https://x.example", "preset": "splunk", "template": "{k}"},
        {"type": "http", "url": "https://x.example", "preset": "loki"},
        {"type": "exec", "command": ["x"], "format": "template", "template": "{id}"},
        {"type": "exec", "command": ["x"]},
        {"type": "sqlite", "path": "x"},
        {"type": "postgres"},
    ],
    ids=lambda table: f"{table['type']}-{table.get('preset', '')}-{table.get('template', '')}",
)
def test_where_fields_have_no_effect_they_are_refused(tmp_path: Path, table: dict[str, Any]) -> None:
    """Pretty lines, templates, tables and sinks without records say so, or why they need more of them."""
    with pytest.raises(ConfigError, match="fields: "):
        plan({**table, "fields": ["k"]}, "sinks[0]", tmp_path)


def test_a_sink_is_built_with_its_fields(tmp_path: Path) -> None:
    """What the table says reaches the sink's lines."""
    made = plan({"type": "file", "path": "e.jsonl", "fields": ["k", "n"]}, "sinks[0]", tmp_path)
    sink = made.build(SinkContext("file", io.BytesIO(), {}, ignore))
    assert isinstance(sink, FileSink)
    assert sink._format.render(EVENTS[:1]) == b'{"k":"Leave","n":3}\n'  # noqa: SLF001 - nothing is written here


@pytest.mark.parametrize(
    ("preset", "name"), [("elasticsearch", "@timestamp"), ("datadog", "message"), ("datadog", "status")]
)
def test_a_preset_keeps_its_own_names(tmp_path: Path, preset: str, name: str) -> None:
    """What an object has already is not written twice."""
    table: dict[str, Any] = {"type": "http", "url": "https://x.example", "preset": preset}
    if preset == "elasticsearch":
        table["index"] = "wan"
    with pytest.raises(ConfigError, match=f'fields: preset "{preset}" writes "{name}" by itself'):
        plan({**table, "fields": {name: "k"}}, "sinks[0]", tmp_path)


@pytest.mark.parametrize("acknowledge", ["line", "exit"])
def test_a_program_has_the_fields_that_it_needs(tmp_path: Path, acknowledge: str) -> None:
    """The id by any name where it is what is acknowledged; anything where an exit code is."""
    fields = {"key": "id"} if acknowledge == "line" else {"key": "k"}
    table = {"type": "exec", "command": ["x"], "acknowledge": acknowledge, "fields": fields}
    assert plan(table, "sinks[0]", tmp_path).options.fields == read_fields(fields)


def test_requests_have_the_fields_too() -> None:
    """A body of records has what was chosen."""
    preset = make_preset(HttpConfig(url="https://x.example", body="json"), read_fields({"kind": "k"}))
    assert json.loads(preset.render(EVENTS)) == [{"kind": "Leave"}, {"kind": "Init"}]


def test_a_document_keeps_its_id() -> None:
    """Whatever is chosen of a record: it is what makes `_bulk` exactly once; the time is there too."""
    config = HttpConfig(url="https://x.example", preset="elasticsearch", index="wan")
    lines = make_preset(config, read_fields({"more": "e"})).render(EVENTS).decode().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"create": {"_index": "wan", "_id": "acc/c1/1700000000.3"}},
        {"@timestamp": "2023-11-14T22:13:20.000Z", "more": {"url": "a,b"}},
        {"create": {"_index": "wan", "_id": f"acc/c1/1e+300.{2**60}"}},
        {"@timestamp": "1970-01-01T00:00:07.000Z"},
    ]


def test_presets_send_the_fields() -> None:
    """The event of Splunk, the line of Loki, the attributes of Datadog, by the place's names."""
    chosen = read_fields({"key": "id", "what": "k"})
    wanted = [{"key": event.id, "what": event.k} for event in EVENTS]

    def render(preset: PresetName) -> bytes:
        return make_preset(HttpConfig(url="https://x.example", preset=preset), chosen).render(EVENTS)

    assert [json.loads(line)["event"] for line in render("splunk").splitlines()] == wanted
    streams = json.loads(render("loki"))["streams"]
    assert [json.loads(line) for one in streams for _, line in one["values"]] == wanted
    for log, fields in zip(json.loads(render("datadog")), wanted, strict=True):
        assert set(log) == {*OWN_FIELDS, *fields}
        assert fields.items() <= log.items()


def test_presets_send_texts() -> None:
    """A template makes the event of Splunk, the line of Loki and the message of Datadog."""

    def render(preset: PresetName) -> bytes:
        config = HttpConfig(url="https://x.example", preset=preset, template=r"{k}\n{id}")
        return make_preset(config).render(EVENTS[:1])

    text = f"Leave\n{EVENTS[0].id}"
    assert json.loads(render("splunk"))["event"] == text
    assert json.loads(render("loki"))["streams"][0]["values"] == [["1700000000000000000", text]]
    (log,) = json.loads(render("datadog"))
    assert (log["message"], log["n"]) == (text, 3)
