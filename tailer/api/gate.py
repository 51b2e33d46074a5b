"""The gate that all requests of one principal go through, one by one, when the budget lets them.

Who goes next, and when, is decided in `core`; here it is waited for. Only the one whose turn it is has a
timer; the others sleep until they are called: when the one before them has gone, or when an answer came.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from functools import partial

import anyio

from tailer.clock import Clock
from tailer.core.budget import Budget
from tailer.core.durations import Seconds
from tailer.core.precedence import Precedence
from tailer.core.purpose import Purpose
from tailer.errors import UnsentError

_LEAST_WAIT: Seconds = 0.001  # shorter ones could be lost in a sum with a large time, and never end


def _do_nothing() -> None:
    pass


class _Ticket:
    """A request that waits."""

    def __init__(self, purpose: Purpose) -> None:
        self.purpose = purpose
        self._nap: anyio.CancelScope | None = None
        self._is_called = False

    def call(self) -> None:
        """Wake it, now or as soon as it sleeps."""
        self._is_called = True
        if self._nap is not None:
            self._nap.cancel()

    async def sleep(self, clock: Clock, seconds: Seconds) -> None:
        """Return after so long, or when called; infinite: only then."""
        if not self._is_called:
            with anyio.CancelScope() as self._nap:
                await (anyio.sleep_forever() if math.isinf(seconds) else clock.sleep(seconds))
            self._nap = None
        self._is_called = False


class Gate:
    """The gate of one principal; all of its clients share it.

    Args:
        budget: The principal's.

    Attributes:
        budget: The same; who gets an answer teaches it and then calls `stir`.
        on_stop: Called when a stop has begun, or ends at another time than it was to.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.on_stop: Callable[[], None] = _do_nothing
        self._stopped_until: float | None = None
        self._waiting: Precedence[_Ticket] = Precedence()

    async def enter(
        self, subject: Hashable, purpose: Purpose, clock: Clock, until: float = math.inf
    ) -> float:
        """Wait until a request may be sent, count it, and return the monotonic time.

        Args:
            subject: What it is about.
            purpose: What it is for.
            clock: Time.
            until: When it is given up if it still waits (monotonic); what may go at once goes in any case.

        Raises:
            UnsentError: It was given up.
        """
        budget, waiting = self.budget, self._waiting
        now = clock.monotonic()
        if not len(waiting) and not budget.wait(now, purpose):
            budget.spend(now, purpose)
            return now
        ticket = _Ticket(purpose)
        waiting.join(ticket, purpose, is_suspect=budget.suspects.is_suspect(subject, now))
        try:
            while (delay := self._delay(ticket, now := clock.monotonic())) > 0:
                if until - now < _LEAST_WAIT:
                    raise UnsentError("the budget had no room for a request that could not wait")
                if math.isinf(delay):
                    self.stir(clock, ticket)
                await ticket.sleep(clock, min(delay, until - now))
            budget.spend(now, purpose)
            waiting.sent(purpose)
        finally:
            waiting.leave(ticket, purpose)
            self.stir(clock)
        return now

    def stir(self, clock: Clock, but: _Ticket | None = None) -> None:
        """Have the one whose turn it is look again, but for a ticket that does so anyway.

        To be called whenever a request has ended.
        """
        stopped_until, self._stopped_until = self._stopped_until, self.budget.paused_until
        if self._stopped_until not in {None, stopped_until}:
            self.on_stop()
        first = self._first(clock.monotonic())
        if first is not None and first is not but:
            first.call()

    def _first(self, now: float) -> _Ticket | None:
        if not len(self._waiting):
            return None
        budget = self.budget
        return self._waiting.next(partial(budget.may_go, now=now), is_stopped=budget.reason is not None)

    def _delay(self, ticket: _Ticket, now: float) -> Seconds:
        return self.budget.wait(now, ticket.purpose) if self._first(now) is ticket else math.inf
