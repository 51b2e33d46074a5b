"""The fleets of one principal: together they must fit into its one budget."""

from __future__ import annotations

from collections.abc import Callable

from tailer.core.budget import Budget
from tailer.core.durations import Seconds
from tailer.core.ordering import longest_wait
from tailer.core.windows import Pacing
from tailer.observe import IntervalStretched, Observer
from tailer.pipeline.board import Board


class Crowd:
    """Adapts the pace of a principal's fleets to the number of their connectors.

    Args:
        principal: Its name, for reports.
        budget: Tells the rate that is allowed.
        settle: Seconds that are added to the interval to give the longest wait of a reader.
        page_limit: Rows a page.
        max_held: Bound on the events that a reader holds for the sake of order.
        board: Told how long readers may wait.
        observe: Told when the interval is stretched.
    """

    def __init__(
        self,
        principal: str,
        budget: Budget,
        *,
        settle: Seconds,
        page_limit: int,
        max_held: int,
        board: Board,
        observe: Observer,
    ) -> None:
        self.principal = principal
        self.budget = budget
        self._members: list[tuple[Pacing, Callable[[], int]]] = []
        self._settle = settle
        self._page_limit = page_limit
        self._max_held = max_held
        self._board = board
        self._observe = observe
        self._told: Seconds | None = None

    def join(self, pacing: Pacing, count: Callable[[], int]) -> None:
        """Add a fleet: its pacing, and what counts the connectors that it polls at its interval."""
        self._members.append((pacing, count))

    def fit(self) -> None:
        """Set interval and slices by the connectors that are known now; called after every listing."""
        connectors = sum(count() for _, count in self._members)
        for pacing, _ in self._members:
            pacing.fit(
                connectors, rate=self.budget.rate, page_limit=self._page_limit, max_held=self._max_held
            )
        interval = max((pacing.interval for pacing, _ in self._members), default=0.0)
        shortest = max((pacing.shortest for pacing, _ in self._members), default=0.0)
        if interval != (self._told or shortest):
            self._told = interval
            self._observe(IntervalStretched(self.principal, connectors, interval))
        self._board.allow_wait(self.principal, longest_wait(self._settle, interval))
