"""The sink `otlp`: logs for an OpenTelemetry collector, or for whatever speaks its protocol over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tailer.config.words import quoted
from tailer.errors import ConfigError
from tailer.sinks.formats.choice import Template
from tailer.sinks.formats.chosen import ChosenField
from tailer.sinks.http.options import RequestOptions, check_request
from tailer.sinks.http.requests import RequestSink
from tailer.sinks.options import SinkContext
from tailer.sinks.otlp.encoding import Encoding, JsonEncoding
from tailer.sinks.otlp.preset import OtlpPreset
from tailer.sinks.otlp.records import UID, Records


class OtlpSink(RequestSink):
    """A receiver of OpenTelemetry logs; delivery is at least once.

    Args:
        config: See `Config`.
        context: Its ``environ`` has the variables that the options name.

    Raises:
        ConfigError: A variable is not set, or the package for protobuf is not installed.
    """

    class Config(RequestOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Options; those of the way there are at `tailer.sinks.http.options.RequestOptions`.

        Attributes:
            encoding: How requests are written: "protobuf", which needs the extra ``otlp``, or "json".
            attributes: Constants of every resource, such as {"deployment.environment.name" = "lab"}.
            template: What the body of a record is, such as "{name}: {k}"; times are UTC. Absent: its kind.
                See `tailer.sinks.formats.template`.
        """

        encoding: Literal["protobuf", "json"] = "protobuf"
        attributes: dict[str, str] = {}  # noqa: RUF012 - msgspec gives each its own
        template: Template | None = None

        @property
        def no_fields(self) -> None:
            """Why fields can't be chosen: they can, as attributes."""

        def why_unfit(self, fields: Sequence[ChosenField]) -> str | None:
            """Say why a record can't have these fields; ``None``: it can."""
            if all(one.name != UID for one in fields):
                return None
            return f"{quoted(UID)} holds the id already; leave it out"

        def __post_init__(self) -> None:
            """Compare options; raises ``ValueError``."""
            check_request(self)

    def __init__(self, config: Config, context: SinkContext) -> None:
        super().__init__(config, OtlpPreset(_make_encoding(config, context)), context)


def _make_encoding(config: OtlpSink.Config, context: SinkContext) -> Encoding:
    records = Records(config.attributes, context.fields, config.template)
    if config.encoding == "json":
        return JsonEncoding(records)
    try:
        from tailer.sinks.otlp.protobuf import ProtobufEncoding  # noqa: PLC0415 - only where asked for
    except ConfigError as error:
        raise ConfigError(f'sink {context.name!r} {error}, or write encoding = "json"') from error
    return ProtobufEncoding(records)
