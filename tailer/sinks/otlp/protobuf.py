"""OTLP as protobuf, by the classes that OpenTelemetry publishes; imported only where it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tailer.model import Event
from tailer.sinks.extras import extra
from tailer.sinks.instants import nanoseconds_of
from tailer.sinks.otlp.encoding import Told, by_connector, seen_of
from tailer.sinks.otlp.records import SCOPE, SEVERITIES, Value, attributes_of, resource_of

with extra("otlp"):
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
        ExportLogsPartialSuccess,
        ExportLogsServiceRequest,
        ExportLogsServiceResponse,
    )
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber


class ProtobufEncoding:
    """OTLP as protobuf.

    Args:
        constants: More attributes of every resource.
    """

    content_type = "application/x-protobuf"

    def __init__(self, constants: Mapping[str, str]) -> None:
        self._constants = constants

    def render(self, events: Sequence[Event]) -> bytes:
        """Write a request."""
        request = ExportLogsServiceRequest()
        for group in by_connector(events).values():
            logs = request.resource_logs.add()
            for key, value in resource_of(group[-1].source, self._constants):
                _set(logs.resource.attributes.add(key=key), value)
            scope = logs.scope_logs.add()
            scope.scope.name = SCOPE
            for event in group:
                _write(scope.log_records.add(), event)
        return request.SerializeToString()

    def read_success(self, body: bytes) -> Told:
        """Read an answer."""
        try:
            told = ExportLogsServiceResponse.FromString(body).partial_success
        except DecodeError as error:
            raise ValueError(str(error)) from error
        return Told(told.rejected_log_records, told.error_message)

    def read_failure(self, body: bytes) -> str:
        """Read a status: field 1 is a number and field 2 the words, as in a partial success."""
        try:
            return ExportLogsPartialSuccess.FromString(body).error_message
        except DecodeError as error:
            raise ValueError(str(error)) from error


_FIELDS = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}


def _write(record: LogRecord, event: Event) -> None:
    level = event.level
    record.time_unix_nano = nanoseconds_of(event)
    record.observed_time_unix_nano = seen_of(event)
    record.severity_number = SeverityNumber.ValueType(SEVERITIES[level])
    record.severity_text = level
    record.body.string_value = event.k
    add = record.attributes.add
    for key, value in attributes_of(event):
        _set(add(key=key), value)


def _set(pair: KeyValue, value: Value) -> None:
    setattr(pair.value, _FIELDS[type(value)], value)
