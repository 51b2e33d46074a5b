r"""Lines as somebody wants them: ``{time:%H:%M:%S} {name!c:<20} {k}``.

The language is that of Python's ``str.format``, cut down so that it can do nothing but write fields:

1. ``{field}``, ``{field:spec}``, ``{field!conversion}``, ``{field!conversion:spec}``. Fields have the names
   of `fields.FIELDS`, and ``json`` is the whole record; there are no attributes, indexes or expressions.
   ``{{`` and ``}}`` are braces; ``\n``, ``\t`` and ``\\`` are understood. A line's end is added.
2. A spec aligns, pads and cuts (``<20``, ``>8``, ``^9``, ``.10``), counted in the cells of a terminal; for
   times it can be one of strftime (``%H:%M``), for numbers one of Python's (``,``, ``.3f``).
3. ``!c`` gives a field its colour, where there are colours: a connector's own, a level's, a late mark's.
   ``!j`` writes a field as JSON, with quotes and escapes.
4. All that can be wrong is told when the template is read. No event makes rendering fail: a value that a
   spec doesn't fit is written as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from string import Formatter
from typing import Any, TypeAlias

from tailer.config.words import nearest_of, quoted
from tailer.core.durations import format_duration
from tailer.model import Event
from tailer.sinks.formats.colors import LATE, QUIET, of_connector, of_kind, painter
from tailer.sinks.formats.fields import FIELDS, Field
from tailer.sinks.formats.jsonl import JsonlFormat
from tailer.sinks.formats.records import FIELDS as RECORD_FIELDS
from tailer.sinks.formats.records import PAYLOAD
from tailer.sinks.formats.specs import number_spec, text_spec
from tailer.sinks.text import escaped, json_text, payload_text
from tailer.sinks.zones import Zone, iso, moment

Piece: TypeAlias = Callable[[Event], str]

_RECORD = "json"
_BACKSLASH = re.compile(r"\\(.?)", re.DOTALL)
_CUTTING = re.compile(r"\.|[efg%]$")  # a precision, or a format of numbers that has one
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\"}
_NAMES = frozenset({"name", "connector", "serial", "account", "id"})


def fields_in(template: str) -> frozenset[str]:
    """Name the fields that the lines of a valid template have uncut; for ``json`` those of the record."""
    names = frozenset(
        name
        for _, name, spec, _ in Formatter().parse(_unescaped(template))
        if name is not None and not _CUTTING.search(spec or "")
    )
    return names.union(RECORD_FIELDS, [PAYLOAD]) if _RECORD in names else names


class TemplateFormat:
    """Renders lines by a template.

    Args:
        template: The text.
        zone: Of the times.
        color: Whether ``!c`` does something.

    Raises:
        ValueError: The template is wrong; one sentence.
    """

    def __init__(self, template: str, *, zone: Zone = UTC, color: bool = False) -> None:
        self.header = b""
        self._zone = zone
        self._paint = painter(color=color)
        self._record = JsonlFormat()
        self._pieces = [*self._compile(template)]

    def render(self, events: Sequence[Event]) -> bytes:
        """Render events in their order, each with its line's end; UTF-8. Never raises."""
        pieces = self._pieces
        return "".join([piece(event) for event in events for piece in pieces]).encode()

    def _compile(self, template: str) -> list[Piece]:
        try:
            parsed = list(Formatter().parse(_unescaped(template)))
        except ValueError as error:
            raise ValueError(f"{error}; a brace itself is written {{{{ or }}}}") from None
        pieces: list[Piece] = []
        for text, name, spec, conversion in parsed:
            pieces.append(_always(text))
            if name is not None:
                pieces.append(self._field(name, spec or "", conversion))
        if all(name is None for _, name, _, _ in parsed):
            raise ValueError("it has no field, so all lines would be the same; write for example {time} {k}")
        return [*pieces, _always("\n")]

    def _field(self, name: str, spec: str, conversion: str | None) -> Piece:
        if conversion not in {None, "c", "j"}:
            raise ValueError(f"there is no conversion !{conversion}, only !c (colour) and !j (JSON)")
        if name == _RECORD:
            fit = text_spec(spec)
            return lambda event: fit(self._record.render([event]).decode().rstrip("\n"))
        if name not in FIELDS:
            what = f"there is no field {quoted(name)}" if name else "a field has no name"
            raise ValueError(f"{what}; {nearest_of(name, [*FIELDS, _RECORD])}")
        field = FIELDS[name]
        if conversion == "j":
            fit = text_spec(spec)
            return lambda event: fit(self._json(field, event))
        plain = self._plain(field, spec)
        return self._painted(name, plain) if conversion == "c" else plain

    def _plain(self, field: Field, spec: str) -> Piece:
        """Make what writes a field without colours."""
        if field.sort == "time" and "%" in spec:
            return self._clock(field, spec)
        if field.sort == "number" or (field.sort == "duration" and spec.endswith(tuple("defg%"))):
            write = number_spec(spec)
            return lambda event: write(field.of(event))
        fit = text_spec(spec)
        return lambda event: fit(self._text(field, event))

    def _text(self, field: Field, event: Event) -> str:
        value = field.of(event)
        match field.sort:
            case "time":
                return iso(self._zone, value)
            case "duration":
                return format_duration(value)
            case "flag":
                return "late" if value else ""
            case "payload":
                return "" if value is None else payload_text(value)
            case _:
                return escaped(str(value))

    def _clock(self, field: Field, spec: str) -> Piece:
        """Make what writes a time by strftime."""
        datetime.now(UTC).strftime(spec)  # tells now what would fail later

        def write(event: Event) -> str:
            at = moment(self._zone, field.of(event))
            return str(field.of(event)) if at is None else at.strftime(spec)

        return write

    def _json(self, field: Field, event: Event) -> str:
        value = field.of(event)
        if field.sort == "time":
            return "null" if moment(self._zone, value) is None else json_text(iso(self._zone, value))
        if field.sort == "flag":
            return "true" if value else "false"
        if field.sort == "payload":
            return "null" if value is None else payload_text(value)
        return json_text(value) if isinstance(value, str) else str(value)

    def _painted(self, name: str, plain: Piece) -> Piece:
        """Make what writes a field in its colour."""

        def style(event: Event) -> dict[str, Any]:
            if name in _NAMES:
                return of_connector(event.connector)
            if name in {"level", "k"}:
                return of_kind(event.k)
            if name in {"late", "lateness"}:
                return LATE if event.late else {}
            return QUIET

        def write(event: Event) -> str:
            text = plain(event)
            return self._paint(text, **style(event)) if text else ""

        return write


def _always(text: str) -> Piece:
    return lambda _event: text


def _unescaped(template: str) -> str:
    """Read backslashes; raises ``ValueError``."""
    try:
        template.encode()
    except UnicodeEncodeError:
        raise ValueError("it is not valid UTF-8") from None

    def read(match: re.Match[str]) -> str:
        if match[1] not in _ESCAPES:
            raise ValueError(rf"{quoted(match[0])} means nothing, only \n, \t and \\ do")
        return _ESCAPES[match[1]]

    return _BACKSLASH.sub(read, template)
