"""Events as syslog messages. Source: RFC 5424, sections 6 and 6.3.3.

Rules:

1. The severity is the level's, the time is the event's own (UTC), the host is the connector's id, the message
   id is the kind: what a receiver may sort and filter by needs no parser for anything of ours.
2. All fields of the record are parameters of one structured data element, `id` first; a payload is one more,
   as JSON. The text is for people: kind and name.
3. Texts are escaped as in every format, so no message holds a line end or anything that a terminal obeys.
4. A message that is too long goes without its payload; one that still is can't be sent.
"""

from __future__ import annotations

import re
from typing import Final

from tailer.model import Event
from tailer.sinks.text import MinuteTexts, escaped, payload_text

FACILITIES: Final = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock", *(f"local{number}" for number in range(8))),
)
"""By their numbers, from 0."""

SEVERITIES: Final = {"critical": 2, "error": 3, "warning": 4, "notice": 5, "info": 6, "debug": 7}
"""Of our levels."""

_UNPRINTABLE = re.compile("[^!-~]")
_MAX_HOST = 255
_MAX_KIND = 32
_BOM = "\ufeff"  # what tells a receiver that a text is UTF-8


class SyslogFormat:
    """Renders messages.

    Args:
        facility: One of `FACILITIES`.
        app_name: Who sends.
        element: Name of the structured data element.
        max_bytes: The longest message.
    """

    def __init__(self, facility: str, app_name: str, element: str, max_bytes: int) -> None:
        self._facility = FACILITIES.index(facility) * 8
        self._app_name = app_name
        self._element = element
        self._max_bytes = max_bytes
        self._minutes = MinuteTexts("T")

    def render(self, event: Event) -> bytes | None:
        """Render a message without any framing; ``None``: it would be too long."""
        message = self._render(event, with_payload=event.e is not None)
        if len(message) > self._max_bytes and event.e is not None:
            message = self._render(event, with_payload=False)
        return None if len(message) > self._max_bytes else message

    def _render(self, event: Event, *, with_payload: bool) -> bytes:
        source = event.source
        instant = self._minutes.instant(event.t)
        fields = {
            "id": event.id,
            "account": source.account,
            "connector": source.connector,
            "name": source.name,
            "serial": source.serial,
            "k": event.k,
            "level": event.level,
            "t": str(event.t),
            "n": str(event.n),
            "a": str(event.a),
            "seen": f"{source.seen:.3f}",
            "late": "true" if event.late else "false",
        }
        if with_payload and event.e is not None:
            fields["e"] = payload_text(event.e)
        data = "".join(f' {name}="{_value(text)}"' for name, text in fields.items())
        text = escaped(f"{event.k} {source.name}")
        mark = "" if text.isascii() else _BOM
        return (
            f"<{self._facility + SEVERITIES[event.level]}>1 {'-' if instant is None else f'{instant}Z'}"
            f" {_word(source.connector, _MAX_HOST)} {self._app_name} - {_word(event.k, _MAX_KIND)}"
            f" [{self._element}{data}] {mark}{text}"
        ).encode()


def _value(text: str) -> str:
    """Write a parameter's value; only three characters are special there."""
    return escaped(text).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _word(text: str, most: int) -> str:
    """Write what may only have visible ASCII; nothing at all is a dash."""
    return _UNPRINTABLE.sub("_", text)[:most] or "-"
