"""Requests of OTLP over HTTP in both of its encodings, and what their answers tell.

Source: opentelemetry-proto, ``logs_service.proto``; OTLP's specification, "JSON Protobuf Encoding": names in
lowerCamelCase, 64-bit numbers as texts, enumerations as numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from tailer.model import Event
from tailer.sinks.instants import nanoseconds_of
from tailer.sinks.otlp.records import SCOPE, SEVERITIES, Attributes, Records, Value


class Told(NamedTuple):
    """What an answer's body tells: records refused of a request that was accepted, and words."""

    rejected: int
    words: str


class Encoding(Protocol):
    """How requests and answers are written."""

    @property
    def content_type(self) -> str:
        """Of both."""

    def render(self, events: Sequence[Event]) -> bytes:
        """Write an ``ExportLogsServiceRequest``."""

    def read_success(self, body: bytes) -> Told:
        """Read an ``ExportLogsServiceResponse``; raises ``ValueError``."""

    def read_failure(self, body: bytes) -> str:
        """Read the words of a ``Status``; raises ``ValueError``."""


def seen_of(event: Event) -> int:
    """Give the time of reading in nanoseconds, exact to the millisecond."""
    return max(0, round(event.seen * 1000)) * 10**6


def by_connector(events: Sequence[Event]) -> Mapping[tuple[str, str], list[Event]]:
    """Group events by their connector, each group in its order."""
    groups: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        groups.setdefault((event.account, event.connector), []).append(event)
    return groups


class _Partial(msgspec.Struct, frozen=True, rename="camel"):
    rejected_log_records: int | str = 0
    error_message: str = ""


class _Success(msgspec.Struct, frozen=True, rename="camel"):
    partial_success: _Partial | None = None


class _Failure(msgspec.Struct, frozen=True):
    message: str = ""


class JsonEncoding:
    """OTLP as JSON, which needs no package.

    Args:
        records: What connectors and events are.
    """

    content_type = "application/json"

    def __init__(self, records: Records) -> None:
        self._records = records

    def render(self, events: Sequence[Event]) -> bytes:
        """Write a request."""
        groups = by_connector(events).values()
        return msgspec.json.encode({"resourceLogs": [self._group(group) for group in groups]})

    def read_success(self, body: bytes) -> Told:
        """Read an answer; some servers send nothing at all."""
        told = msgspec.json.decode(body or b"{}", type=_Success).partial_success
        return Told(0, "") if told is None else Told(int(told.rejected_log_records), told.error_message)

    def read_failure(self, body: bytes) -> str:
        """Read a status."""
        return msgspec.json.decode(body, type=_Failure).message

    def _group(self, events: Sequence[Event]) -> dict[str, Any]:
        return {
            "resource": {"attributes": _pairs(self._records.resource_of(events[-1].source))},
            "scopeLogs": [
                {"scope": {"name": SCOPE}, "logRecords": [self._record(event) for event in events]}
            ],
        }

    def _record(self, event: Event) -> dict[str, Any]:
        return {
            "timeUnixNano": str(nanoseconds_of(event)),
            "observedTimeUnixNano": str(seen_of(event)),
            "severityNumber": SEVERITIES[event.level],
            "severityText": event.level,
            "body": {"stringValue": self._records.body_of(event)},
            "attributes": _pairs(self._records.attributes_of(event)),
        }


def _pairs(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes]


def _value(value: Value) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": value}
