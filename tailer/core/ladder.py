"""The revisit ladder: how far back each poll reads, so that late events are found within a proven bound.

Rules (``k`` = `VISITS`, ``r`` = `RATIO`):

1. Levels have lengths L0 = k intervals, L(i+1) = r * L(i); the last one is cut to `revisit_max`.
2. A level is due L/k after its last successful read.
3. A poll uses the deepest level that is due, and reads from (last successful read of that level) -
   (1 - 1/k) * L to the head, however long ago that was. A read of a level counts for all shallower ones.
4. After a failed poll the deepest due level *below* it is used, until one succeeds: a deep read that fails
   again and again must not keep the shallow ones from happening.
5. At first every level counts as read at the connector's origin.

Bound: let P be the longest time between two successful polls that were free to go as deep as was due (rule 4
frees the first after a success). An event that becomes visible A <= (1 - 1/k) * L_max after its t is found
within r * (A + P) / (k - 1) + P of becoming visible. (The read of a level that was due before finds all that
lies (1 - 1/k) * L back from the read before it; the shallowest level that reaches A back is at most r times
longer than it must be, and is due every L/k.) Where levels are read as passes (`tailer.core.windows`), such
an event is found at the end of a pass, which may have to wait for another one: twice the time of the longest
pass is added. A pass begins anew after a restart.

How long a pass takes is a matter of the budget, so a bound without that is given by what is shown: as long as
`reach_in_effect` says at least A, the event is found within twice the bound, 2 * (r * (A + P) / (k - 1) + P),
of becoming visible, whatever the budget holds. (Every read of a level that reaches A back and was planned
after that finds it. So as long as it is not found, the last read of each of these levels was planned before,
and is older than the time since; and none of them is in effect that is older than 2 * (L/k + P).) The twofold
is for passes: between two reads of a level lie its L/k, a poll, and the time that the second takes, which may
be as long again before the level is out of effect. A level that polls read keeps the single bound.
"""

from __future__ import annotations

from collections.abc import Sequence

from tailer.core.durations import Seconds

VISITS = 4
"""How often a second is read by each level that still reaches it (k), about."""

RATIO = 4
"""How much longer each level is than the one before (r)."""

REACH = 1 - 1 / VISITS
"""The part of a level's length that its read reaches back from its last read."""

Levels = tuple[tuple[Seconds, float], ...]
"""(length, API time of its last successful read) of each level, shallowest first."""


class Ladder:
    """The levels for one polling interval.

    Args:
        interval: Shortest time between two polls of one connector, seconds, above 0.
        revisit_max: Length of the deepest level, seconds; below L0 there is L0 alone.
    """

    def __init__(self, interval: Seconds, revisit_max: Seconds) -> None:
        lengths = [interval * VISITS]
        while lengths[-1] < revisit_max:
            lengths.append(min(lengths[-1] * RATIO, revisit_max))
        self.lengths = tuple(lengths)

    def levels(self, stored: Sequence[tuple[Seconds, float]], origin: float) -> Levels:
        """Carry stored levels over to this ladder, whose lengths may differ after a change of configuration.

        A level counts as read when the shortest stored level that is at least as long was; where there is
        none, at origin (rule 5).
        """
        return tuple(
            (length, max((read_at for other, read_at in stored if other >= length), default=origin))
            for length in self.lengths
        )

    def deepest_due(self, levels: Levels, now: float, ceiling: int | None = None) -> int:
        """Choose the level of the next poll; 0 when none is due.

        Args:
            levels: As `levels` gave them.
            now: API time.
            ceiling: Highest level allowed after a failure (rule 4), ``None`` for no limit.
        """
        top = len(levels) - 1 if ceiling is None else min(ceiling, len(levels) - 1)
        for level in range(top, 0, -1):
            length, read_at = levels[level]
            if now >= read_at + length / VISITS:
                return level
        return 0


def start_of(levels: Levels, level: int) -> float:
    """Give the API time from which a read of a level begins."""
    length, read_at = levels[level]
    return read_at - REACH * length


def visited(levels: Levels, level: int, read_at: float) -> Levels:
    """Return the levels after a successful read of one of them, which counts for all shallower ones."""
    return tuple(
        (length, max(before, read_at) if index <= level else before)
        for index, (length, before) in enumerate(levels)
    )


def reach_in_effect(levels: Levels, now: float, interval: Seconds) -> Seconds:
    """Tell how late an event may become visible and still be found in time, as reads go at present.

    In time is within twice the bound of the ladder. A level is out of effect as soon as its read is overdue
    by more than the time in which it is due again, and then all deeper ones are: what they would find comes
    too late.

    Args:
        levels: Durable ones.
        now: API time.
        interval: Longest time until the next poll; so much later than it is due a read may begin.
    """
    reach = 0.0
    for index, (length, read_at) in enumerate(levels):
        if index and now - read_at > 2 * (length / VISITS + interval):
            break
        reach = REACH * length
    return reach


def floor_of(levels: Levels) -> float:
    """Give the earliest API time that any level may still ask for."""
    return min(start_of(levels, level) for level in range(len(levels)))
