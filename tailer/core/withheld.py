"""What of a connector's progress may be made durable while some of its events are not.

An event that waits for its details is journaled later than the others of its read. Until then nothing may be
durable that would keep it from being read again after a crash:

1. *Coverage*: the seconds of its t and its a are a hole, for the API filters by one of the two. A second that
   was a recorded gap before its read stays that gap: what `fill` reads below the floor is not read unasked.
2. *Levels*: they count as read when they were before its read, so that what found it is due again. That is
   for events which no hole can bring back: those of before the origin that look-back found.
3. *Floor*: it stays where it was before its read, so that holes and levels may ask for what they must.
4. *Through*: it does not pass the event's t, so that readers keep what sorts after it. What was passed
   before its read stays passed: then the event is late, waiting or not.

All four are bounded by what waits at the moment: they catch up as soon as an event is journaled.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from itertools import chain
from typing import NamedTuple

import msgspec

from tailer.core.keys import PADDING
from tailer.core.ladder import Levels
from tailer.core.progress import Checkpoint, Gap, with_gap, without_span
from tailer.core.spans import Span, Spans
from tailer.model import Event


class Withheld(NamedTuple):
    """What events of one read keep from being durable.

    Attributes:
        holes: Seconds that count as not read (rule 1).
        gaps: What of the holes was a recorded gap before, and stays one.
        levels: The levels may not be further (rule 2).
        floor: Nor the floor (rule 3).
        through: Nor the mark for readers (rule 4).
    """

    holes: Spans
    gaps: tuple[Gap, ...]
    levels: Levels
    floor: float
    through: float


def withheld_for(events: Collection[Event], before: Checkpoint) -> Withheld:
    """Tell what must be withheld as long as `events` wait.

    Args:
        events: At least one; all of one read.
        before: Progress before that read, whatever waited then.
    """
    known = before.gap_spans
    lowest = max(math.floor(before.floor) + PADDING, math.floor(before.origin))
    holes = Spans().update(
        hole for event in events for at in (event.t, event.a) for hole in _hole(math.floor(at), known, lowest)
    )
    return Withheld(
        holes=holes,
        gaps=tuple(
            Gap(*part, gap.reason)
            for gap in before.gaps
            for part in holes.common(Spans(((gap.start, gap.end),)))
        ),
        levels=before.levels,
        floor=before.floor,
        through=max(before.through, min(event.t for event in events)),
    )


def _hole(at: int, known: Spans, lowest: int) -> tuple[Span, ...]:
    """Give the second in which an event is found again: its own, unless no request goes down so far."""
    if at in known:
        return ((at, at + 1),)
    start = max(at, lowest)
    return ((start, start + 1),) if start <= at + PADDING else ()


def without(checkpoint: Checkpoint, withheld: Collection[Withheld]) -> Checkpoint:
    """Return what of a checkpoint may be durable.

    Args:
        checkpoint: Progress as if nothing waited; its levels are as long as all that are withheld.
        withheld: What waits, by read.
    """
    if not withheld:
        return checkpoint
    holes = Spans().update(chain.from_iterable(part.holes for part in withheld))
    gaps = _without_spans(checkpoint.gaps, holes)
    for part in withheld:
        for gap in part.gaps:
            gaps = with_gap(gaps, gap)
    return msgspec.structs.replace(
        checkpoint,
        covered=checkpoint.covered.subtract(holes),
        gaps=gaps,
        levels=_earliest([checkpoint.levels, *(part.levels for part in withheld)]),
        floor=min(checkpoint.floor, *(part.floor for part in withheld)),
        through=min(checkpoint.through, *(part.through for part in withheld)),
    )


def _without_spans(gaps: tuple[Gap, ...], spans: Iterable[Span]) -> tuple[Gap, ...]:
    for start, end in spans if gaps else ():
        gaps = without_span(gaps, start, end)
    return gaps


def _earliest(levels: Collection[Levels]) -> Levels:
    """Give for each level the earliest time at which it was read."""
    return tuple(min(same) for same in zip(*levels, strict=True))
