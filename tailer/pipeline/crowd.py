"""The fleets of one principal: together they must fit into its one budget.

Where the budget does not hold everyone at the shortest interval, `tailer.core.tempo` tells who is polled how
often; here its price is kept up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import anyio

from tailer.clock import Clock
from tailer.core.budget import Budget
from tailer.core.durations import Seconds
from tailer.core.spacing import Spacing
from tailer.core.tempo import Pace, Tempo
from tailer.core.windows import POLLING_SHARE, Pacing
from tailer.observe import IntervalStretched, Observer
from tailer.pipeline.revisits import RevisitQueue

FIT_EVERY: Seconds = 10.0
"""Seconds between two searches for the price; with 10,000 connectors one takes some 30 ms."""


class Crowd:
    """Adapts the pace of a principal's fleets to the number of their connectors.

    Args:
        principal: Its name, for reports.
        budget: Tells the rate that is allowed.
        pace: Tells how often each connector is polled.
        page_limit: Rows a page.
        max_held: Bound on the events that a reader holds for the sake of order.
        observe: Told when intervals are stretched.
        clock: Time.
        is_sweep: No polls are planned: a closed span is read once.

    Attributes:
        revisits: Where its connectors wait that want to read the past.
    """

    def __init__(
        self,
        principal: str,
        budget: Budget,
        *,
        pace: Pace,
        page_limit: int,
        max_held: int,
        observe: Observer,
        clock: Clock,
        is_sweep: bool = False,
    ) -> None:
        self.principal = principal
        self.budget = budget
        self.pace = pace
        self.revisits = RevisitQueue(budget, clock)
        self._clock = clock
        self._members: list[tuple[Pacing, Callable[[], Collection[Tempo]]]] = []
        self._page_limit = page_limit
        self._max_held = max_held
        self._observe = observe
        self._is_sweep = is_sweep
        self._told: Seconds | None = None
        self._taken = 0.0
        self._spacing = Spacing()

    def join(self, pacing: Pacing, tempos: Callable[[], Collection[Tempo]]) -> None:
        """Add a fleet: its pacing, and what gives the tempos of the connectors polled at their interval."""
        self._members.append((pacing, tempos))

    def fit(self) -> None:
        """Set intervals and slices by the connectors that are known now; called after every listing too."""
        tempos = self._tempos()
        awake = sum(not tempo.is_silent for tempo in tempos)
        for pacing, _ in self._members:
            pacing.fit(awake, rate=self.budget.rate, page_limit=self._page_limit, max_held=self._max_held)
        pace = self.pace
        pace.fit(tempos, (POLLING_SHARE - self._taken) * self.budget.rate)
        self.budget.planned = 0.0 if self._is_sweep else pace.planned
        longest = pace.longest if pace.is_bound else pace.shortest
        if longest != (self._told or pace.shortest):
            self._told = longest
            self._observe(IntervalStretched(self.principal, len(tempos), pace.shortest, longest))

    def beginning(self, now: float) -> float:
        """Give the time at which the next poll that is due may begin (`tailer.core.spacing`), monotonic."""
        return self._spacing.next(now, allowed=self.budget.allowed, rate=self.budget.rate)

    async def keep(self) -> None:
        """Let revisits go when there is room for them, and fit the pace to what is learnt, for ever."""
        async with anyio.create_task_group() as group:
            group.start_soon(self.revisits.keep)
            group.start_soon(self._keep_pace)

    async def _keep_pace(self) -> None:
        """Fit again and again, as long as the budget binds: rates are learnt meanwhile.

        What is read again takes of the share that it is promised, which then is not the polls'.
        """
        while True:
            await self._clock.sleep(FIT_EVERY)
            before, self._taken = self._taken, self.budget.taken_from_polls(self._clock.monotonic())
            if self.pace.is_bound or before != self._taken:
                self.fit()

    @property
    def expected_delay(self) -> Seconds:
        """Mean time that an event waits for its poll, by what is known of the connectors."""
        return self.pace.expected_delay(tempo for tempo in self._tempos() if not tempo.is_silent)

    def _tempos(self) -> list[Tempo]:
        return [tempo for _, tempos in self._members for tempo in tempos()]
