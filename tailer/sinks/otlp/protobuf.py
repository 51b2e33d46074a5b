"""OTLP as protobuf, by the classes that OpenTelemetry publishes; imported only where it is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from tailer.model import Event
from tailer.sinks.extras import extra
from tailer.sinks.instants import nanoseconds_of
from tailer.sinks.otlp.encoding import Told, by_connector, seen_of
from tailer.sinks.otlp.records import SCOPE, SEVERITIES, Records, Value

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
        records: What connectors and events are.
    """

    content_type = "application/x-protobuf"

    def __init__(self, records: Records) -> None:
        self._records = records

    def render(self, events: Sequence[Event]) -> bytes:
        """Write a request."""
        request = ExportLogsServiceRequest()
        for group in by_connector(events).values():
            logs = request.resource_logs.add()
            for key, value in self._records.resource_of(group[-1].source):
                _set(logs.resource.attributes.add(key=key), value)
            scope = logs.scope_logs.add()
            scope.scope.name = SCOPE
            for event in group:
                self._write(scope.log_records.add(), event)
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

    def _write(self, record: LogRecord, event: Event) -> None:
        level = event.level
        record.time_unix_nano = nanoseconds_of(event)
        record.observed_time_unix_nano = seen_of(event)
        record.severity_number = SeverityNumber.ValueType(SEVERITIES[level])
        record.severity_text = level
        record.body.string_value = self._records.body_of(event)
        add = record.attributes.add
        for key, value in self._records.attributes_of(event):
            _set(add(key=key), value)


_FIELDS = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}


def _set(pair: KeyValue, value: Value) -> None:
    setattr(pair.value, _FIELDS[type(value)], value)
