"""What an event is in the data model of OpenTelemetry logs; pure, and the same for both encodings.

The connector is the resource. The record's body is the kind, or what a template makes of the event; its
attributes are the API's own fields, or those that were chosen, and ``log.record.uid`` carries the id in any
case: records with the same one may be dropped as duplicates.

Source: OpenTelemetry, "Logs Data Model" with its mapping of syslog's severities, and the semantic conventions
for ``service``, ``cloud``, ``host`` and ``log.record``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from tailer.model import Event, Source
from tailer.sinks.formats.chosen import ChosenField
from tailer.sinks.formats.fields import FIELDS
from tailer.sinks.formats.records import PAYLOAD
from tailer.sinks.formats.template import TemplateFormat
from tailer.sinks.text import MinuteTexts, payload_text

Value: TypeAlias = str | int | float | bool
Attributes: TypeAlias = Sequence[tuple[str, Value]]

SEVERITIES = {"debug": 5, "info": 9, "notice": 10, "warning": 13, "error": 17, "critical": 18}
"""``severity_number`` of a level."""

SCOPE = "tailer"
"""Who wrote the records: the instrumentation scope."""

UID = "log.record.uid"
"""The attribute of the id."""

_ATTRIBUTES = tuple(ChosenField(name, name) for name in ("t", "n", "a", "late", PAYLOAD))


class Records:
    """What connectors and events are.

    Args:
        constants: More attributes of every resource; they outrank ours.
        fields: Attributes of every record, besides `UID`; empty: the API's own fields.
        template: What a record's body is; ``None``: its kind.
    """

    def __init__(
        self,
        constants: Mapping[str, str],
        fields: Sequence[ChosenField] = (),
        template: str | None = None,
    ) -> None:
        self._constants = constants
        chosen = (ChosenField(UID, "id"), *(fields or _ATTRIBUTES))
        self._fields = [(one.name, _reader(one.field)) for one in chosen]
        self._template = None if template is None else TemplateFormat(template)

    def resource_of(self, source: Source) -> Attributes:
        """Give a connector's attributes."""
        ours = {
            "service.name": "magic-wan-connector",
            "service.instance.id": source.connector,
            "cloud.provider": "cloudflare",
            "cloud.account.id": source.account,
            "host.name": source.name,
        }
        if source.serial:
            ours["device.serial"] = source.serial
        return list({**ours, **self._constants}.items())

    def attributes_of(self, event: Event) -> Attributes:
        """Give an event's attributes; none for what it does not have."""
        return [(name, value) for name, read in self._fields if (value := read(event)) is not None]

    def body_of(self, event: Event) -> str:
        """Give the text of an event's record."""
        if self._template is None:
            return event.k
        return self._template.render([event]).decode().removesuffix("\n")


def _reader(field: str) -> Callable[[Event], Value | None]:
    """Make what gives a field of an event, ``None`` where it has none."""
    if field == PAYLOAD:
        return lambda event: None if event.e is None else payload_text(event.e)
    if field == "time":
        return _time_reader()
    of = FIELDS[field].of
    if FIELDS[field].sort == "number":
        return lambda event: _number(of(event))
    return of


def _time_reader() -> Callable[[Event], Value | None]:
    minutes = MinuteTexts("T")

    def read(event: Event) -> Value | None:
        instant = minutes.instant(event.t)
        return None if instant is None else f"{instant}Z"

    return read


def _number(number: int | float) -> Value:
    """Give a number, as a text if 64 bits don't hold it exactly."""
    return str(number) if isinstance(number, int) and not -(2**63) <= number < 2**63 else number
