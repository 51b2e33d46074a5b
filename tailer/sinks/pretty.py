"""One aligned line an event, for people: time with its zone, connector, level, kind, and how late it was.

    2026-08-01 12:04:31+02  Branch Oslo 1     warning   Leave  late 3h12m

Every line stands for itself: date and zone are on each, because late events mix the days and because lines
are copied out of context. They sort as text and can be given to ``--since`` as they are. What one looks
at (connector, level) comes before what one reads. A connector keeps its colour by its id, so it looks the
same today and tomorrow, here and on a colleague's screen (the idea is stern's).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import click
from rich.cells import cell_len, set_cell_size

from tailer.core.durations import Seconds, format_duration
from tailer.kinds import LEVELS, level_of
from tailer.model import Event, Source
from tailer.sinks.text import END_SECOND, FIRST_SECOND, MinuteTexts, escaped, split

_MAX_CACHED = 4096

# Readable on black and on white; red and yellow are left to the levels.
_PALETTE = (2, 4, 5, 6, 10, 12, 13, 14, 28, 31, 61, 66, 71, 97, 103, 132, 137, 139, 166, 172)

_STYLES: dict[str, dict[str, Any]] = {
    "debug": {"dim": True},
    "info": {},
    "notice": {"bold": True},
    "warning": {"fg": "yellow"},
    "error": {"fg": "red"},
    "critical": {"fg": "red", "bold": True, "reverse": True},
}

_LEVEL_CELLS = max(len(level) for level in LEVELS)
_KIND_CELLS = 27  # FinishRotateCryptKeySuccess, the longest kind of August 2026
_REST_CELLS = 22 + 2 + 2 + _LEVEL_CELLS + 2 + _KIND_CELLS  # time, level and kind with the space between
_FIRST_NAME_CELLS = 12
_MIN_NAME_CELLS = 8
_MAX_NAME_CELLS = 32


class PrettyFormat:
    """Renders lines for a terminal; keeps its caches, and its column's width, from batch to batch.

    Args:
        color: Whether lines carry ANSI colours.
        width: Columns of the terminal: the connector's column shrinks so that known kinds fit; ``None``
            if nobody knows.
        utc: Times in UTC, marked ``Z``; else local with their offset.
    """

    def __init__(self, *, color: bool, width: int | None = None, utc: bool = False) -> None:
        self._paint = click.style if color else _unpainted
        limit = _MAX_NAME_CELLS if width is None else width - _REST_CELLS
        self._max_cells = min(max(limit, _MIN_NAME_CELLS), _MAX_NAME_CELLS)
        self._cells = min(_FIRST_NAME_CELLS, self._max_cells)
        self._names: dict[Source, str] = {}
        self._kinds: dict[str, str] = {}
        self._times: dict[float, str] = {}
        self._utc = utc
        self._dim, _, undim = self._paint("\0", dim=True).partition("\0")
        self._minutes = MinuteTexts(f"{undim} ")  # between the dim date and the time of day

    def render(self, events: Sequence[Event]) -> bytes:
        r"""Render events in their order, each line ended by ``\n``; UTF-8."""
        names, kinds, times = self._names, self._kinds, self._times
        fresh = {event.source for event in events}.difference(names)
        if fresh:
            self._name_all(fresh, {event.source for event in events})
        lines: list[str] = []
        for event in events:
            t, k = event.t, event.k
            at = times.get(t) or self._time(t)
            kind = kinds.get(k) or self._kind(k)
            late = self._late(event) if event.late else ""
            lines.append(f"{at}  {names[event.source]}  {kind}{late}\n")
        return "".join(lines).encode()

    def _name_all(self, fresh: set[Source], present: set[Source]) -> None:
        """Render new connectors; if one needs a wider column, all that this batch needs."""
        texts = {source: escaped(source.name) for source in fresh}
        cells = min(max(cell_len(text) for text in texts.values()), self._max_cells)
        if cells > self._cells or len(self._names) + len(fresh) > _MAX_CACHED:
            self._cells = max(cells, self._cells)
            self._names.clear()
            texts = {source: escaped(source.name) for source in present}
        for source, text in texts.items():
            shown = text if cell_len(text) <= self._cells else set_cell_size(text, self._cells - 1) + "…"
            color = _PALETTE[crc32(source.connector.encode()) % len(_PALETTE)]
            self._names[source] = self._paint(set_cell_size(shown, self._cells), fg=color)

    def _kind(self, kind: str) -> str:
        """Render level and kind, once."""
        level = level_of(kind)
        if len(self._kinds) >= _MAX_CACHED:
            self._kinds.clear()
        text = self._paint(f"{level:{_LEVEL_CELLS}}  {escaped(kind)}", **_STYLES[level])
        self._kinds[kind] = text
        return text

    def _time(self, t: float) -> str:
        """Render an instant, once; where there is no date for it, the number itself."""
        if len(self._times) >= _MAX_CACHED:
            self._times.clear()
        text = self._times[t] = self._render_time(t)
        return text

    def _render_time(self, t: float) -> str:
        instant = split(t)
        second, fraction = instant or (0, 0)
        offset = 0 if self._utc else time.localtime(second).tm_gmtoff
        if instant is None or not FIRST_SECOND <= second + offset < END_SECOND:
            return f"{t!s:<19}"
        decimals = f".{fraction // 1000:03}" if fraction else ""
        zone = self._paint("Z" if self._utc else _offset_text(offset), dim=True)
        return f"{self._dim}{self._minutes.second(second + offset)}{decimals}{zone}"

    def _late(self, event: Event) -> str:
        """Render the mark of a late event: how long after it happened it was read."""
        return self._paint(f"  late {_coarse(event.source.seen - event.t)}".rstrip(), fg="yellow")


def _unpainted(text: str, **_style: str | int | bool) -> str:
    """Do as `click.style` does, without colours."""
    return text


def _offset_text(offset: int) -> str:
    """Write a zone's offset, minutes only where there are any: ``+02``, ``-03:30``."""
    hours, minutes = divmod(abs(offset) // 60, 60)
    return f"{'-' if offset < 0 else '+'}{hours:02}" + (f":{minutes:02}" if minutes else "")


def _coarse(seconds: Seconds) -> str:
    """Write a duration with its two largest units; nothing for none, as from a clock that runs ahead."""
    if not 0.5 <= seconds < END_SECOND:
        return ""
    unit = 3600 if seconds >= 86_400 else 60 if seconds >= 3600 else 1
    return format_duration(round(seconds / unit) * unit)
