"""What a library's user holds: a run in the background, and its events in loops and batches.

Each name has a place of its own in the journal: what was given out, and up to where it was acknowledged.
Loops over different names run side by side; what one has not acknowledged keeps nothing from the others.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import anyio

from tailer.app.run.run import Run
from tailer.core.durations import Seconds
from tailer.core.ordering import Order
from tailer.errors import ConfigError
from tailer.model import Event
from tailer.pipeline.reader import Reader

READER = "library"
"""Name of the reader whose place a durable journal keeps for `Tail.events`."""

BATCH = 1000
"""Most events of a batch, unless asked otherwise: one page of the API."""


class PendingBatch:
    """Events that were given out and wait to be acknowledged; made by `Tail.batches`.

    Attributes:
        events: In the reader's order; at least one.
    """

    def __init__(self, events: Sequence[Event], place: _Place) -> None:
        self.events = events
        self._place = place

    def __len__(self) -> int:
        """Count the events."""
        return len(self.events)

    def __iter__(self) -> Iterator[Event]:
        """Iterate over the events."""
        return iter(self.events)

    async def ack(self) -> None:
        """Make durable that this batch need not be given out again; a second call does nothing.

        Raises:
            JournalError: It is not durable. May be called again; if the process ends first, the batch comes
                again.
            RuntimeError: The tail was closed before.
        """
        await self._place.acknowledge(self)


class _Place:
    """One name: its reader, and what it has given out."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.batch: PendingBatch | None = None
        self.at = 0
        self._owed: PendingBatch | None = None  # acknowledged, but not durably
        self._is_asked = False
        self._is_closed = False

    async def next(self) -> PendingBatch | None:
        """Give the batch that is not acknowledged, or wait for the next; ``None`` at the end."""
        if self._is_asked:
            raise RuntimeError(
                f"reader {self.reader.options.name!r} is iterated by two loops; give one a name"
            )
        self._is_asked = True
        try:
            while self.batch is None:
                batch = await self.reader.next_batch()
                if batch is None:
                    return None
                if batch.events:
                    self.batch, self.at = PendingBatch(batch.events, self), 0
                else:
                    await self.reader.accept()
        finally:
            self._is_asked = False
        return self.batch

    async def acknowledge(self, batch: PendingBatch) -> None:
        if batch is self.batch:
            if self._is_closed:
                raise RuntimeError("the tail is closed: acknowledge inside of `async with tailer.open(...)`")
            self.batch, self._owed = None, batch
        if batch is self._owed:
            await self.reader.accept()  # after a failure there is nothing in flight, and it commits again
            self._owed = None

    async def close(self) -> None:
        """Make durable what was acknowledged, event by event."""
        self._is_closed = True
        await self.reader.end(self.batch.events[self.at - 1] if self.batch and self.at else None)


class Tail:
    """A run in the background and its events in the foreground; made by `tailer.open`.

    Args:
        run: Entered.
        order: Of readers for which none is asked.
        taken: Names that belong to others: the sinks of the configuration.
    """

    def __init__(self, run: Run, order: Order, taken: frozenset[str]) -> None:
        self._run = run
        self._order: Order = order
        self._taken = taken
        self._places: dict[str, _Place] = {}

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield events in order, for ever, or to the end of the asked span.

        An event is acknowledged when the next one is asked for. Breaking out of the loop keeps the place: a
        later call begins with the event that was not acknowledged. One loop at a time.

        Raises:
            JournalError: What came could not be made durable, or an acknowledgement was not.
            RuntimeError: Two loops at once.
        """
        place = await self._place(READER, self._order, BATCH, 0.0)
        while (batch := await place.next()) is not None:
            while place.at < len(batch.events):
                yield batch.events[place.at]
                place.at += 1
            await batch.ack()

    async def batches(
        self,
        *,
        name: str,
        order: Order | None = None,
        max_events: int = BATCH,
        linger: Seconds = 0.0,
    ) -> AsyncGenerator[PendingBatch, None]:
        """Yield batches in order, each to be acknowledged before the next is asked for.

        Delivery is at least once: a batch that was not acknowledged is given out again, by a later call and,
        with a durable journal, by a later process. Each name has its own place, and all of them may be
        iterated at once. A new name begins with what the journal still holds: with all, if it is asked for
        before any other name has acknowledged something.

        Args:
            name: Under which the place is kept.
            order: ``arrival``, ``connector`` or ``global``; ``None``: as the tail was opened.
            max_events: Most events of a batch, at least 1.
            linger: Seconds that a batch that is not full waits for more.

        Raises:
            ConfigError: The name is that of a sink in the configuration file.
            JournalError: What came could not be made durable.
            RuntimeError: The batch before was not acknowledged, or two loops share a name.
            ValueError: `max_events` or `linger` is out of bounds.
        """
        if max_events < 1 or linger < 0:
            raise ValueError("max_events must be at least 1, and linger not negative")
        place = await self._place(name, order or self._order, max_events, linger)
        while (batch := await place.next()) is not None:
            yield batch
            if place.batch is batch:
                raise RuntimeError(
                    f"a batch of {name!r} was not acknowledged; `await batch.ack()` before the next"
                )

    async def close(self) -> None:
        """Make durable what was acknowledged."""
        async with AsyncExitStack() as closing:  # whatever fails, the others are closed too
            for place in self._places.values():
                closing.push_async_callback(place.close)

    async def _place(self, name: str, order: Order, max_events: int, linger: Seconds) -> _Place:
        """Open the reader of a name, unless it is open; what is asked of it counts at first only."""
        if name in self._taken:
            raise ConfigError(f"name: {name!r} is a sink of the configuration file; take another name")
        place = self._places.get(name)
        if place is None:
            reader = await self._run.open_reader(name, order, max_events=max_events, linger=linger)
            place = self._places.setdefault(name, _Place(reader))
        return place


@asynccontextmanager
async def follow_events(run: Run, order: Order, taken: frozenset[str] = frozenset()) -> AsyncIterator[Tail]:
    """Enter a run, poll in the background and hand out its events; leave the context to let go of everything.

    Args:
        run: Not entered yet.
        order: Of readers for which none is asked.
        taken: Names that no reader may have.

    Raises:
        TailerError: As `tailer.app.library.open_tail` says.
    """
    async with run:
        tail = Tail(run, order, taken)
        run.start()
        try:
            yield tail
        finally:
            with anyio.CancelScope(shield=True):
                await tail.close()
