"""When one sink may be told how far the connectors are read: never before it has what that vouches for.

Rules:

1. Watermarks are taken from durable checkpoints, and then the journal's head: what they vouch for is numbered
   below it. A connector's is due once the sink has accepted (or set aside) all of its events below that head.
2. While one waits for that, newer ones are left out: else a sink that is always behind would never get any.
3. A connector's is told only when it has advanced. What was told is not remembered across restarts: the first
   ones repeat, which is harmless.
"""

from __future__ import annotations

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

    def offer(self, head: int, watermarks: Iterable[Watermark]) -> None:
        """Take what was read, and the journal's head after that (rule 1)."""
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

    def _has_advanced(self, one: Watermark) -> bool:
        present = (one.read_through, one.whole_through, one.settled_through or 0)
        before = self._told.get(one.ref)
        if before is not None and all(now <= then for now, then in zip(present, before, strict=True)):
            return False
        self._told[one.ref] = present
        return True


def watermark_of(checkpoint: Checkpoint, source: Source) -> Watermark:
    """Tell how far a connector was read."""
    standing = standing_of(checkpoint)
    return Watermark(source, standing.read_through, standing.whole_through, standing.settled_through)
