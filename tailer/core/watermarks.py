"""When one sink may be told how far the connectors are read: never before it has what that vouches for.

Rules:

1. Watermarks are taken from durable checkpoints, and then the journal's head: what they vouch for is numbered
   below it. A connector's is due once the sink has accepted (or set aside) all of its events below that head.
2. While one waits for that, newer ones are left out: else a sink that is always behind would never get any.
3. A connector's is told only when it has advanced. What was told is not remembered across restarts: the first
   ones repeat, which is harmless.
4. When nothing more will be read or accepted, the last ones are told at once. Where events of a connector
   stay held, for the next run decides their order, its watermark is cut to the earliest of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from tailer.core.durations import Seconds
from tailer.core.progress import Checkpoint
from tailer.core.standing import standing_of
from tailer.model import Source, Watermark

TELL_EVERY: Seconds = 60.0
"""Seconds between two watermarks of one connector, at least: more would often be more than the events."""


class Watermarks:
    """What one sink is still to be told."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, int, int]] = {}
        self._waiting: dict[str, tuple[int, Watermark]] = {}

    def offer(self, head: int, watermarks: Iterable[Watermark], *, is_last: bool = False) -> None:
        """Take what was read, and the journal's head after that (rule 1); the last replace what waits."""
        if is_last:
            self._waiting.clear()
        for one in watermarks:
            self._waiting.setdefault(one.ref, (head, one))

    def due(self, has_all: Callable[[str, int], bool]) -> list[Watermark]:
        """Give what is to be told now; it counts as told.

        Args:
            has_all: Whether a connector's events that are numbered below a head are all accepted.
        """
        waiting, self._waiting = self._waiting, {}
        due: list[Watermark] = []
        for ref, (head, one) in waiting.items():
            if has_all(ref, head):
                due.append(one)
            else:
                self._waiting[ref] = head, one
        return [one for one in due if self._has_advanced(one)]

    def rest(self, held_from: Callable[[str], float]) -> list[Watermark]:
        """Give what is left when the sink has taken all that it will get (rule 4); it counts as told.

        Args:
            held_from: Earliest t of a connector's events that the sink does not get; infinite: it has all.
        """
        waiting, self._waiting = self._waiting, {}
        cut = [_cut(one, held_from(ref)) for ref, (_, one) in waiting.items()]
        return [one for one in cut if not self._goes_back(one) and self._has_advanced(one)]

    def _goes_back(self, one: Watermark) -> bool:
        """Tell whether it was cut below what was told: an event may come after its second was read."""
        before = self._told.get(one.ref)
        return before is not None and one.whole_through < before[1]

    def _has_advanced(self, one: Watermark) -> bool:
        present = (one.read_through, one.whole_through, one.settled_through or 0)
        before = self._told.get(one.ref)
        if before is not None and all(now <= then for now, then in zip(present, before, strict=True)):
            return False
        self._told[one.ref] = present
        return True


def _cut(one: Watermark, end: float) -> Watermark:
    """Let a watermark vouch for nothing from `end` on."""
    if math.isinf(end):
        return one
    end = math.floor(end)
    settled = None if one.settled_through is None else min(one.settled_through, end)
    return Watermark(one.source, min(one.read_through, end), min(one.whole_through, end), settled)


def watermark_of(checkpoint: Checkpoint, source: Source) -> Watermark:
    """Tell how far a connector was read."""
    standing = standing_of(checkpoint)
    return Watermark(source, standing.read_through, standing.whole_through, standing.settled_through)
