"""What of one connector's past is not in the journal, and why: the gaps that people and programs are shown.

Rules:

1. A gap is *lost* when it was tried and can't be read: its reason is recorded (`tailer.core.progress.Gap`),
   and it is read again only when somebody asks for that (``tailer fill``).
2. It is *open* when it is still to be read, and will be as soon as that is possible. Nobody records these:
   they are what the checkpoint does not account for, so they can't be forgotten.
3. Gaps of both states and what was read make up the span from the origin on; no second is two of these.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

from tailer.core.advance import frontier_of, holes_of
from tailer.core.durations import Seconds
from tailer.core.progress import Checkpoint

GapState: TypeAlias = Literal["open", "lost"]
"""See rules 1 and 2."""

NOT_YET_READ = "not yet read"
"""Why a gap is open when nothing else is known."""


class Missing(NamedTuple):
    """A gap: a half-open span ``[start, end)`` of API time, whole seconds.

    Attributes:
        start: Inclusive.
        end: Exclusive.
        state: Whether it will be read by itself.
        reason: Why it was not read, in words.
    """

    start: int
    end: int
    state: GapState
    reason: str


def missing_of(checkpoint: Checkpoint, end: int, why: str = NOT_YET_READ) -> list[Missing]:
    """List the gaps of a connector from its origin up to `end`, ascending and disjoint.

    Args:
        checkpoint: Its progress.
        end: API time, exclusive; beyond the end of all that was read, what follows is open.
        why: Why open ones are not read yet.
    """
    found = [Missing(gap.start, gap.end, "lost", gap.reason) for gap in checkpoint.gaps]
    found += [Missing(start, stop, "open", why) for start, stop in holes_of(checkpoint, end)]
    return sorted(within(found, -math.inf, end))


def within(gaps: Iterable[Missing], since: float, until: float) -> list[Missing]:
    """Cut gaps to the whole seconds of ``[since, until)``, in their order."""
    low = since if math.isinf(since) else math.floor(since)
    high = until if math.isinf(until) else math.ceil(until)
    return [
        gap._replace(start=int(max(gap.start, low)), end=int(min(gap.end, high)))
        for gap in gaps
        if gap.start < high and gap.end > low
    ]


def end_of_gaps(checkpoint: Checkpoint, now: float, until: float | None, patience: Seconds) -> int:
    """Tell up to when gaps are looked for.

    Args:
        checkpoint: Of the connector.
        now: API time; what comes later can't be missing.
        until: End of the asked span, ``None`` where people ask for all there is: then what was not read since
            the last poll counts only if that was long ago.
        patience: Seconds that this may be.
    """
    frontier = frontier_of(checkpoint)
    if until is not None:
        return min(math.ceil(until), math.floor(now))
    return math.floor(now) if now - frontier > patience else frontier
