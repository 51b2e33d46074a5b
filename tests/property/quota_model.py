"""A quota as the server keeps it, requests that take their time, and others who spend of the same quota."""

from __future__ import annotations

import heapq
import math
from collections import deque
from itertools import count
from random import Random

from tailer.core.budget import Budget, RatePolicy

STEP = 0.125
"""Seconds between two looks at the client; exact in binary."""


class QuotaModel:
    """Plays a client that always wants to send against a server.

    Others spend as fast as they may: less than the reserve between the answer that the client knew when it
    sent a request and that request's arrival.

    Args:
        budget: The client's; the server has the same quota and window.
        random: For delays, losses and what others spend.
        reserve: Requests that the client leaves to others.
        is_fixed: Whether the window starts anew at each multiple of its length; otherwise it slides.

    Attributes:
        sent: Requests of the client.
        crossings: Those of them that came when nothing was left.
        refused: Refusals that the client has got.
        pauses: How often a refusal began a pause.
        tells: Whether answers tell what remains.
    """

    def __init__(self, budget: Budget, random: Random, *, reserve: float, is_fixed: bool) -> None:
        self.sent = 0
        self.crossings = 0
        self.refused = 0
        self.pauses = 0
        self.tells = True
        self.block_until = -math.inf
        self._budget = budget
        self._quota, self._window = budget.quota, budget.window
        self._random = random
        self._reserve = reserve
        self._is_fixed = is_fixed
        self._spent: deque[float] = deque()
        self._foreign = 0
        self._known = 0  # what others had spent when the latest of the answers that came was made
        self._coming: dict[float, int] = {}  # requests that have not arrived, with what was known then
        self._events: list[tuple[float, int, str, float, int]] = []
        self._told: dict[int, tuple[int, int, int]] = {}  # remaining, reset, what others had spent
        self._numbers = count()

    def run(self, seconds: float) -> None:
        """Play for so long."""
        now = 0.0
        while now < seconds:
            while self._events and self._events[0][0] <= now:
                at, _, what, sent, told = heapq.heappop(self._events)
                getattr(self, what)(at, sent, told)
            self._spend_foreign(now)
            at = now
            while self._budget.wait(at) == 0:
                self._send(at)
                at += 2**-20  # so that each is known by its time
            now += STEP

    def _send(self, now: float) -> None:
        self.sent += 1
        self._budget.spend(now)
        self._coming[now] = self._known
        arrives = now + self._random.choice([0.01, 0.05, 0.3, 1.5])
        self._plan(arrives, "_arrive", now)

    def _arrive(self, now: float, sent: float, _told: int) -> None:
        del self._coming[sent]
        self._forget(now)
        if now >= self.block_until and len(self._spent) >= self._quota:
            self.crossings += 1
            self.block_until = now + 60.0
        is_refused = now < self.block_until
        if not is_refused:
            self._spent.append(now)
        takes = self._random.choice([0.01, 0.05, 0.3])
        if is_refused:
            self._plan(now + takes, "_refuse", sent)
            return
        takes += 5.0 if self._random.random() < 0.02 else 0.0
        if self._random.random() < 0.02:
            self._plan(now + takes, "_lose", sent)
        else:
            remaining = self._quota - len(self._spent)
            reset = (
                self._window - now % self._window if self._is_fixed else self._spent[0] + self._window - now
            )
            self._plan(now + takes, "_answer", sent, remaining, math.ceil(reset))

    def _answer(self, now: float, sent: float, told: int) -> None:
        remaining, reset, foreign = self._told.pop(told)
        self._known = max(self._known, foreign)
        policy = RatePolicy(self._quota, self._window, remaining, reset) if self.tells else None
        self._budget.observe(sent, policy, now)
        self._budget.succeeded(sent)

    def _refuse(self, now: float, sent: float, _told: int) -> None:
        self.refused += 1
        paused_until = self._budget.paused_until
        self.pauses += paused_until is None or paused_until <= now
        self._budget.observe(sent, RatePolicy(remaining=0) if self.tells else None, now)
        self._budget.refuse("anything", None, sent, now, has_quota=False)

    def _lose(self, now: float, sent: float, _told: int) -> None:
        self._budget.failed(sent, now)

    def _plan(self, at: float, what: str, sent: float, remaining: int = 0, reset: int = 0) -> None:
        number = next(self._numbers)
        self._told[number] = (remaining, reset, self._foreign)
        heapq.heappush(self._events, (at, number, what, sent, number))

    def _spend_foreign(self, now: float) -> None:
        self._forget(now)
        for _ in range(self._random.randrange(4)):
            known = min([self._known, *self._coming.values()])
            is_enough = self._foreign + 1 - known >= self._reserve
            if is_enough or len(self._spent) >= self._quota:
                return
            self._foreign += 1
            self._spent.append(now)

    def _forget(self, now: float) -> None:
        begin = now // self._window * self._window if self._is_fixed else now - self._window
        while self._spent and self._spent[0] < begin:
            self._spent.popleft()
