"""What the requests of one read are paid as, and when a read of the past makes way for its connector's poll.

A connector is read by one task at a time, so whatever reads its past holds up its next poll. Rules:

1. A poll is live. Where it reaches far back for late events and needs more than a page, what comes after the
   first page is a revisit: where there is no room for one, the poll is left off, and what is new is read
   without it.
2. The first request of a read of the past is given up when the poll is due and it still waits for the
   budget; within `PATIENCE` of its beginning it is not.
3. Between two requests a read of the past is left off when the poll is due, or when there is no room for the
   next one: what it has not read, a smaller one will. So a poll waits for one request under way at most.
4. What can't be read in smaller parts goes on as live: it holds up what is new, and is as urgent.

`now` is monotonic time in seconds.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tailer.core.budget import Budget
from tailer.core.durations import Seconds
from tailer.core.purpose import Purpose

PATIENCE: Seconds = 1.0
"""Seconds that a read of the past may wait for the budget though the poll is due: it was begun because there
was room for it, and is only overtaken by what was sent in the same moment."""


class Payment(NamedTuple):
    """How the next request is paid.

    Attributes:
        purpose: What it is sent for.
        until: When it is given up if it still waits for the budget (monotonic).
    """

    purpose: Purpose
    until: float = math.inf


class Terms:
    """The terms of one read.

    Args:
        budget: The principal's.
        purpose: What it is for.
        later: What its requests after the first are for, if it is a poll.
        due_at: When the connector's next poll is due (monotonic), for which it makes way; ``None``: for none.
    """

    def __init__(
        self,
        budget: Budget,
        purpose: Purpose,
        later: Purpose = Purpose.LIVE,
        *,
        due_at: float | None = None,
    ) -> None:
        self._budget = budget
        self._purpose = purpose
        self._due_at = due_at
        self._later = later

    def first(self, now: float) -> Payment:
        """Tell how its first request is paid."""
        if self._due_at is None:
            return Payment(self._purpose)
        return Payment(self._purpose, max(self._due_at, now + PATIENCE))

    def next(self, now: float, *, is_divisible: bool) -> Payment | None:
        """Tell how another request is paid; ``None``: the read is to be left off.

        Args:
            now: Monotonic time.
            is_divisible: Whether what is left could be read in smaller parts.
        """
        is_deep = self._purpose == Purpose.LIVE and self._later == Purpose.REVISIT
        if self._due_at is None and not is_deep:
            return Payment(self._purpose)
        if not is_divisible:
            return Payment(Purpose.LIVE)
        if self._due_at is None:
            return Payment(self._later) if self._budget.affords(self._later, now) else None
        if now >= self._due_at or not self._budget.affords(self._purpose, now):
            return None
        return Payment(self._purpose, self._due_at)
