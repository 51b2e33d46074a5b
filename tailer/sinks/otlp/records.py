"""What an event is in the data model of OpenTelemetry logs; pure, and the same for both encodings.

The connector is the resource. The record's body is the kind; its attributes are the API's own fields, and
``log.record.uid`` carries the id: records with the same one may be dropped as duplicates.

Source: OpenTelemetry, "Logs Data Model" with its mapping of syslog's severities, and the semantic conventions
for ``service``, ``cloud``, ``host`` and ``log.record``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from tailer.model import Event, Source
from tailer.sinks.text import payload_text

Value: TypeAlias = str | int | float | bool
Attributes: TypeAlias = Sequence[tuple[str, Value]]

SEVERITIES = {"debug": 5, "info": 9, "notice": 10, "warning": 13, "error": 17, "critical": 18}
"""``severity_number`` of a level."""

SCOPE = "tailer"
"""Who wrote the records: the instrumentation scope."""


def resource_of(source: Source, constants: Mapping[str, str]) -> Attributes:
    """Give a connector's attributes; constants outrank ours."""
    ours = {
        "service.name": "magic-wan-connector",
        "service.instance.id": source.connector,
        "cloud.provider": "cloudflare",
        "cloud.account.id": source.account,
        "host.name": source.name,
    }
    if source.serial:
        ours["device.serial"] = source.serial
    return list({**ours, **constants}.items())


def attributes_of(event: Event) -> Attributes:
    """Give an event's attributes."""
    found: list[tuple[str, Value]] = [
        ("log.record.uid", event.id),
        ("t", _number(event.t)),
        ("n", _number(event.n)),
        ("a", _number(event.a)),
        ("late", event.late),
    ]
    if event.e is not None:
        found.append(("e", payload_text(event.e)))
    return found


def _number(number: int | float) -> Value:
    """Give a number, as a text if 64 bits don't hold it exactly."""
    return str(number) if isinstance(number, int) and not -(2**63) <= number < 2**63 else number
