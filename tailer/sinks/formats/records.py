"""The record of an event in the notations that programs read: one engine for JSON Lines, logfmt and CSV.

All have the same fields in the same order, the one that the manual shows (`FIELDS`), and behind them the
payload of an event that has one, as JSON. The rules that make it
fast (a record costs well under a microsecond, so that 100,000 events a second leave the processor to others):

1. All that a poll's events share (id, names, time of reading) is rendered once per `Source`, which is the
   same object for all of them; kind and level once per kind; a time once.
2. Each event is one f-string of those pieces, which hold the notation's keys and separators as well. Whole
   numbers and floats are written by Python, whose shortest form of a float all three notations read.
3. A payload is the one thing that is written anew for each event: one costs a request, so they are few.
4. Every cache is bounded; a full one is emptied, for rebuilding costs less than keeping an order would.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from tailer.kinds import level_of
from tailer.model import Event, Source
from tailer.sinks.text import MinuteTexts, payload_text

FIELDS = (
    "id",
    "time",
    "account",
    "connector",
    "name",
    "serial",
    "k",
    "level",
    "t",
    "n",
    "a",
    "seen",
    "late",
)
"""Of every record, in this order."""

PAYLOAD = "e"
"""The field of the payload, the last one."""

_MAX_CACHED = 4096
_SourceTexts: TypeAlias = tuple[str, str, str, tuple[str, str]]
_HOLE = "0.0"  # stands for t and n while an id is quoted; digits and the point are quoted nowhere


class Notation(NamedTuple):
    """How a record is written.

    Attributes:
        begin: What a record begins with.
        end: What it ends with, the line's end included.
        separator: Between two fields.
        key: Writes what stands before a field's value, given the field's name.
        text: Writes a text, quoted if need be.
        none: Stands for a time that has no text.
        payload: Writes what stands for a payload, given its JSON, label and all; ``None``: nothing does.
    """

    begin: str
    end: str
    separator: str
    key: Callable[[str], str]
    text: Callable[[str], str]
    none: str
    payload: Callable[[str], str] | None

    def label(self, field: str) -> str:
        """Write what stands between a value and the next one, the one of `field`."""
        return self.separator + self.key(field)


class RecordFormat:
    """Renders records; a `tailer.sinks.formats.format.Format`.

    Args:
        notation: How they are written.
        header: What comes before the first.
        columns: Whether a record without a payload has an empty one.

    Attributes:
        header: As given.
        beginning: What every file of records begins with.
    """

    def __init__(self, notation: Notation, header: bytes = b"", *, columns: bool = False) -> None:
        self.header = header
        self._columns = columns
        self.beginning = header or f"{notation.begin}{notation.key('id')}".encode()
        self._notation = notation
        self._names: dict[tuple[str, str, str, str], tuple[str, str, str]] = {}
        self._sources: dict[Source, _SourceTexts] = {}
        self._kinds = _KindTexts(notation)
        self._times = TimeTexts(notation)
        self._numbers = _NumberTexts()
        self._n_label = notation.label("n")
        self._a_label = notation.label("a")

    def render(self, events: Sequence[Event]) -> bytes:
        """Render events in their order, each on a line of its own that is ended; UTF-8. Never raises."""
        kinds, times, numbers = self._kinds, self._times, self._numbers
        n_label, a_label = self._n_label, self._a_label
        columns = self._columns
        lines: list[str] = []
        add = lines.append
        source: Source | None = None
        head = after_id = names = ""
        tails = ("", "")
        for event in events:
            if event.source is not source:
                source = event.source
                head, after_id, names, tails = self._sources.get(source) or self._render(source)
            t, time = times[event.t]
            n = event.n
            tail = tails[event.late]
            if columns or event.e is not None:
                tail = self._with_payload(tail, event)
            add(
                f"{head}{t}.{n}{after_id}{time}{names}{kinds[event.k]}{t}{n_label}{n}{a_label}{numbers[event.a]}"
                f"{tail}"
            )
        return "".join(lines).encode()

    def _with_payload(self, tail: str, event: Event) -> str:
        """Put what stands for the payload before a line's end."""
        write, end = self._notation.payload, self._notation.end
        if write is None:
            return tail
        payload = "" if event.e is None else payload_text(event.e)
        return f"{tail.removesuffix(end)}{write(payload)}{end}"

    def _render(self, source: Source) -> _SourceTexts:
        """Render what a poll's events share: around t and n in the id, the names, and the end (if late)."""
        names = (source.account, source.connector, source.name, source.serial)
        shared = self._names.get(names)
        if shared is None:
            _make_room(self._names)
            shared = self._names[names] = self._render_names(*names)
        label, end = self._notation.label, self._notation.end
        seen = f"{label('seen')}{source.seen:.3f}{label('late')}"
        _make_room(self._sources)
        pieces = self._sources[source] = (*shared, (f"{seen}false{end}", f"{seen}true{end}"))
        return pieces

    def _render_names(self, account: str, connector: str, name: str, serial: str) -> tuple[str, str, str]:
        """Render what all events of a connector share, until someone renames it."""
        notation = self._notation
        label, text = notation.label, notation.text
        before, _, after = text(f"{account}/{connector}/{_HOLE}").rpartition(_HOLE)
        names = (
            f"{label('account')}{text(account)}{label('connector')}{text(connector)}"
            f"{label('name')}{text(name)}{label('serial')}{text(serial)}{label('k')}"
        )
        return f"{notation.begin}{notation.key('id')}{before}", f"{after}{label('time')}", names


class _KindTexts(dict[str, str]):
    """Kind and level with the keys of level and t, rendered on first use."""

    def __init__(self, notation: Notation) -> None:
        super().__init__()
        self._notation = notation

    def __missing__(self, kind: str) -> str:
        _make_room(self)
        label, text = self._notation.label, self._notation.text
        rendered = self[kind] = f"{text(kind)}{label('level')}{text(level_of(kind))}{label('t')}"
        return rendered


class _NumberTexts(dict[float, str]):
    """Numbers as texts. Whole ones are ints everywhere in the house, so 3 and 3.0 don't both come."""

    def __missing__(self, number: float) -> str:
        if len(self) >= _MAX_CACHED:
            self.clear()
        text = self[number] = str(number)
        return text


class TimeTexts(dict[float, tuple[str, str]]):
    """Instants as numbers, and as ISO 8601 in UTC with as many of six decimals as they have."""

    def __init__(self, notation: Notation) -> None:
        super().__init__()
        self._minutes = MinuteTexts("T")
        self._before, self._after = notation.text("Z").split("Z")  # the quotes, if there are any
        self._after = f"Z{self._after}"
        self._none = notation.none

    def __missing__(self, t: float) -> tuple[str, str]:
        if len(self) >= _MAX_CACHED:
            self.clear()
        instant = self._minutes.instant(t)
        text = self._none if instant is None else f"{self._before}{instant}{self._after}"
        texts = self[t] = (str(t), text)
        return texts


def _make_room(cache: dict[Any, Any]) -> None:
    """Empty a cache that is full, just before it grows."""
    if len(cache) >= _MAX_CACHED:
        cache.clear()
