"""One aligned line an event, for people: time with its zone, connector, level, kind, and how late it was.

    2026-08-01 12:04:31+02  Branch Oslo 1     warning   Leave  late 3h12m

Every line stands for itself: date and zone are on each, because late events mix the days and because lines
are copied out of context. They sort as text and can be given to ``--since`` as they are. What one looks
at (connector, level) comes before what one reads. How a line becomes narrower is `layout`'s business.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size

from tailer.core.durations import Seconds, format_duration
from tailer.kinds import level_of
from tailer.model import Event, Source
from tailer.sinks.formats.colors import LATE, QUIET, of_connector, of_kind, painter
from tailer.sinks.formats.fields import FIELDS, Field
from tailer.sinks.formats.layout import LEVEL_CELLS, choose
from tailer.sinks.text import END_SECOND, FIRST_SECOND, MinuteTexts, escaped, payload_text, split
from tailer.sinks.zones import Zone, ahead, iso, mark

_MAX_CACHED = 4096
_FIRST_NAME_CELLS = 12

Width: TypeAlias = Callable[[], int | None]
"""Gives the columns of the terminal at present; ``None`` if nobody knows."""


class PrettyFormat:
    """Renders lines for a terminal; keeps its caches, and its column's width, from batch to batch.

    Args:
        color: Whether lines carry ANSI colours.
        width: Asked before each batch, for terminals are resized.
        zone: Of the times.
        show: Fields to show behind each event, of `tailer.sinks.formats.fields.SHOWABLE`.
    """

    def __init__(
        self,
        *,
        color: bool,
        width: Width = lambda: None,
        zone: Zone = UTC,
        show: Sequence[str] = (),
    ) -> None:
        self.header = b""
        self._paint = painter(color=color)
        self._width = width
        self._zone = zone
        self._show = [(name, FIELDS[name]) for name in show]
        self._longest = _FIRST_NAME_CELLS
        self._cells = 0
        self._names: dict[Source, str] = {}
        self._kinds: dict[str, str] = {}
        self._times: dict[float, str] = {}
        self._dim, _, self._undim = self._paint("\0", **QUIET).partition("\0")
        self._minutes = MinuteTexts(" ")
        self._date = ""
        self._asked_width = width()
        self._lay_out()

    def render(self, events: Sequence[Event]) -> bytes:
        """Render events in their order, each on a line of its own that is ended; UTF-8. Never raises."""
        width = self._width()
        if width != self._asked_width:
            self._asked_width = width
            self._lay_out()
        names, kinds, times, gap = self._names, self._kinds, self._times, self._layout.gap
        fresh = {event.source for event in events}.difference(names)
        if fresh:
            self._name_all(fresh, {event.source for event in events})
        dates_apart = self._layout.date == "apart"
        lines: list[str] = []
        for event in events:
            t, k = event.t, event.k
            at = times.get(t) or self._time(t)
            kind = kinds.get(k) or self._kind(k)
            late = self._late(event) if event.late else ""
            more = self._more(event) if self._show else ""
            if dates_apart:
                lines.append(self._heading(t))
            lines.append(f"{at}{gap}{names[event.source]}{gap}{kind}{late}{more}\n")
        return "".join(lines).encode()

    def _lay_out(self) -> None:
        """Arrange the columns for the present width; what was rendered for another one is forgotten."""
        marked = mark(self._zone, ahead(self._zone, int(time.time())))
        self._layout = choose(self._asked_width, len(marked))
        self._cells = min(self._longest, self._layout.name_cells)
        self._names.clear()
        self._kinds.clear()
        self._times.clear()

    def _name_all(self, fresh: set[Source], present: set[Source]) -> None:
        """Render new connectors; if one needs a wider column, all that this batch needs."""
        texts = {source: escaped(source.name) for source in fresh}
        self._longest = max(self._longest, *(cell_len(text) for text in texts.values()))
        cells = min(self._longest, self._layout.name_cells)
        if cells > self._cells or len(self._names) + len(fresh) > _MAX_CACHED:
            self._cells = cells
            self._names.clear()
            texts = {source: escaped(source.name) for source in present}
        for source, text in texts.items():
            shown = set_cell_size(_shortened(text, self._cells), self._cells)
            self._names[source] = self._paint(shown, **of_connector(source.connector))

    def _kind(self, kind: str) -> str:
        """Render level and kind, once."""
        layout = self._layout
        level = level_of(kind)
        shown = f"{level:{LEVEL_CELLS}}" if layout.level == "word" else level[0].upper()
        _make_room(self._kinds)
        text = self._paint(f"{shown}{layout.gap}{escaped(kind)}", **of_kind(kind))
        self._kinds[kind] = text
        return text

    def _time(self, t: float) -> str:
        """Render an instant, once; where there is no date for it, the number itself."""
        _make_room(self._times)
        text = self._times[t] = self._render_time(t)
        return text

    def _render_time(self, t: float) -> str:
        layout = self._layout
        local = self._local(t)
        if local is None:
            return f"{t!s:<19}"
        second, fraction, offset = local
        date, _, clock = self._minutes.second(second).partition(" ")
        date = {"full": f"{date} ", "short": f"{date[5:]} ", "apart": ""}[layout.date]
        decimals = f".{fraction // 1000:03}" if fraction and layout.decimals else ""
        zone = self._paint(mark(self._zone, offset), **QUIET)
        return f"{self._dim}{date}{self._undim}{clock}{decimals}{zone}"

    def _local(self, t: float) -> tuple[int, int, int] | None:
        """Part an instant into the zone's second, microsecond, and the zone's offset."""
        instant = split(t)
        if instant is None:
            return None
        second, fraction = instant
        try:
            offset = ahead(self._zone, second)
        except (OverflowError, ValueError, OSError):
            return None
        if not FIRST_SECOND <= second + offset < END_SECOND:
            return None
        return second + offset, fraction, offset

    def _heading(self, t: float) -> str:
        """Render the date on a line of its own if it is another one than before."""
        local = self._local(t)
        date = self._date if local is None else self._minutes.second(local[0]).partition(" ")[0]
        if date == self._date:
            return ""
        self._date = date
        return f"{self._paint(date, **QUIET)}\n"

    def _late(self, event: Event) -> str:
        """Render the mark of a late event: how long after it happened it was read."""
        age = _coarse(event.source.seen - event.t)
        return self._layout.gap + self._paint(f"{self._layout.late}{age}" if age else "late", **LATE)

    def _more(self, event: Event) -> str:
        """Render the fields that were asked for; a payload only where there is one."""
        gap = self._layout.gap
        texts = (
            f"{gap}{name}={self._value(field, event)}"
            for name, field in self._show
            if field.sort != "payload" or event.e is not None
        )
        return self._paint("".join(texts), **QUIET)

    def _value(self, field: Field, event: Event) -> str:
        value = field.of(event)
        if field.sort == "time":
            return iso(self._zone, value)
        if field.sort == "duration":
            return format_duration(value)
        if field.sort == "payload":
            return payload_text(value)
        return escaped(str(value))


def _make_room(cache: dict[str, str] | dict[float, str]) -> None:
    """Empty a cache that is full, just before it grows."""
    if len(cache) >= _MAX_CACHED:
        cache.clear()


def _shortened(text: str, cells: int) -> str:
    """Cut a name in its middle where it is too wide: names of one fleet differ at either end."""
    if cell_len(text) <= cells:
        return text
    end_cells = cells // 3
    end = text
    while cell_len(end) > end_cells:
        end = end[1:]
    return f"{set_cell_size(text, cells - 1 - cell_len(end))}…{end}"


def _coarse(seconds: Seconds) -> str:
    """Write a duration with its two largest units; nothing for none, as from a clock that runs ahead."""
    if not 0.5 <= seconds < END_SECOND:
        return ""
    unit = 3600 if seconds >= 86_400 else 60 if seconds >= 3600 else 1
    return format_duration(round(seconds / unit) * unit)
