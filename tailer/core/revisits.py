"""Who of a principal reads the past next, and when the budget has room for it.

A read of the past is not asked for where there is no room: its connector waits here, polled meanwhile as
always, holding no worker and no place at the gate. Rules:

1. Who comes first is the first to go, one read each; then it comes again, behind the others. Who is polled
   meanwhile, or has its turn taken by a poll, keeps its place.
2. A read begins when the budget has room for a request more than those that have begun need: what the polls
   that are planned leave, or the share that is promised to revisits (`tailer.core.budget`, rule 8).
3. While one could begin but for that room, the budget keeps the next request of that share for it. So
   however many polls wait, the share is spent on what it is promised for.

`now` is monotonic time in seconds.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from itertools import count
from typing import Generic, TypeVar

from tailer.core.budget import Budget
from tailer.core.purpose import Purpose

Item = TypeVar("Item", bound=Hashable)


class Revisits(Generic[Item]):
    """The reads of the past that wait for one budget; each item waits for one, or has one begun, or neither.

    Args:
        budget: The principal's.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._numbers = count()
        self._places: dict[Item, int] = {}  # of all that want a read, also while they are polled
        self._waiting: set[Item] = set()
        self._begun: set[Item] = set()
        self._queue: list[tuple[int, Item]] = []
        self._queued: set[Item] = set()  # the items of the queue; some may have left

    def join(self, item: Item) -> None:
        """Let an item wait that could read at once; it has none begun."""
        number = self._places.setdefault(item, next(self._numbers))
        self._waiting.add(item)
        if item not in self._queued:
            self._queued.add(item)
            heapq.heappush(self._queue, (number, item))
        self._tell()

    def leave(self, item: Item) -> None:
        """Let an item go that is polled, or has no turn any more; its place is kept."""
        self._waiting.discard(item)
        self._tell()

    def pop(self, now: float) -> Item | None:
        """Begin the next read; ``None`` when there is none, or no room for it."""
        if not self._waiting or self._room_at(now) > now:
            return None
        item = self._next()
        while item not in self._waiting:
            item = self._next()
        self._waiting.discard(item)
        self._begun.add(item)
        self._tell()
        return item

    def end(self, item: Item, *, has_read: bool) -> None:
        """Take note that a turn of an item is over, which need not have waited.

        Args:
            item: Whose.
            has_read: Whether it was used for a read that had begun: the next one comes behind the others'.
        """
        if item in self._begun and has_read:
            del self._places[item]
        self._begun.discard(item)
        self._tell()

    def next_at(self, now: float) -> float | None:
        """Tell when the next can begin, as things stand; infinite: when one that has begun ends.

        ``None`` when nobody waits.
        """
        return self._room_at(now) if self._waiting else None

    def _next(self) -> Item:
        item = heapq.heappop(self._queue)[1]
        self._queued.discard(item)
        return item

    def _room_at(self, now: float) -> float:
        return self._budget.room_at(Purpose.REVISIT, len(self._begun), now)

    def _tell(self) -> None:
        self._budget.revisits = len(self._waiting) + len(self._begun)
