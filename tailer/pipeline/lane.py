"""A lane: connectors that wait for their turn, and a number of workers that take them.

An idle worker is a future in a queue; one timer for the whole lane hands out what becomes due. At two hundred
polls a second that costs a tenth of starting a task for each.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from tailer.clock import Clock
from tailer.core.agenda import Agenda

Item = TypeVar("Item", bound=Hashable)


class Lane(Generic[Item]):
    """An agenda with workers that wait for it.

    Args:
        clock: Time.
        beginning: See `tailer.core.agenda.Agenda`.
    """

    def __init__(self, clock: Clock, beginning: Callable[[float], float] | None = None) -> None:
        self._clock = clock
        self._agenda: Agenda[Item] = Agenda(beginning)
        self._idle: deque[asyncio.Future[Item]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add_live(self, item: Item, due_at: float) -> None:
        """Hand an item out at `due_at` (monotonic)."""
        self._agenda.add_live(item, due_at)
        self._hand_out()

    def add_backlog(self, item: Item, progress: float, due_at: float = math.inf) -> None:
        """Hand an item out as soon as a worker is free; see `tailer.core.agenda.Agenda.add_backlog`."""
        self._agenda.add_backlog(item, progress, due_at)
        self._hand_out()

    @property
    def is_due(self) -> bool:
        """Whether an item waits for a worker."""
        return self._agenda.is_due(self._clock.monotonic())

    def remove(self, item: Item) -> bool:
        """Take an item out before its turn; return whether it was waiting for it."""
        return self._agenda.remove(item)

    async def next(self) -> Item:
        """Wait for the next item whose turn it is; any number of workers may wait at once."""
        item = self._agenda.pop(self._clock.monotonic())
        if item is not None:
            return item
        future: asyncio.Future[Item] = asyncio.get_running_loop().create_future()
        self._idle.append(future)
        self._set_timer()
        return await future

    def _hand_out(self) -> None:
        """Give what is due to the workers that wait."""
        while self._idle:
            if self._idle[0].cancelled():
                self._idle.popleft()
                continue
            item = self._agenda.pop(self._clock.monotonic())
            if item is None:
                break
            self._idle.popleft().set_result(item)
        self._set_timer()

    def _set_timer(self) -> None:
        """Come back when the next item is due, if anybody waits for it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        next_at = self._agenda.next_at()
        if self._idle and next_at is not None:
            delay = max(0.0, next_at - self._clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._hand_out)
