"""Whose turn it is to be polled, in two lanes, and who is still to be polled at all.

A connector whose request ran into the time limit moves to the slow lane, so that it can only delay its likes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from tailer.clock import Clock
from tailer.core.purpose import Purpose
from tailer.pipeline.lane import Lane
from tailer.pipeline.poller import Poller
from tailer.pipeline.revisits import RevisitQueue

SLOW_LANE = 2
"""Polls in flight among the connectors that ran into the time limit."""


class Turns:
    """The lanes of one fleet.

    Args:
        clock: Time.
        concurrency: Polls in flight in the fast lane.
        revisits: Where those wait that want to read the past.
        beginning: Gives the time at which a poll that is due may begin; ``None``: at once.
    """

    def __init__(
        self,
        clock: Clock,
        concurrency: int,
        revisits: RevisitQueue,
        beginning: Callable[[float], float] | None = None,
    ) -> None:
        self._revisits = revisits
        self._concurrency = concurrency
        self._fast: Lane[Poller] = Lane(clock, beginning)
        self._slow: Lane[Poller] = Lane(clock, beginning)
        self._unfinished: set[Poller] = set()
        self._finished = anyio.Event()
        self._is_finite = False

    def start(self, group: TaskGroup, poll: Callable[[Poller], Awaitable[None]]) -> None:
        """Hand out turns to workers in a task group from now on; each calls `poll`, which `add`s anew."""
        for lane, workers in ((self._fast, self._concurrency), (self._slow, SLOW_LANE)):
            for _ in range(workers):
                group.start_soon(self._work, lane, poll)

    @property
    def is_due(self) -> bool:
        """Whether a connector waits for a worker."""
        return self._fast.is_due or self._slow.is_due

    @property
    def unfinished(self) -> int:
        """How many connectors are still to be polled."""
        return len(self._unfinished)

    def add(self, poller: Poller) -> None:
        """Give a connector its next turn, unless it is done; it must have none."""
        if poller.is_done:
            self.finish(poller)
            return
        self._unfinished.add(poller)
        lane, backlog = self._lane_of(poller), poller.backlog
        poller.may_revisit = poller.revisits_first = False
        if backlog is None:
            lane.add_live(poller, poller.next_at)
        elif backlog != Purpose.REVISIT:
            lane.add_backlog(poller, poller.checkpoint.through)
        elif self._revisits.join(poller, self._wake):
            self._allow(poller)
            lane.add_backlog(poller, poller.checkpoint.through, poller.due_at)
        else:
            lane.add_live(poller, poller.due_at)

    def end(self, poller: Poller) -> None:
        """Take note that a connector's turn is over; before it is added again, if it is."""
        self._revisits.end(poller, has_read=poller.has_revisited)

    def remove(self, poller: Poller) -> bool:
        """Take a connector out; return whether it had a turn: one that is being polled has none."""
        if not (self._fast.remove(poller) or self._slow.remove(poller)):
            return False
        self._revisits.leave(poller)
        self._revisits.end(poller, has_read=False)
        return True

    def hasten(self, poller: Poller, due_at: float) -> None:
        """Give a connector an earlier turn, if it has one at all."""
        if due_at < poller.due_at and self.remove(poller):
            poller.due_at = due_at
            self.add(poller)

    def finish(self, poller: Poller) -> None:
        """Note that nothing more is to be read of a connector."""
        self._unfinished.discard(poller)
        self._finish_if_done()

    async def finished(self) -> None:
        """Return when nothing more is to be read of any connector, in a run that ends by itself."""
        self._is_finite = True
        self._finish_if_done()
        await self._finished.wait()

    def _finish_if_done(self) -> None:
        if self._is_finite and not self._unfinished:
            self._finished.set()

    def _lane_of(self, poller: Poller) -> Lane[Poller]:
        return self._slow if poller.is_slow else self._fast

    @staticmethod
    def _allow(poller: Poller) -> None:
        """Let a connector read the past, be it that a poll is due; but not twice between two polls then."""
        poller.may_revisit = True
        poller.revisits_first = not poller.has_revisited

    def _wake(self, poller: Poller) -> None:
        """Let a connector read the past now; if it was just taken for a poll, instead of that."""
        self._allow(poller)
        lane = self._lane_of(poller)
        if lane.remove(poller):
            lane.add_backlog(poller, poller.checkpoint.through, poller.due_at)

    async def _work(self, lane: Lane[Poller], poll: Callable[[Poller], Awaitable[None]]) -> None:
        while True:
            poller = await lane.next()
            self._revisits.leave(poller)
            await poll(poller)
