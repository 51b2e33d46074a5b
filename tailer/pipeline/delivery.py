"""One sink and its reader: write, then commit, and only then the next.

How a sink is written to, whatever it answers, is told at `tailer.pipeline.handover`. Between two batches dead
letters may be written again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio

from tailer.clock import Clock
from tailer.core.durations import Seconds
from tailer.core.watermarks import Watermarks
from tailer.errors import ControlError, JournalFullError, SinkUnavailableError
from tailer.interfaces import DeadLetters, Sink
from tailer.model import Event, Watermark
from tailer.observe import Observer
from tailer.pipeline.board import Board
from tailer.pipeline.handover import Handover, Part
from tailer.pipeline.reader import Reader
from tailer.pipeline.redrive import Redriven, redrive
from tailer.pipeline.replay import Replay
from tailer.pipeline.room import Room

CLOSE_LIMIT: Seconds = 10.0
"""Longest wait for a sink that is told to close."""


@dataclass(eq=False, slots=True)
class _Asked:
    """A wish to have dead letters written again, and what became of it."""

    ids: Collection[str] | None
    done: anyio.Event = field(default_factory=anyio.Event)
    redriven: Redriven | None = None


class Delivery:
    """Carries a reader's batches to its sink.

    Args:
        sink: Not opened yet.
        reader: Opened before `run`.
        board: Tells when polling has ended; from then on a sink that is away is given up after a while.
        clock: For the waits.
        observe: Is told of failures, recoveries and what was set aside.
        random: Gives numbers in [0, 1) that spread the waits.
        room: The journal's, shared with all who store in it.
        dead: Where rejected events go; ``None``: nowhere, they are counted and reported.
        watermarks: What is to be told in band besides the events; ``None``: nothing ever.

    Attributes:
        wants_watermarks: Whether `announce` is to be called.
    """

    def __init__(
        self,
        sink: Sink,
        reader: Reader,
        board: Board,
        *,
        clock: Clock,
        observe: Observer,
        random: Callable[[], float],
        room: Room,
        dead: DeadLetters | None = None,
        watermarks: Watermarks | None = None,
    ) -> None:
        self.reader = reader
        self._watermarks = watermarks or Watermarks()
        self.wants_watermarks = watermarks is not None
        self._sink = sink
        self._room = room
        self._handover = Handover(
            name=reader.options.name,
            sink=sink,
            commit=self._commit,
            dead=dead,
            is_ending=lambda: board.finished,
            clock=clock,
            observe=observe,
            random=random,
        )
        self._asked: deque[_Asked] = deque()
        self._replay: Replay | None = None
        self._is_over = False

    @property
    def delivered(self) -> int:
        """Events that the sink has accepted so far."""
        return self._handover.accepted

    @property
    def set_aside(self) -> int:
        """Events that the sink has rejected so far."""
        return self._handover.set_aside

    @property
    def error(self) -> SinkUnavailableError | None:
        """Why the sink is not taking events at present."""
        return self._handover.error

    @property
    def failures(self) -> int:
        """Failed tries in a row."""
        return self._handover.failures

    @property
    def failing_since(self) -> float | None:
        """Monotonic time of the first of them."""
        return self._handover.failing_since

    async def run(self) -> None:
        """Deliver until polling has ended and all is accepted, or until cancelled; the reader is open.

        Raises:
            SinkUnavailableError: Polling has ended and the sink did not come back after some tries.
            SinkClosedError: Nobody reads this sink any more.
            SinkError: The sink breaks its contract.
            JournalError: What was accepted could not be committed.
        """
        try:
            await self._commit(await self._handover.open(self.reader.resume))
            while (batch := await self.reader.next_batch()) is not None:
                if batch.events:
                    await self._handover.write(batch.events, self._settle)
                else:
                    await self._accept(self._handover.state)
                while self._asked:
                    await self._redrive(self._asked[0])
                await self._step_replay()
                await self._mark(self._watermarks.due(self.reader.has_all))
            await self._mark(self._watermarks.rest(self.reader.held_from))
        finally:
            self._is_over = True
            for asked in self._asked:
                asked.done.set()
            if self._replay is not None:
                self._replay.stop(f"the delivery to sink {self.reader.options.name!r} has ended")
            with anyio.move_on_after(
                CLOSE_LIMIT, shield=True
            ):  # being cancelled is no reason to leave things open
                await self._sink.close()

    async def redrive(self, ids: Collection[str] | None = None) -> Redriven:
        """Have dead letters of this sink written again, between two batches of `run`.

        Once it has begun it goes on even if the caller is cancelled.

        Args:
            ids: Of the events; ``None``: all of this sink.

        Raises:
            SinkUnavailableError: The sink is away, or the delivery ended before; what was not accepted lies
                where it was.
        """
        if self.error is not None:
            raise SinkUnavailableError(str(self.error))
        asked = _Asked(ids)
        if not self._is_over:
            self._asked.append(asked)
            self.reader.interrupt()
            await asked.done.wait()
        if asked.redriven is None:
            raise SinkUnavailableError(f"The delivery to sink {self.reader.options.name!r} has ended")
        return asked.redriven

    @property
    def replay(self) -> Replay | None:
        """What is sent again, or was the last time; ``None``: nothing ever was."""
        return self._replay

    def begin_replay(self, replay: Replay) -> None:
        """Send a part of the journal again, between the batches of `run`; returns at once.

        Raises:
            ControlError: Another replay to this sink is under way, or the delivery has ended.
        """
        name = self.reader.options.name
        if self._is_over:
            raise ControlError(f"the delivery to sink {name!r} has ended, so nothing can be sent again")
        if self._replay is not None and not self._replay.is_over:
            raise ControlError(f"a replay to sink {name!r} is under way; wait for its end, or stop it")
        self._replay = replay
        self.reader.interrupt()

    def announce(self, head: int, watermarks: Sequence[Watermark], *, is_last: bool = False) -> None:
        """Have the sink told how far connectors were read, as soon as it has the events (`core.watermarks`).

        Args:
            head: The journal's head after the watermarks were taken.
            watermarks: Of all connectors.
            is_last: Whether polling has ended, though the board does not say so yet.
        """
        self._watermarks.offer(head, watermarks, is_last=is_last)
        self.reader.interrupt()

    async def _step_replay(self) -> None:
        replay = self._replay
        if replay is not None and not replay.is_over:
            await replay.step(self._handover)
            if not replay.is_over:
                self.reader.interrupt()

    async def _mark(self, due: Sequence[Watermark]) -> None:
        for start in range(0, len(due), self.reader.options.max_events):
            await self._commit(await self._handover.mark(due[start : start + self.reader.options.max_events]))

    async def _settle(self, part: Part) -> None:
        # The last part takes along what follows it in the batch without being wanted.
        await self._accept(part.state, None if part.is_last else part.events[-1])

    async def _accept(self, state: bytes | None, through: Event | None = None) -> None:
        try:
            await self.reader.accept(state, through=through)
        except JournalFullError:
            await self._commit(state)

    async def _commit(self, state: bytes | None) -> None:
        await self._room.store(partial(self.reader.commit, state))

    async def _redrive(self, asked: _Asked) -> None:
        asked.redriven = await redrive(self._handover, asked.ids, max_events=self.reader.options.max_events)
        self._asked.popleft()
        asked.done.set()
