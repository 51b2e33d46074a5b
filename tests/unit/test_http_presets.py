"""Each preset writes what its counterpart's documentation asks for, and reads its answers."""

import json
from typing import Any

import pytest

from tailer.model import Event, Source
from tailer.sinks.http.answers import Away, Refused, Taken, answer_of
from tailer.sinks.http.config import HttpConfig
from tailer.sinks.http.datadog import DatadogPreset
from tailer.sinks.http.elasticsearch import ElasticsearchPreset
from tailer.sinks.http.loki import LokiPreset
from tailer.sinks.http.plain import PlainPreset
from tailer.sinks.http.preset import Preset
from tailer.sinks.http.presets import make_preset
from tailer.sinks.http.splunk import SplunkPreset
from tailer.sinks.http.webhook import LINE, WebhookPreset
from tailer.sinks.instants import nanoseconds_of

OSLO = Source("acc", "oslo", 'Oslo "1" <!channel> & Bø\n', "SN1", 1_785_585_601.5)
BERN = Source("acc", "bern", "Bern", "SN2", 1_785_585_602.5)
EVENTS = [
    Event(1_785_585_600.25, 1, "Leave", 1_785_585_601, OSLO),
    Event(1_785_585_600, 2, "Reconcile", 1_785_585_601, BERN, late=True),
    Event(1_785_585_601, 3, "HaTransition", 1_785_585_601, OSLO, e={"k": "HaTransition", "x": "\u2028"}),
]
IDS = [event.id for event in EVENTS]


def test_time_is_a_number_that_counterparts_can_hold() -> None:
    """Where `t` is out of reach, collection counts, else reading, else the epoch."""
    assert nanoseconds_of(EVENTS[0]) == 1_785_585_600_250_000_000
    assert nanoseconds_of(Event(1e300, 0, "k", 7, OSLO)) == 7_000_000_000
    assert nanoseconds_of(Event(-1, 0, "k", 10**11, OSLO)) == 1_785_585_601_500_000_000
    assert nanoseconds_of(Event(-1, 0, "k", -1, Source("", "", "", "", -1.0))) == 0


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        (PlainPreset("jsonl"), ("", "\n", "\n")),
        (PlainPreset("json"), ("[", ",", "]")),
        (PlainPreset("template", template="{json}", begin="<", separator=";", end=">"), ("<", ";", ">")),
        (PlainPreset("template", template="{json}"), ("", "\n", "\n")),
    ],
)
def test_plain_bodies(preset: PlainPreset, expected: tuple[str, str, str]) -> None:
    """Records stand between what a body begins with, separates by and ends with."""
    begin, separator, end = expected
    body = preset.render(EVENTS).decode()
    assert body.startswith(begin)
    assert body.endswith(end)
    records = body[len(begin) : -len(end)].split(separator + "{")
    assert [json.loads("{" + record.removeprefix("{"))["id"] for record in records] == IDS


def test_a_single_event_is_an_object() -> None:
    """One event a request needs no array, and still no more than one event goes."""
    preset = PlainPreset("json", single=True)
    assert preset.max_events == 1
    assert json.loads(preset.render(EVENTS[:1]))["id"] == IDS[0]


def test_splunk_events() -> None:
    """Time with microseconds, the connector as host, constants, the record as event; objects in a row."""
    first, *others = SplunkPreset("wan", {"site": "eu"}).render(EVENTS).split(b"\n")
    assert len(others) == 2
    told = json.loads(first)
    assert first.startswith(b'{"time":1785585600.250000,')
    assert told["event"]["id"] == IDS[0]
    assert (told["host"], told["source"], told["index"]) == (OSLO.name, "tailer", "wan")
    assert told["fields"] == {"site": "eu"}
    assert json.loads(SplunkPreset(None, {}).render(EVENTS[:1])).keys() == {"time", "host", "source", "event"}


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, {"text": "Success", "code": 0}, Taken()),
        (
            400,
            {"text": "Invalid data format", "code": 6, "invalid-event-number": 1},
            Taken(
                {1: 'HTTP 400: {"text": "Invalid data format", "code": 6, "invalid-event-number": 1}'}, [0, 2]
            ),
        ),
        (400, {"code": 6, "invalid-event-number": 3}, Refused),
        (400, {"code": 12}, Refused),
        (400, {"text": "Incorrect index", "code": 7, "invalid-event-number": 0}, Away),
        (400, {"text": "Data channel is missing", "code": 10}, Away),
        (400, {"unheard": "of"}, Refused),
        (400, "no JSON", Refused),
        (403, {"text": "Invalid token", "code": 4}, Away),
        (503, {"text": "Server is busy", "code": 9}, Away),
    ],
)
def test_splunk_answers(status: int, body: Any, verdict: Any) -> None:
    """An invalid event is named; a wrong index or channel is the operator's; nothing else is a rejection."""
    raw = b"nothing" if body == "no JSON" else json.dumps(body).encode()
    judged = SplunkPreset(None, {}).judge(answer_of(status, raw), 3)
    assert judged == verdict if isinstance(verdict, Taken) else isinstance(judged, verdict)


def test_elasticsearch_documents() -> None:
    """Two lines an event: created by its id, with the timestamp that data streams want."""
    lines = ElasticsearchPreset("wan").render(EVENTS).decode().split("\n")
    assert lines.pop() == ""
    actions, documents = map(json.loads, lines[::2]), list(map(json.loads, lines[1::2]))
    assert list(actions) == [{"create": {"_index": "wan", "_id": one}} for one in IDS]
    assert [document["id"] for document in documents] == IDS
    assert documents[0]["@timestamp"] == "2026-08-01T12:00:00.25Z"


def test_elasticsearch_reads_any_event() -> None:
    """An id may hold quotes, and a time that has no text is replaced by that of collection."""
    strange = Event(1e300, 1, "Leave", 1_785_585_601.5, Source('a","time":"', '","account":', "", "", 1.0))
    action, document = ElasticsearchPreset("wan").render([strange]).splitlines()
    assert json.loads(action)["create"]["_id"] == strange.id
    assert json.loads(document)["id"] == strange.id
    assert json.loads(document)["@timestamp"] == "2026-08-01T12:00:01.500Z"


def item(status: int, **error: str) -> dict[str, Any]:
    """Write an item of a _bulk answer."""
    return {"create": {"status": status, "error": error} if error else {"status": status}}


@pytest.mark.parametrize(
    ("items", "verdict"),
    [
        ([item(201), item(201), item(409, type="version_conflict", reason="there")], Taken()),
        (
            [item(201), item(400, type="document_parsing_exception", reason="bad n"), item(201)],
            Taken({1: "HTTP 400: document_parsing_exception: bad n"}),
        ),
        (
            [item(429, type="es_rejected", reason="full"), item(400, type="bad"), item(503)],
            Taken(
                {1: "HTTP 400: bad:"},
                [0, 2],
                "does not take 2 of 3 documents at present (HTTP 429: es_rejected: full)",
                4.0,
            ),
        ),
        (
            [item(201), item(201), {"create": {"status": 403, "error": "read-only"}}],
            Taken({}, [2], "does not take 1 of 3 documents at present (HTTP 403: read-only)", 4.0),
        ),
    ],
)
def test_elasticsearch_items(items: list[dict[str, Any]], verdict: Taken) -> None:
    """Each item counts by itself: there already is accepted, too busy waits, a bad document is rejected."""
    answer = answer_of(200, json.dumps({"errors": True, "items": items}).encode(), Retry_After="4")
    assert ElasticsearchPreset("wan").judge(answer, 3) == verdict


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b'{"errors":false}', Taken),
        (200, b'{"took":1,"errors":false,"items":[]}', Taken),
        (200, b"<html>", Away),
        (200, b'{"errors":true,"items":[]}', Away),
        (404, b"", Away),
        (401, b"", Away),
        (413, b"", Refused),
        (429, b"", Away),
    ],
)
def test_elasticsearch_answers(status: int, body: bytes, kind: type) -> None:
    """What is no _bulk answer accepts nothing, and rejects nothing."""
    assert isinstance(ElasticsearchPreset("wan").judge(answer_of(status, body), 3), kind)


def test_loki_streams() -> None:
    """A stream for each connector and level, labels that are few, times as texts in nanoseconds."""
    told = json.loads(LokiPreset({"job": "x", "level": "mine"}).render([*EVENTS, EVENTS[0]]))
    streams = {(one["stream"]["connector"], one["stream"]["level"]): one for one in told["streams"]}
    assert streams.keys() == {("oslo", "warning"), ("bern", "debug")}
    assert streams["oslo", "warning"]["stream"] == {
        "job": "x",
        "account": "acc",
        "connector": "oslo",
        "level": "warning",
    }
    values = streams["oslo", "warning"]["values"]
    assert [time for time, _ in values] == [
        "1785585600250000000",
        "1785585601000000000",
        "1785585600250000000",
    ]
    assert [json.loads(line)["id"] for _, line in values] == [IDS[0], IDS[2], IDS[0]]


@pytest.mark.parametrize(("status", "kind"), [(204, Taken), (400, Refused), (429, Away), (500, Away)])
def test_loki_answers(status: int, kind: type) -> None:
    """What is too far behind is a refusal, too fast is not."""
    assert isinstance(LokiPreset({}).judge(answer_of(status, b"entry too far behind"), 3), kind)


def test_datadog_logs() -> None:
    """The record's fields as attributes, beside what Datadog knows by name."""
    logs = json.loads(DatadogPreset({"team": "noc", "env": "x"}).render(EVENTS))
    assert [log["id"] for log in logs] == IDS
    assert logs[0]["ddtags"] == "team:noc,env:x"
    assert (logs[0]["hostname"], logs[0]["status"]) == (OSLO.name, "warning")
    assert logs[0]["timestamp"] == 1_785_585_600_250
    assert logs[0]["message"] == f"{OSLO.name} Leave"
    assert isinstance(DatadogPreset({}).judge(answer_of(202), 3), Taken)


def test_a_message_mentions_nobody() -> None:
    """A line an event; a name can neither mention a channel nor begin a line."""
    told = json.loads(WebhookPreset(LINE).render(EVENTS))
    lines = told["text"].split("\n")
    assert len(lines) == 3
    assert lines[0].startswith("2026-08-01")
    assert "&lt;!channel&gt; &amp; Bø\\u000a warning Leave" in lines[0]
    assert isinstance(WebhookPreset(LINE).judge(answer_of(200), 3), Taken)


PRESETS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "none": ({}, {"Authorization": "Bearer s"}),
    "splunk": ({}, {"Authorization": "Splunk s"}),
    "elasticsearch": ({"index": "wan"}, {"Authorization": "ApiKey s"}),
    "loki": ({}, {"Authorization": "Bearer s"}),
    "datadog": ({}, {"DD-API-KEY": "s"}),
    "webhook": ({}, {"Authorization": "Bearer s"}),
}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_chosen(name: Any) -> None:
    """By its name, with the header that its counterpart wants and bounds that a batch is split by."""
    options, headers = PRESETS[name]
    preset: Preset = make_preset(HttpConfig(url="https://x.example", preset=name, **options))
    assert preset.authorization("s") == headers
    assert preset.max_events >= 50
    assert preset.max_bytes >= 35_000
