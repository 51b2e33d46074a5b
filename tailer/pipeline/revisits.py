"""Wakes the connectors of one principal that want to read the past, when the budget has room for it."""

from __future__ import annotations

import math
from collections.abc import Callable

from tailer.clock import Clock
from tailer.core.budget import Budget
from tailer.core.revisits import Revisits
from tailer.pipeline.poller import Poller
from tailer.pipeline.signal import Signal

Wake = Callable[[Poller], None]
"""Gives a connector that waits for its next poll a turn at once."""


class RevisitQueue:
    """Connectors that wait for the budget, polled as ever meanwhile; shared by the fleets of a principal.

    Args:
        budget: The principal's.
        clock: Time.
    """

    def __init__(self, budget: Budget, clock: Clock) -> None:
        self._clock = clock
        self._revisits: Revisits[Poller] = Revisits(budget)
        self._wakes: dict[Poller, Wake] = {}
        self._stirred = Signal()

    def join(self, poller: Poller, wake: Wake) -> bool:
        """Let a connector wait, unless it may read at once; return whether it may."""
        self._revisits.join(poller)
        self._wakes[poller] = wake
        has_begun = False
        while (first := self._revisits.pop(self._clock.monotonic())) is not None:
            first_wake = self._wakes.pop(first)
            if first is poller:
                has_begun = True
            else:
                first_wake(first)
        self._stir()
        return has_begun

    def leave(self, poller: Poller) -> None:
        """Let a connector go whose turn has come, or that has none any more."""
        if self._wakes.pop(poller, None) is not None:
            self._revisits.leave(poller)

    def end(self, poller: Poller, *, has_read: bool) -> None:
        """Take note that a connector's turn is over; see `tailer.core.revisits.Revisits.end`."""
        self._revisits.end(poller, has_read=has_read)
        self._stir()

    async def keep(self) -> None:
        """Wake them when there is room, for ever."""
        while True:
            while (poller := self._revisits.pop(self._clock.monotonic())) is not None:
                self._wakes.pop(poller)(poller)
            now = self._clock.monotonic()
            next_at = self._revisits.next_at(now)
            await self._stirred.wait(math.inf if next_at is None else max(0.0, next_at - now))

    def _stir(self) -> None:
        """Have it looked again: who came or went may have made room, or needs some later."""
        if self._wakes:
            self._stirred.notify()
