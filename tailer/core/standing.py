"""How far one connector has come, told from its checkpoint: what people and programs are shown of it.

Rules:

1. What is *whole* ends at the first second, from the origin on, that is neither read nor known to be
   unreadable. What was read beyond such a hole counts for `Standing.read_through` only.
2. What is *settled* no later read asks for again, neither a level of the ladder nor a hole: what has become
   visible there since stays unseen. It ends one padding above the floor.
3. A connector is *behind* when what is whole ends more than `BEHIND_AFTER` plus four intervals before now: a
   page may be late, one poll may fail, and some APIs hand nothing out that is younger than a minute.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from tailer.core.advance import frontier_of, holes_of
from tailer.core.durations import Seconds
from tailer.core.keys import PADDING
from tailer.core.ladder import VISITS
from tailer.core.progress import Checkpoint
from tailer.core.spans import Span

BEHIND_AFTER: Seconds = 90.0
"""Seconds that a connector may lag besides four intervals: the minute of rule 3, and half of one to read."""

Condition: TypeAlias = Literal["parked", "failing", "behind", "well"]
"""The worst first. ``parked``: the API refuses it, and it is tried now and then. ``failing``: its last poll
failed, and it is tried again after a back-off. ``behind``: rule 3. ``well``: none of these."""


class Standing(NamedTuple):
    """How far one connector has come. All times are API time, epoch seconds.

    Attributes:
        read_through: End of the last span read whole and journaled; the origin before the first.
        whole_through: Every second from the origin up to it was read or is a recorded gap (rule 1).
        settled_through: End of what no later read asks for again (rule 2); ``None`` while that is nothing.
        holes: What is still to be read before the end of all that was, oldest first.
    """

    read_through: int
    whole_through: int
    settled_through: int | None
    holes: tuple[Span, ...]


def standing_of(checkpoint: Checkpoint) -> Standing:
    """Tell how far a connector has come."""
    frontier = frontier_of(checkpoint)
    holes = tuple(holes_of(checkpoint, frontier))
    whole = holes[0][0] if holes else frontier
    settled = min(int(checkpoint.floor) + PADDING, whole)
    return Standing(
        read_through=checkpoint.read_through,
        whole_through=whole,
        settled_through=settled if settled > checkpoint.origin else None,
        holes=holes,
    )


def behind_after(interval: Seconds) -> Seconds:
    """Give the seconds that a connector may lag before it is behind (rule 3).

    Args:
        interval: Seconds between two of its polls at present.
    """
    return VISITS * interval + BEHIND_AFTER


def condition_of(
    whole_through: float, now: float, interval: Seconds, *, is_parked: bool, is_failing: bool
) -> Condition:
    """Judge a connector.

    Args:
        whole_through: See `Standing`.
        now: API time.
        interval: Seconds between two of its polls at present.
        is_parked: Whether it is left alone for a while.
        is_failing: Whether its last poll failed.
    """
    if is_parked:
        return "parked"
    if is_failing:
        return "failing"
    return "behind" if now - whole_through > behind_after(interval) else "well"
