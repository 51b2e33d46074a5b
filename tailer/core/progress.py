"""How far one connector has been read: the value that is stored with the events it vouches for.

Rules:

1. *Coverage* is what was read whole and journaled; *gaps* are what could not be read. Both lie in the asked
   span, which begins at the *origin*, and are disjoint.
2. A span that is in neither is a hole: not yet read, and read as soon as the agenda allows.
3. The *floor* is the lowest ``from`` that any future request may send: no level of the ladder, no look-back
   and no hole, padding included, reaches below it. It never decreases.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tailer.core.alerts import NOTHING_KNOWN, AlertState
from tailer.core.lateness import Lateness
from tailer.core.spans import Spans
from tailer.model import Key

GapReason = Literal["page cap", "refused", "too old", "dropped"]
"""``page cap``: one second held more than the API hands out. ``refused``: every form of the request was
answered with 400. ``too old``: before what the API keeps. ``dropped``: its operator did not want it read."""


class Gap(msgspec.Struct, frozen=True, array_like=True):
    """A half-open span ``[start, end)`` that could not be read whole, with the reason."""

    start: int
    end: int
    reason: GapReason


class Checkpoint(msgspec.Struct, frozen=True, array_like=True):
    """Everything about one connector that a restart needs, besides its keys.

    Attributes:
        origin: API time from which on its events belong to the journal; persisted before its first read.
        floor: No future request asks for anything earlier; keys below it may be forgotten.
        covered: Seconds read whole and journaled.
        gaps: What could not be read, ascending and disjoint.
        levels: (length in seconds, API time of its last read) of every level of the ladder, ascending.
        newest: Highest (t, n) journaled, ``None`` before the first event.
        through: See `tailer.model.Segment`.
        lateness: How late its events are.
        alerts: What derived events are still told from.
    """

    origin: float
    floor: float
    covered: Spans = Spans()
    gaps: tuple[Gap, ...] = ()
    levels: tuple[tuple[float, float], ...] = ()
    newest: Key | None = None
    through: float = 0.0
    lateness: Lateness = Lateness()
    alerts: AlertState = NOTHING_KNOWN

    @property
    def read_through(self) -> int:
        """End of the last span that was read whole and journaled; the origin when there is none."""
        return self.covered.items[-1][1] if self.covered.items else int(self.origin)

    @property
    def gap_spans(self) -> Spans:
        """The gaps as a set of seconds."""
        return Spans().update((gap.start, gap.end) for gap in self.gaps)

    @property
    def unreadable(self) -> Spans:
        """What no read asks for but a fill: seconds that hold too much for the API, and what was dropped."""
        spared = ("page cap", "dropped")
        return Spans().update((gap.start, gap.end) for gap in self.gaps if gap.reason in spared)


def with_gap(gaps: tuple[Gap, ...], gap: Gap) -> tuple[Gap, ...]:
    """Return `gaps` with one more, which is the truth about its span.

    Touching gaps of one reason become one; of a gap with another reason only what lies outside is left.
    """
    merged = gap
    kept: list[Gap] = []
    for other in gaps:
        if other.reason == merged.reason and other.start <= merged.end and merged.start <= other.end:
            merged = Gap(min(other.start, merged.start), max(other.end, merged.end), merged.reason)
        else:
            kept += without_span((other,), gap.start, gap.end)
    return tuple(sorted([*kept, merged], key=lambda item: item.start))


def without_span(gaps: tuple[Gap, ...], start: int, end: int) -> tuple[Gap, ...]:
    """Return `gaps` without ``[start, end)``, which has been read whole after all."""
    kept: list[Gap] = []
    for gap in gaps:
        left = Spans(((gap.start, gap.end),)).remove(start, end)
        kept.extend(Gap(low, high, gap.reason) for low, high in left)
    return tuple(kept)
