"""Events as syslog messages. Source: RFC 5424, sections 6 and 6.3.3.

Rules:

1. The severity is the level's, the time is the event's own (UTC), the host is the connector's id, the message
   id is the kind: what a receiver may sort and filter by needs no parser for anything of ours.
2. The fields of the record, or those that were chosen, are parameters of one structured data element; a
   payload is one more, as JSON. The text is for people: kind and name, or what a template makes of them.
3. Texts are escaped as in every format, so no message holds a line end or anything that a terminal obeys.
4. A message that is too long goes without its payload; one that still is can't be sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tailer.model import Event
from tailer.sinks.formats.chosen import ChosenField, ChosenFormat
from tailer.sinks.formats.records import FIELDS, PAYLOAD, Notation
from tailer.sinks.formats.template import TemplateFormat
from tailer.sinks.text import MinuteTexts, escaped

FACILITIES: Final = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock", *(f"local{number}" for number in range(8))),
)
"""By their numbers, from 0."""

SEVERITIES: Final = {"critical": 2, "error": 3, "warning": 4, "notice": 5, "info": 6, "debug": 7}
"""Of our levels."""

NAME: Final = r"[!#-<>-\\^-~]{1,32}"
"""What an element or a parameter may be called. Source: RFC 5424, section 6.3.1, ``SD-NAME``."""

_PARAMETERS: Final = [ChosenField(name, name) for name in (*FIELDS, PAYLOAD) if name != "time"]

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
        fields: Its parameters; empty: all fields of the record but the time, which stands before them.
        template: What its text is; ``None``: kind and name.
    """

    def __init__(
        self,
        facility: str,
        app_name: str,
        element: str,
        max_bytes: int,
        *,
        fields: Sequence[ChosenField] = (),
        template: str | None = None,
    ) -> None:
        self._facility = FACILITIES.index(facility) * 8
        self._app_name = app_name
        self._max_bytes = max_bytes
        chosen = fields or _PARAMETERS
        self._whole = _make_element(element, chosen)
        self._short = _make_element(element, [one for one in chosen if one.field != PAYLOAD])
        self._template = None if template is None else TemplateFormat(template)
        self._minutes = MinuteTexts("T")

    def render(self, event: Event) -> bytes | None:
        """Render a message without any framing; ``None``: it would be too long."""
        message = self._render(event, self._short if event.e is None else self._whole)
        if len(message) > self._max_bytes and event.e is not None:
            message = self._render(event, self._short)
        return None if len(message) > self._max_bytes else message

    def _render(self, event: Event, element: ChosenFormat | None) -> bytes:
        instant = self._minutes.instant(event.t)
        data = "-" if element is None else element.render([event]).decode()
        text = self._text(event)
        mark = "" if text.isascii() else _BOM
        return (
            f"<{self._facility + SEVERITIES[event.level]}>1 {'-' if instant is None else f'{instant}Z'}"
            f" {_word(event.connector, _MAX_HOST)} {self._app_name} - {_word(event.k, _MAX_KIND)}"
            f" {data} {mark}{text}"
        ).encode()

    def _text(self, event: Event) -> str:
        if self._template is None:
            return escaped(f"{event.k} {event.name}")
        return escaped(self._template.render([event]).decode().removesuffix("\n"))


def _make_element(name: str, fields: Sequence[ChosenField]) -> ChosenFormat | None:
    """Make what writes the structured data; ``None``: there is nothing to be written."""
    if not fields:
        return None
    # Every value is quoted: a separator ends the one before it, and a key begins the next.
    notation = Notation(f"[{name} ", '"]', '" ', key='{}="'.format, text=_value, none="", payload=None)
    return ChosenFormat(notation, fields)


def _value(text: str) -> str:
    """Write a parameter's value; only three characters are special there."""
    return escaped(text).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _word(text: str, most: int) -> str:
    """Write what may only have visible ASCII; nothing at all is a dash."""
    return _UNPRINTABLE.sub("_", text)[:most] or "-"
