"""What the pollers of one client share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tailer.clock import Clock
from tailer.core.absence import Absence
from tailer.core.alerts import NO_RULES, AlertRules
from tailer.core.durations import Seconds
from tailer.core.ordering import longest_wait
from tailer.core.quirks import Quirks
from tailer.core.tempo import Pace
from tailer.core.windows import Pacing, Planner, WindowPlanner
from tailer.interfaces import Claim, EventApi, Journal
from tailer.observe import Observer
from tailer.pipeline.board import Board
from tailer.pipeline.details import DetailsDesk
from tailer.pipeline.room import Room
from tailer.pipeline.tally import Tally


@dataclass(frozen=True, slots=True)
class PollContext:
    """What all pollers of one principal share.

    Attributes:
        client: Sends the requests, within the budget.
        journal: Takes commits.
        claim: The right to commit for this principal.
        quirks: What its API has shown.
        pacing: How far is read at once, and back.
        pace: How often each connector is polled.
        settle: Seconds that an event is left to be overtaken by earlier ones.
        limit: Rows a page to ask for.
        kind: The one kind to ask for, ``None`` for all.
        tries: Failed polls in a row after which a connector is given up once the asked span has passed.
        clock: Time and sleep.
        board: Where progress is posted for the readers.
        tally: Where things are counted.
        room: The journal's, shared with all who store in it.
        observe: Is told what happens.
        random: Gives numbers in [0, 1), for jitter.
        planner: Makes what chooses the windows of one connector.
        details: Where events wait for their details; ``None``: none are asked for.
        alerts: What events of our own are derived from those that are read.
    """

    client: EventApi
    journal: Journal
    claim: Claim
    quirks: Quirks
    pacing: Pacing
    pace: Pace
    settle: Seconds
    limit: int
    kind: str | None
    tries: int
    clock: Clock
    board: Board
    tally: Tally
    room: Room
    observe: Observer
    random: Callable[[], float]
    planner: Callable[[Pacing, Absence], Planner] = WindowPlanner
    details: DetailsDesk | None = None
    alerts: AlertRules = NO_RULES

    def api_now(self) -> float:
        """Give API time."""
        return self.client.api_time.now(self.clock.monotonic())

    def longest_wait(self, interval: Seconds) -> Seconds:
        """Give the longest time that an event is held for its order, if its connector is polled so often."""
        more = 0.0 if self.details is None else self.details.longest_wait
        return longest_wait(self.settle, interval) + more

    def bounded(self, delay: Seconds) -> Seconds:
        """Cut a delay that goes beyond the end of the asked span, as the run waits for it there."""
        left = math.inf if self.pacing.until is None else self.pacing.until - self.api_now()
        return min(delay, left + self.pacing.interval) if left > 0 else delay
