"""Who is polled next: live polls when they are due, and in between those that have something to catch up on.

Rules:

1. A *live* item becomes ready at its time; ready ones are taken in the order of their times.
2. A *backlog* item is ready at once; the one that is least far is taken first, so that a fleet advances
   together and a merge over its connectors has little to hold.
3. Live ones go first, but every `BACKLOG_TURN`-th choice is the backlog's while it has any: neither starves.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import Generic, TypeVar

BACKLOG_TURN = 4
"""One choice in this many is the backlog's, however many live polls are due."""

Item = TypeVar("Item")


class Agenda(Generic[Item]):
    """Items with the time or the progress that decides their turn; each is in it at most once."""

    def __init__(self) -> None:
        self._live: list[tuple[float, int, Item]] = []
        self._backlog: list[tuple[float, int, Item]] = []
        self._numbers = count()
        self._choices = 0

    def __len__(self) -> int:
        """Count the items."""
        return len(self._live) + len(self._backlog)

    def add_live(self, item: Item, due_at: float) -> None:
        """Poll an item at `due_at` (monotonic)."""
        heapq.heappush(self._live, (due_at, next(self._numbers), item))

    def add_backlog(self, item: Item, progress: float) -> None:
        """Poll an item as soon as possible; among such, those with the least `progress` go first."""
        heapq.heappush(self._backlog, (progress, next(self._numbers), item))

    def pop(self, now: float) -> Item | None:
        """Take the item whose turn it is; ``None`` when none is ready."""
        is_live_ready = bool(self._live) and self._live[0][0] <= now
        if self._backlog and (not is_live_ready or self._choices % BACKLOG_TURN == BACKLOG_TURN - 1):
            self._choices += 1
            return heapq.heappop(self._backlog)[2]
        if is_live_ready:
            self._choices += 1
            return heapq.heappop(self._live)[2]
        return None

    def is_due(self, now: float) -> bool:
        """Tell whether `pop` would give an item."""
        return bool(self._backlog) or (bool(self._live) and self._live[0][0] <= now)

    def next_at(self) -> float | None:
        """Tell when the next live item becomes ready; ``None`` when there is none."""
        return self._live[0][0] if self._live else None
