"""One reader: takes events from the journal, puts them into order, gives them out in batches.

The read position (how far the journal was taken) and the commit position (what was accepted) are two things:
what is held or in flight is read but not accepted, and is read again after a crash.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from tailer.clock import Clock
from tailer.core.durations import Seconds
from tailer.core.ordering import Order, Ordering
from tailer.core.released import Released
from tailer.core.spans import Spans
from tailer.interfaces import Journal, ReaderState, Resume
from tailer.model import Batch, Event, Key
from tailer.pipeline.beginning import offset_since
from tailer.pipeline.board import Board
from tailer.pipeline.tally import Tally

READ_AHEAD = 20_000
"""Events taken from the journal at once; a few megabytes."""

LOOK_UP: Seconds = 0.5
"""How often held events are looked at while nothing else happens: some are only released by time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReaderOptions:
    """How one reader works.

    Attributes:
        name: Under which its state is kept.
        order: See `tailer.core.ordering`.
        hold: Longest wait for order, seconds.
        max_held: Bound on held events.
        max_events: Most events of a batch.
        max_bytes: Most bytes of a batch by `estimate`, but always one event; ``None``: no bound.
        estimate: Tells what an event takes of `max_bytes`.
        linger: Seconds that a batch that is not full waits for more.
        wanted: Which events are handed out; the others count as accepted. ``None``: all.
        since: What it begins with if it has never committed anything: what was read since this API time.
            ``-inf``: all that the journal holds. ``inf``: nothing of it.
    """

    name: str
    order: Order
    hold: Seconds
    max_held: int
    max_events: int = 1000
    max_bytes: int | None = None
    estimate: Callable[[Event], int] | None = None
    linger: Seconds = 0.0
    wanted: Callable[[Event], bool] | None = None
    since: float = -math.inf


def fitting(events: Sequence[Event], options: ReaderOptions) -> int:
    """Tell how many of the events fit into a batch by size; at least one."""
    bound, estimate = options.max_bytes, options.estimate
    if bound is None or estimate is None:
        return len(events)
    return max(1, bisect_right(list(accumulate(map(estimate, events))), bound))


class Reader:
    """Hands out the journal's events in order: `open`, then `next_batch` and `accept` in turn.

    Args:
        journal: Where events come from and states go to.
        board: The polls' progress.
        options: How it works.
        clock: Monotonic time.
        api_now: API time.
        tally: Counts late events.
    """

    def __init__(
        self,
        journal: Journal,
        board: Board,
        options: ReaderOptions,
        *,
        clock: Clock,
        api_now: Callable[[], float],
        tally: Tally,
    ) -> None:
        self.options = options
        self._journal = journal
        self._board = board
        self._clock = clock
        self._api_now = api_now
        self._tally = tally
        self.resume = Resume(0, None)
        self._position = 0
        self._accepted = Spans()
        self._ordering: Ordering
        self._ready = Released([], [])
        self._ready_at = 0
        self._in_flight = Released([], [])
        self._uncommitted: dict[str, Key] = {}
        self._is_committed = True
        self._drained = False
        self._is_interrupted = False

    @property
    def held(self) -> int:
        """Events that wait for their order."""
        return self._ordering.held

    @property
    def offset(self) -> int:
        """Every event numbered below it is accepted, or is about to be committed as such."""
        return self._accepted.first_missing(0)

    @property
    def backlog(self) -> int:
        """Events of the journal that are not accepted, about: numbers may be left out."""
        return max(0, self._journal.head - self._accepted.size)

    def has_all(self, ref: str, head: int) -> bool:
        """Tell, between two batches, whether all events of a connector numbered below `head` are accepted."""
        if self.offset >= head:
            return True
        return self._position >= head and not self._available and ref not in self._ordering.waiting

    def held_from(self, ref: str) -> float:
        """Give the earliest t of what is held of a connector; infinite when there is nothing."""
        return self._ordering.held_from(ref)

    async def open(self) -> None:
        """Load what was committed last into `resume`; register the reader with the journal if it is new."""
        state = await self._journal.load_reader(self.options.name)
        if state is None:
            state = ReaderState(offset=await offset_since(self._journal, self.options.since))
            await self._journal.commit_reader(self.options.name, state)
        self._position = state.offset
        self._accepted = state.above.add(0, state.offset)
        self._ordering = Ordering(
            self.options.order,
            hold=self.options.hold,
            max_held=self.options.max_held,
            highest=state.highest,
            now=self._api_now(),
        )
        self.resume = Resume(state.offset, state.sink)

    async def next_batch(self) -> Batch | None:
        """Wait for events whose order is known; ``None`` when polling has finished and all were given out.

        The batch before must have been accepted. A batch is empty if none of its events is wanted, or after
        an `interrupt`; it is accepted without being written.

        Raises:
            JournalError: The journal can't be read.
            Exception: What broke polling off (`Board.fail`), once all that is ready was given out.
        """
        await self._fill(1)
        if self.options.linger and 0 < self._available < self.options.max_events:
            await self._linger()
        self._is_interrupted = False
        if not self._available:
            return None if self._drained else Batch([])
        start = self._ready_at
        events = self._ready.events[start : start + self.options.max_events]
        del events[fitting(events, self.options) :]
        self._ready_at = end = start + len(events)
        self._in_flight = Released(events, self._ready.chunks[start:end])
        wanted = self.options.wanted
        return Batch(events if wanted is None else [event for event in events if wanted(event)])

    def interrupt(self) -> None:
        """Let the present or next `next_batch` return soon, whether there are events or not.

        It still takes and releases what it can at once, so being interrupted all the time is no standstill.
        """
        self._is_interrupted = True
        self._board.changed.notify()

    async def accept(self, state: bytes | None = None, *, through: Event | None = None) -> None:
        """Commit that the sink is done with the batch that was given out last; durable on return.

        Args:
            state: The sink's own state, which replaces the former.
            through: The last event that it is done with, one of the batch's; ``None``: all of the batch.
        """
        accepted, self._in_flight = self._in_flight, Released([], [])
        if through is not None:
            count = 1 + next(index for index, event in enumerate(accepted.events) if event is through)
            accepted, self._in_flight = accepted.parted(count)
        acceptance = self._ordering.accept(accepted.chunks)
        self._tally.late += sum(1 for event in accepted.events if event.late)
        self._accepted = self._accepted.update(acceptance.spans)
        self._uncommitted.update(acceptance.highest)
        await self.commit(state)

    async def end(self, last: Event | None) -> None:
        """Commit what was accepted of the batch that was given out last; no other method is called any more.

        Args:
            last: The last event of the batch that was accepted; ``None``: none of it was.
        """
        if last is not None:
            await self.accept(through=last)
        elif not self._is_committed:
            await self.commit()

    async def commit(self, state: bytes | None = None) -> None:
        """Commit the present position and the sink's own state, which replaces the former.

        May be called again after an error, or after it was cancelled.
        """
        offset = self.offset
        above = Spans(tuple(span for span in self._accepted if span[0] > offset))
        self._is_committed = False
        await self._journal.commit_reader(
            self.options.name,
            ReaderState(offset=offset, above=above, highest=dict(self._uncommitted), sink=state),
        )
        self._uncommitted = {}
        self._is_committed = True

    @property
    def _available(self) -> int:
        return len(self._ready.events) - self._ready_at

    async def _fill(self, wanted: int, deadline: float = math.inf) -> None:
        """Advance until so many events are ready, the deadline has passed or nothing more will come."""
        while not self._is_ready(wanted):
            self._board.check()
            now = self._clock.monotonic()
            if now >= deadline:
                return
            await self._advance()
            if self._is_interrupted:
                return
            if not self._is_ready(wanted) and self._position >= self._journal.head:
                await self._board.changed.wait(min(LOOK_UP, deadline - now))

    def _is_ready(self, wanted: int) -> bool:
        return self._available >= wanted or self._drained

    async def _linger(self) -> None:
        await self._fill(self.options.max_events, self._clock.monotonic() + self.options.linger)

    async def _advance(self) -> None:
        """One step: take what is new, release what is due."""
        ordering, board = self._ordering, self._board
        finished = board.finished
        if self._position < self._journal.head and ordering.held <= self.options.max_held:
            await self._take()
        now = self._clock.monotonic()
        fleet_mark = -math.inf
        if self._position >= self._journal.head:
            fleet_mark = board.fleet_mark
            for ref in ordering.waiting:
                ordering.advance(ref, board.mark_of(ref))
            self._drained = finished
            if finished and board.all_read:
                self._give(ordering.release_all())
                return
        self._give(ordering.release(now, fleet_mark=fleet_mark, counted_from=board.history_read_at))

    async def _take(self) -> None:
        head = self._journal.head
        entries = await self._journal.read(self._position, READ_AHEAD)
        now = self._clock.monotonic()
        for entry in entries:
            number = entry.offset
            self._accepted = self._accepted.add(self._position, number)  # offsets may leave numbers out
            for segment in entry.segments:
                source = segment.source
                hold = self._board.wait_of(f"{source.account}/{source.connector}")
                self._ordering.take(segment, number, self._accepted, now, hold)
                number += len(segment.events)
            self._position = number
        if not entries:  # what was there is accepted and gone; the head may have moved on meanwhile
            self._accepted = self._accepted.add(self._position, head)
            self._position = head

    def _give(self, released: Released) -> None:
        if not released.events:
            return
        if self._available:
            start = self._ready_at
            released = Released(
                self._ready.events[start:] + released.events, self._ready.chunks[start:] + released.chunks
            )
        self._ready = released
        self._ready_at = 0
