"""How one connector's checkpoint moves with each read, and what it says is still to be read.

Rules:

1. What was covered, what became a gap, and the holes between and after them make up the asked span; no
   second is two of these.
2. The floor only rises, and to no more than the lowest ``from`` that a level or a hole may still ask for.
   Where a reach cuts levels off it rises further, for what would begin below the floor is cut off there.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

import msgspec

from tailer.core.durations import Seconds
from tailer.core.keys import PADDING
from tailer.core.ladder import Ladder, Levels, floor_of
from tailer.core.progress import Checkpoint, Gap, with_gap, without_span
from tailer.core.reading import Reading
from tailer.core.spans import Span, Spans
from tailer.model import Key


def holes_of(checkpoint: Checkpoint, end: int) -> list[Span]:
    """List what of the asked span up to `end` is neither read nor known to be unreadable, oldest first."""
    return _accounted(checkpoint.covered, checkpoint.gaps).missing(math.floor(checkpoint.origin), end)


def frontier_of(checkpoint: Checkpoint) -> int:
    """Give the end of all that is accounted for, read or known to be unreadable; at first the origin."""
    ends = [math.floor(checkpoint.origin)]
    if checkpoint.covered.items:
        ends.append(checkpoint.covered.items[-1][1])
    ends.extend(gap.end for gap in checkpoint.gaps)
    return max(ends)


def advanced(
    checkpoint: Checkpoint,
    reading: Reading,
    levels: Levels,
    *,
    through: float,
    newest: Key | None,
    reach: Seconds = math.inf,
) -> Checkpoint:
    """Return the checkpoint after a read.

    What was covered closes gaps; gaps never take away coverage, nor other gaps their reason. The floor rises
    to the earliest time that a level or a hole may still ask for, levels not asking beyond `reach`.

    Args:
        checkpoint: Progress before the read.
        reading: What came of it.
        levels: The levels after it.
        through: API time up to which no more ordinary events are to come, if there were no holes.
        newest: Highest (t, n) journaled, this read's included.
        reach: Seconds before the end of all that is accounted for beyond which no level reads any more.
    """
    origin = math.floor(checkpoint.origin)
    covered, gaps = checkpoint.covered, checkpoint.gaps
    for start, end in reading.covered:
        covered = covered.add(max(start, origin), end)
        gaps = without_span(gaps, start, end)
    for gap in reading.gaps:
        for start, end in _accounted(covered, gaps).missing(max(gap.start, origin), gap.end):
            gaps = with_gap(gaps, Gap(start, end, gap.reason))
    accounted = _accounted(covered, gaps)
    whole = accounted.first_missing(origin)
    end = accounted.items[-1][1] if accounted.items else origin
    return Checkpoint(
        origin=checkpoint.origin,
        floor=max(checkpoint.floor, _floor(levels, whole, end - reach)),
        covered=covered,
        gaps=gaps,
        levels=levels,
        newest=newest,
        through=max(checkpoint.through, min(through, whole)),
        lateness=checkpoint.lateness,
        alerts=checkpoint.alerts,
    )


def dropped(checkpoint: Checkpoint, spans: Iterable[Span]) -> Checkpoint:
    """Return the checkpoint after its operator gave up what of `spans` is still to be read."""
    origin, gaps = math.floor(checkpoint.origin), checkpoint.gaps
    for start, end in spans:
        for low, high in _accounted(checkpoint.covered, gaps).missing(max(start, origin), end):
            gaps = with_gap(gaps, Gap(low, high, "dropped"))
    return msgspec.structs.replace(checkpoint, gaps=gaps)


def first_checkpoint(origin: float, ladder: Ladder) -> Checkpoint:
    """Give the checkpoint of a connector that was never read: its origin is where it begins."""
    levels = ladder.levels((), origin)
    return Checkpoint(origin=origin, floor=_floor(levels, math.floor(origin)), levels=levels, through=origin)


def _floor(levels: Levels, whole: int, limit: float = -math.inf) -> float:
    """Give the lowest ``from`` that any later read may send: its start, less the padding.

    Args:
        levels: After the read.
        whole: The first second that is a hole.
        limit: Where levels are cut off.
    """
    return math.floor(min(max(floor_of(levels), limit), whole)) - PADDING


def _accounted(covered: Spans, gaps: Collection[Gap]) -> Spans:
    return covered.update((gap.start, gap.end) for gap in gaps) if gaps else covered
