"""JSON Lines: one record an event, exactly as the manual shows it.

The rules that make it fast (a record costs well under a microsecond, so that 100,000 events a second leave
the processor to others):

1. All that a poll's events share (id, names, time of reading) is rendered once per `Source`, which is the
   same object for all of them; kind and level once per kind; a time once.
2. Each event is one f-string of those pieces. Whole numbers and floats are written by Python, whose shortest
   form of a float is JSON as well.
3. Every cache is bounded; a full one is emptied, for rebuilding costs less than keeping an order would.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tailer.kinds import level_of
from tailer.model import Event, Source
from tailer.sinks.text import MinuteTexts, json_text, split

_MAX_CACHED = 4096


class JsonlFormat:
    """Renders JSON Lines; keeps its caches from batch to batch. Not to be shared between threads."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str, str, str], tuple[str, str]] = {}
        self._sources: dict[Source, tuple[str, str, tuple[str, str]]] = {}
        self._kinds = _KindTexts()
        self._times = _TimeTexts()
        self._numbers = _NumberTexts()

    def render(self, events: Sequence[Event]) -> bytes:
        r"""Render events in their order, each line ended by ``\n``; UTF-8."""
        kinds, times, numbers = self._kinds, self._times, self._numbers
        lines: list[str] = []
        add = lines.append
        source: Source | None = None
        head = middle = ""
        tails = ("", "")
        for event in events:
            if event.source is not source:
                source = event.source
                head, middle, tails = self._sources.get(source) or self._render(source)
            t, time = times[event.t]
            n = event.n
            add(
                f'{head}{t}.{n}","time":{time}{middle}{kinds[event.k]}{t},"n":{n},"a":{numbers[event.a]}'
                f"{tails[event.late]}"
            )
        return "".join(lines).encode()

    def _render(self, source: Source) -> tuple[str, str, tuple[str, str]]:
        """Render what a poll's events share: before t, between time and kind, after `a` (and if late)."""
        names = (source.account, source.connector, source.name, source.serial)
        shared = self._names.get(names)
        if shared is None:
            _make_room(self._names)
            shared = self._names[names] = _render_names(*names)
        seen = f',"seen":{source.seen:.3f},"late":'
        _make_room(self._sources)
        pieces = self._sources[source] = (*shared, (f"{seen}false}}\n", f"{seen}true}}\n"))
        return pieces


def _render_names(account: str, connector: str, name: str, serial: str) -> tuple[str, str]:
    """Render what all events of a connector share, until someone renames it."""
    account, connector = json_text(account), json_text(connector)
    head = f'{{"id":{account[:-1]}/{connector[1:-1]}/'
    names = f'"account":{account},"connector":{connector},"name":{json_text(name)}'
    return head, f',{names},"serial":{json_text(serial)},"k":'


class _KindTexts(dict[str, str]):
    """Kind and level as JSON, rendered on first use."""

    def __missing__(self, kind: str) -> str:
        _make_room(self)
        text = self[kind] = f'{json_text(kind)},"level":{json_text(level_of(kind))},"t":'
        return text


class _NumberTexts(dict[float, str]):
    """Numbers as JSON. Whole ones are ints everywhere in the house, so 3 and 3.0 don't both come."""

    def __missing__(self, number: float) -> str:
        _make_room(self)
        text = self[number] = str(number)
        return text


class _TimeTexts(dict[float, tuple[str, str]]):
    """Instants as JSON numbers and as ISO 8601 in UTC; ``null`` where ISO 8601 has no text."""

    def __init__(self) -> None:
        super().__init__()
        self._minutes = MinuteTexts("T")

    def __missing__(self, t: float) -> tuple[str, str]:
        _make_room(self)
        texts = self[t] = (str(t), self._iso(t))
        return texts

    def _iso(self, t: float) -> str:
        """Write an instant with as many of six decimals as it has."""
        instant = split(t)
        if instant is None:
            return "null"
        second, fraction = instant
        decimals = f".{fraction:06}".rstrip("0") if fraction else ""
        return f'"{self._minutes.second(second)}{decimals}Z"'


def _make_room(cache: dict[Any, Any]) -> None:
    """Empty a cache that is full, just before it grows."""
    if len(cache) >= _MAX_CACHED:
        cache.clear()
