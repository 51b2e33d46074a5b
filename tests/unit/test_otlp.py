"""Events as OpenTelemetry logs, decoded by the official classes, and what answers mean."""

import sys
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToJson, Parse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from tailer.errors import ConfigError
from tailer.kinds import LEVELS
from tailer.model import Event, Source
from tailer.observe import ignore
from tailer.sinks.formats.chosen import read_fields
from tailer.sinks.http.answers import Answer, Away, Refused, Taken, answer_of
from tailer.sinks.options import SinkContext
from tailer.sinks.otlp.encoding import Encoding, JsonEncoding
from tailer.sinks.otlp.preset import OtlpPreset
from tailer.sinks.otlp.protobuf import ProtobufEncoding
from tailer.sinks.otlp.records import SEVERITIES, Records
from tailer.sinks.otlp.sink import OtlpSink
from tailer.sinks.registry import plan

OSLO = Source("acc", "oslo", 'Oslo "1" Bø', "SN1", 1_785_585_601.5)
BERN = Source("acc", "bern", "Bern", "", 1_785_585_602.5)
EVENTS = [
    Event(1_785_585_600.25, 1, "Leave", 1_785_585_601, OSLO),
    Event(1_785_585_600, 2, "Reconcile", 1_785_585_601, BERN, late=True),
    Event(1_785_585_601, 2**64, "HaTransition", 1e300, OSLO, e={"peer": "Ü"}),
]
CONSTANTS = {"deployment.environment.name": "lab", "service.name": "mine"}
JSON = JsonEncoding(Records(CONSTANTS))
PROTOBUF = ProtobufEncoding(Records(CONSTANTS))


def attributes(pairs: Sequence[KeyValue]) -> dict[str, Any]:
    """Give attributes as Python has them."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "") for pair in pairs}


def test_both_encodings_say_the_same() -> None:
    """The official classes read one message from both."""
    read = ExportLogsServiceRequest.FromString(PROTOBUF.render(EVENTS))
    assert Parse(JSON.render(EVENTS), ExportLogsServiceRequest()) == read


def test_the_connector_is_the_resource() -> None:
    """Each connector has its own, with the constants, and its events in their order."""
    oslo, bern = ExportLogsServiceRequest.FromString(PROTOBUF.render(EVENTS)).resource_logs
    assert attributes(oslo.resource.attributes) == {
        "service.name": "mine",
        "service.instance.id": "oslo",
        "cloud.provider": "cloudflare",
        "cloud.account.id": "acc",
        "host.name": OSLO.name,
        "device.serial": "SN1",
        "deployment.environment.name": "lab",
    }
    assert "device.serial" not in attributes(bern.resource.attributes)
    records = oslo.scope_logs[0].log_records
    assert [record.body.string_value for record in records] == ["Leave", "HaTransition"]


def test_a_record_holds_the_whole_event() -> None:
    """Both times, severity, and everything that the API told, numbers beyond 64 bits as texts."""
    (oslo, bern) = ExportLogsServiceRequest.FromString(PROTOBUF.render(EVENTS)).resource_logs
    first, second = oslo.scope_logs[0].log_records
    assert first.time_unix_nano == 1_785_585_600_250_000_000
    assert first.observed_time_unix_nano == 1_785_585_601_500_000_000
    assert (first.severity_number, first.severity_text) == (13, "warning")
    assert attributes(first.attributes) == {
        "log.record.uid": EVENTS[0].id,
        "t": 1_785_585_600.25,
        "n": 1,
        "a": 1_785_585_601,
        "late": False,
    }
    told = attributes(second.attributes)
    assert (told["n"], told["a"], told["e"]) == (str(2**64), 1e300, '{"peer":"Ü"}')
    assert attributes(bern.scope_logs[0].log_records[0].attributes)["late"] is True


CHOSEN = read_fields({"when": "time", "id": "id", "n": "n", "more": "e", "at": "seen", "what": "k"})


@pytest.mark.parametrize("encoding", [JsonEncoding, ProtobufEncoding])
def test_chosen_fields_are_the_attributes(encoding: Callable[[Records], Encoding]) -> None:
    """By the place's names, none for what an event does not have; the uid stays, and the body is as asked."""
    strange = Event(1e300, 2**64, "Init", 3, BERN)
    body = encoding(Records({}, CHOSEN, r"{k} of\n{name}")).render([EVENTS[2], strange])
    read = Parse(body, ExportLogsServiceRequest()) if body[:1] == b"{" else None
    oslo, bern = (read or ExportLogsServiceRequest.FromString(body)).resource_logs
    (first,), (second,) = oslo.scope_logs[0].log_records, bern.scope_logs[0].log_records
    assert attributes(first.attributes) == {
        "log.record.uid": EVENTS[2].id,
        "when": "2026-08-01T12:00:01Z",
        "id": EVENTS[2].id,
        "n": str(2**64),
        "more": '{"peer":"Ü"}',
        "at": 1_785_585_601.5,
        "what": "HaTransition",
    }
    assert attributes(second.attributes).keys() == {"log.record.uid", "id", "n", "at", "what"}
    assert second.body.string_value == "Init of\nBern"


def test_the_uid_is_no_field_of_choice(tmp_path: Path) -> None:
    """It is there in any case, and an attribute must not be there twice."""
    table = {"type": "otlp", "url": "https://x", "fields": {"log.record.uid": "id"}}
    with pytest.raises(ConfigError, match=r'fields: "log.record.uid" holds the id already; leave it out'):
        plan(table, "sinks[0]", tmp_path)


def test_every_level_has_a_severity() -> None:
    """And they ascend."""
    assert list(SEVERITIES) == list(LEVELS)
    assert sorted(SEVERITIES.values()) == list(SEVERITIES.values())


def answers(encoding: Encoding, status: int, rejected: int, words: str) -> Answer:
    """Write an answer as a receiver does."""
    partial = ExportLogsPartialSuccess(rejected_log_records=rejected, error_message=words)
    message = partial if status >= 300 else ExportLogsServiceResponse(partial_success=partial)
    if encoding is PROTOBUF:
        return answer_of(status, message.SerializeToString(), Retry_After="3")
    text = MessageToJson(message).replace("errorMessage", "message" if status >= 300 else "errorMessage")
    return answer_of(status, text.encode(), Retry_After="3")


@pytest.mark.parametrize("encoding", [JSON, PROTOBUF])
def test_a_partial_success_loses_nothing(encoding: Encoding) -> None:
    """Who was refused is not told and must not be sent again: all of them are set aside, with that said."""
    preset = OtlpPreset(encoding)
    assert preset.judge(answers(encoding, 200, 0, ""), 3) == Taken()
    assert preset.judge(answers(encoding, 200, 0, "mind the gap"), 3) == Taken()
    assert preset.judge(answers(encoding, 200, 3, "too old"), 3) == Taken(
        dict.fromkeys(range(3), "refused: too old")
    )
    verdict = preset.judge(answers(encoding, 200, 1, "too old"), 3)
    reason = "1 of the 3 events sent with this one were refused, the counterpart does not say which: too old"
    assert verdict == Taken(dict.fromkeys(range(3), reason))


@pytest.mark.parametrize("encoding", [JSON, PROTOBUF])
def test_statuses_are_judged_with_their_words(encoding: Encoding) -> None:
    """A status's message is read from its body; a refusal is a refusal, and what passes is waited for."""
    preset = OtlpPreset(encoding)
    assert preset.judge(answers(encoding, 400, 7, "no body"), 3) == Refused("HTTP 400: no body")
    busy = preset.judge(answers(encoding, 503, 7, "full"), 3)
    assert busy == Away("takes nothing at present (HTTP 503: full)", 3.0)
    assert preset.judge(answer_of(400, b"\xff<html>"), 3) == Refused("HTTP 400: \ufffd<html>")


@pytest.mark.parametrize("encoding", [JSON, PROTOBUF])
def test_what_is_no_answer_accepts_nothing(encoding: Encoding) -> None:
    """Another server's page is not taken for success; an empty body is one."""
    preset = OtlpPreset(encoding)
    assert isinstance(preset.judge(answer_of(200, b"<html>hello"), 3), Away)
    assert preset.judge(answer_of(200, b""), 3) == Taken()


def test_without_the_package_json_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mistake says what to install, or to write."""
    monkeypatch.delitem(sys.modules, "tailer.sinks.otlp.protobuf")
    monkeypatch.setitem(sys.modules, "opentelemetry.proto.collector.logs.v1.logs_service_pb2", None)
    context = SinkContext("logs", BytesIO(), {}, ignore)
    with pytest.raises(ConfigError) as caught:
        OtlpSink(OtlpSink.Config(url="https://x"), context)
    assert str(caught.value) == (
        "sink 'logs' needs the package opentelemetry, which is not installed; run: pip install"
        " 'cf-tailer[otlp]', or write encoding = \"json\""
    )
    OtlpSink(OtlpSink.Config(url="https://x", encoding="json"), context)
