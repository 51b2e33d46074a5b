"""One sink and its reader: write, then commit, and only then the next.

A sink that is away is tried again for ever, with its batch kept; nobody else waits for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import anyio

from tailer.clock import Clock
from tailer.core.backoff import backoff
from tailer.core.durations import Seconds
from tailer.errors import JournalFullError, SinkMovedError, SinkUnavailableError
from tailer.interfaces import Sink
from tailer.model import Batch
from tailer.observe import Observer, SinkFailed, SinkRecovered
from tailer.pipeline.board import Board
from tailer.pipeline.reader import Reader
from tailer.pipeline.room import until_stored

FIRST_DELAY: Seconds = 0.5
"""Upper bound of the first wait for a sink that is away."""

DELAY_CAP: Seconds = 30.0
"""Upper bound of all later ones: a counterpart that is back should not wait longer for its backlog."""

CLOSE_LIMIT: Seconds = 10.0
"""Longest wait for a sink that is told to close."""

LAST_TRIES = 3
"""Tries of one batch once polling has ended; what a dead sink has not taken stays for the next run."""


@dataclass(slots=True)
class Delivery:
    """Carries a reader's batches to its sink.

    Attributes:
        sink: Where to.
        reader: Where from.
        board: Tells when polling has ended.
        clock: For back-off.
        observe: Is told of failures.
        random: Gives numbers in [0, 1), for jitter.
        delivered: Events accepted so far.
        error: Why the sink is not taking events at present.
        failures: Failed tries in a row.
        failing_since: Monotonic time of the first of them.
    """

    sink: Sink
    reader: Reader
    board: Board
    clock: Clock
    observe: Observer
    random: Callable[[], float]
    delivered: int = 0
    error: SinkUnavailableError | None = None
    failures: int = 0
    failing_since: float | None = None

    async def run(self) -> None:
        """Deliver until polling has ended and all is accepted, or until cancelled; the reader is open.

        Raises:
            SinkUnavailableError: Polling has ended and the sink did not come back in `LAST_TRIES` tries.
            SinkClosedError: Nobody reads this sink any more.
            JournalError: What was accepted could not be committed.
        """
        try:
            state = await self._insist(partial(self.sink.open, self.reader.resume))
            await self.reader.commit(state)
            while (batch := await self.reader.next_batch()) is not None:
                if batch.events:
                    state = await self._insist(partial(self._write, batch))
                await self._accept(state)
                self.delivered += len(batch.events)
        finally:
            with anyio.move_on_after(
                CLOSE_LIMIT, shield=True
            ):  # being cancelled is no reason to leave things open
                await self.sink.close()

    async def _write(self, batch: Batch) -> bytes | None:
        """Write a batch; if the sink has moved, commit where to and write it there."""
        while True:
            try:
                return await self.sink.write(batch)
            except SinkMovedError as moved:
                await until_stored(partial(self.reader.commit, moved.state), self.clock, self.observe)

    async def _accept(self, state: bytes | None) -> None:
        try:
            await self.reader.accept(state)
        except JournalFullError:
            await until_stored(partial(self.reader.commit, state), self.clock, self.observe)

    async def _insist(self, attempt: Callable[[], Awaitable[bytes | None]]) -> bytes | None:
        """Try until the sink takes it; return the sink's state."""
        while True:
            try:
                state = await attempt()
            except SinkUnavailableError as error:
                await self._back_off(error)
            else:
                self._recover()
                return state

    async def _back_off(self, error: SinkUnavailableError) -> None:
        self.failures += 1
        self.error = error
        if self.failing_since is None:
            self.failing_since = self.clock.monotonic()
        if self.board.finished and self.failures >= LAST_TRIES:
            raise error
        delay = backoff(self.failures, FIRST_DELAY, DELAY_CAP, self.random())
        self.observe(SinkFailed(self.reader.options.name, self.failures, delay, str(error)))
        await self.clock.sleep(delay)

    def _recover(self) -> None:
        if self.failures:
            self.observe(SinkRecovered(self.reader.options.name, self.failures))
        self.failures, self.error, self.failing_since = 0, None, None
