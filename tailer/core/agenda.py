"""Who is polled next: live polls when they are due, and in between those that have something to catch up on.

Rules:

1. A *live* item becomes ready at its time; ready ones are taken in the order of their times.
2. A *backlog* item is ready at once; the one that is least far is taken first, so that a fleet advances
   together and a merge over its connectors has little to hold.
3. Live ones go first, but every `BACKLOG_TURN`-th choice is the backlog's while it has any: neither starves.
   What of the backlog has a live time as well is taken as whichever comes first.
4. An item that is removed leaves its place behind, which is skipped when its turn comes.
5. A live item that is ready may have to wait for its beginning (`tailer.core.spacing`); the backlog does not.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Hashable
from itertools import count
from typing import Generic, TypeVar

BACKLOG_TURN = 4
"""One choice in this many is the backlog's, however many live polls are due."""

Item = TypeVar("Item", bound=Hashable)


class Agenda(Generic[Item]):
    """Items (hashable) with the time or the progress that decides their turn; each is in it at most once.

    Args:
        beginning: Gives the time at which the next live item may begin, at or after the one that it is given;
            ``None``: at once. Asked once for each that is taken.
    """

    def __init__(self, beginning: Callable[[float], float] | None = None) -> None:
        self._beginning = beginning
        self._begins_at: float | None = None
        self._live: list[tuple[float, int, Item]] = []
        self._backlog: list[tuple[float, int, Item]] = []
        self._places: dict[Item, int] = {}
        self._numbers = count()
        self._choices = 0

    def __len__(self) -> int:
        """Count the items."""
        return len(self._places)

    def add_live(self, item: Item, due_at: float) -> None:
        """Poll an item at `due_at` (monotonic)."""
        self._add(self._live, item, due_at)

    def add_backlog(self, item: Item, progress: float, due_at: float = math.inf) -> None:
        """Poll an item as soon as possible; among such, those with the least `progress` go first.

        Args:
            item: Which.
            progress: How far it is.
            due_at: When it is live as well (monotonic); infinite: never.
        """
        self._add(self._backlog, item, progress)
        if due_at < math.inf:
            heapq.heappush(self._live, (due_at, self._places[item], item))

    def remove(self, item: Item) -> bool:
        """Take an item out before its turn; return whether it was waiting for it."""
        return self._places.pop(item, None) is not None

    def pop(self, now: float) -> Item | None:
        """Take the item whose turn it is; ``None`` when none is ready."""
        self._skip_removed(self._backlog)
        is_live_ready = self._is_live_ready(now)
        if self._backlog and (not is_live_ready or self._choices % BACKLOG_TURN == BACKLOG_TURN - 1):
            return self._take(self._backlog)
        if is_live_ready:
            self._begins_at = None
            return self._take(self._live)
        return None

    def is_due(self, now: float) -> bool:
        """Tell whether an item is ready, be it that it waits for its beginning."""
        self._skip_removed(self._backlog)
        self._skip_removed(self._live)
        return bool(self._backlog) or bool(self._live and self._live[0][0] <= now)

    def next_at(self) -> float | None:
        """Tell when the next live item can be taken, as far as is known; ``None`` when there is none."""
        self._skip_removed(self._live)
        if not self._live:
            return None
        return max(self._live[0][0], -math.inf if self._begins_at is None else self._begins_at)

    def _is_live_ready(self, now: float) -> bool:
        """Tell whether a live item can be taken; the first that is ready has a time set for its beginning."""
        self._skip_removed(self._live)
        if not self._live or self._live[0][0] > now:
            return False
        if self._beginning is None:
            return True
        if self._begins_at is None:
            self._begins_at = self._beginning(now)
        return self._begins_at <= now

    def _add(self, heap: list[tuple[float, int, Item]], item: Item, key: float) -> None:
        number = next(self._numbers)
        self._places[item] = number
        heapq.heappush(heap, (key, number, item))

    def _take(self, heap: list[tuple[float, int, Item]]) -> Item:
        self._choices += 1
        item = heapq.heappop(heap)[2]
        del self._places[item]
        return item

    def _skip_removed(self, heap: list[tuple[float, int, Item]]) -> None:
        while heap and self._places.get(heap[0][2]) != heap[0][1]:
            heapq.heappop(heap)
