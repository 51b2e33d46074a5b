"""Records of the fields that a place wants, in its order and by its names, in the notations of programs.

Slower than `tailer.sinks.formats.records`, whose pieces stand in one fixed order: a field costs a call. The
texts of a connector's names are rendered once all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from tailer.config.words import name_of, nearest_of, quoted
from tailer.model import Event
from tailer.sinks.formats.csv_rows import NOTATION as CSV
from tailer.sinks.formats.jsonl import NOTATION as JSONL
from tailer.sinks.formats.records import FIELDS, PAYLOAD, Notation, TimeTexts
from tailer.sinks.text import escaped, payload_text

_MAX_CACHED = 4096
_NO_KEY = re.compile(r'[\s="]')  # would end a key of logfmt


FIXED_COLUMNS = "a table has its columns; make a view of those that you want, by your names"
"""Why a sink with a table has no choice of fields."""


class ChosenField(NamedTuple):
    """A field of a record, and what it is called there."""

    name: str
    field: str


def read_fields(raw: object) -> tuple[ChosenField, ...]:
    """Read a list of fields, or a table from new names to fields; raises ``ValueError`` with the nearest."""
    if isinstance(raw, list):
        pairs = [(field, field) for field in raw]
    elif isinstance(raw, dict):
        pairs = list(raw.items())
    else:
        raise ValueError(f"must be a list of fields, or a table of them, not {name_of(raw)}")  # noqa: TRY004 - as readers do
    known = (*FIELDS, PAYLOAD)
    for _, field in pairs:
        if field not in known:
            written = quoted(field) if isinstance(field, str) else name_of(field)
            raise ValueError(f"there is no field {written}; {nearest_of(str(field), known)}")
    if not all(name for name, _ in pairs):
        raise ValueError("a field has no name; write one before its =")
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("one field is there twice; each once is enough")
    return tuple(ChosenField(name, field) for name, field in pairs)


def tells_apart(fields: Iterable[str]) -> bool:
    """Tell whether these fields differ between any two events of one connector."""
    names = frozenset(fields)
    return "id" in names or {"t", "n"} <= names


class ChosenFormat:
    """Renders chosen fields; a `tailer.sinks.formats.format.Format`.

    Args:
        notation: How records are written.
        chosen: At least one.

    Attributes:
        header: What comes before the first record: for CSV the names.
        beginning: What every file of these records begins with; ``None``: that can be anything.
    """

    def __init__(self, notation: Notation, chosen: Sequence[ChosenField]) -> None:
        names = ",".join(notation.text(one.name) for one in chosen)
        self.header = f"{names}{notation.end}".encode() if notation is CSV else b""
        self._notation = notation
        values = _values(notation)
        self.beginning = self.header or _beginning(notation, chosen[0])
        self._fields = [(_label(notation, one.name), values[one.field], one.field) for one in chosen]

    def render(self, events: Sequence[Event]) -> bytes:
        """Render events in their order, each on a line of its own that is ended; UTF-8. Never raises."""
        return "".join(map(self._render, events)).encode()

    def _render(self, event: Event) -> str:
        notation = self._notation
        is_table = notation is CSV
        pieces = [
            label + value(event)
            for label, value, field in self._fields
            if is_table or field != PAYLOAD or event.e is not None
        ]
        return f"{notation.begin}{notation.separator.join(pieces)}{notation.end}"


def _beginning(notation: Notation, first: ChosenField) -> bytes | None:
    """Give what all records begin with, where that is the same: an event may have no payload."""
    if first.field == PAYLOAD:
        return None
    return f"{notation.begin}{_label(notation, first.name)}".encode()


def _label(notation: Notation, name: str) -> str:
    if notation is JSONL:
        return f"{notation.text(name)}:"
    return notation.key(_NO_KEY.sub("_", escaped(name)))


def _values(notation: Notation) -> dict[str, Callable[[Event], str]]:
    times, text = TimeTexts(notation), lru_cache(_MAX_CACHED)(notation.text)

    def payload(event: Event) -> str:
        written = "" if event.e is None else payload_text(event.e)
        return written if notation is JSONL or not written else notation.text(written)

    return {
        "id": lambda event: notation.text(event.id),
        "time": lambda event: times[event.t][1],
        "account": lambda event: text(event.account),
        "connector": lambda event: text(event.connector),
        "name": lambda event: text(event.name),
        "serial": lambda event: text(event.serial),
        "k": lambda event: text(event.k),
        "level": lambda event: text(event.level),
        "t": lambda event: str(event.t),
        "n": lambda event: str(event.n),
        "a": lambda event: str(event.a),
        "seen": lambda event: f"{event.seen:.3f}",
        "late": lambda event: "true" if event.late else "false",
        PAYLOAD: payload,
    }
