"""One run: everything opened, polled, delivered, drained and closed again."""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import TaskGroup

from tailer.app.principals import make_client
from tailer.app.run.ask import Ask
from tailer.app.run.builder import Builder, Connect
from tailer.app.run.failures import unwrapped
from tailer.app.run.history import History
from tailer.app.run.roll_call import call_roll
from tailer.app.run.wanted import both, wanted_of
from tailer.clock import Clock, SystemClock
from tailer.config.options import Config
from tailer.core.durations import Seconds
from tailer.core.ordering import Order, longest_wait
from tailer.core.watermarks import Watermarks
from tailer.errors import JournalFullError, SinkError
from tailer.interfaces import DeadLetters, Journal, Sink
from tailer.model import Event
from tailer.observe import Observer, ignore
from tailer.pipeline.board import Board
from tailer.pipeline.crier import tell_forever, tell_last
from tailer.pipeline.delivery import Delivery
from tailer.pipeline.fleet import Fleet
from tailer.pipeline.poller import Poller
from tailer.pipeline.reach import Reaches
from tailer.pipeline.reader import Reader, ReaderOptions
from tailer.pipeline.room import Room
from tailer.pipeline.spending import SpendingBook
from tailer.sinks.options import estimate_bytes

MAX_HELD = 1_000_000
"""Events that one reader holds at most for the sake of order: 150 MB, in a catch-up of a large fleet."""

RETAIN_EVERY: Seconds = 60.0
"""Seconds between two rounds of dropping what every sink has taken, and of keeping keys in bounds."""


class Run:
    """A run as an async context manager: entered, the connectors are known and nothing is polled yet.

    Args:
        config: Accounts, API and polling; sinks are brought by the caller.
        ask: What is to be read.
        journal: Opened and closed by the run, unless `is_open`.
        observe: Is told what happens.
        clock: Time and sleep.
        max_held: Bound on the events that a reader holds for the sake of order.
        connect: Makes clients.
        dead: Where events go that a sink rejects; ``None``: they are counted and reported.
        history: What earlier runs of this process have spent and counted; ``None``: this is the first.
        is_open: The journal is open already, and stays so: the next run takes it over.

    Raises (on entering):
        ConfigError: An option can't be used.
        AuthError: The credentials of every account were refused.
        ApiError: No account can be listed and the run is one that ends by itself.
        JournalError: The journal can't be used.
    """

    def __init__(
        self,
        config: Config,
        ask: Ask,
        *,
        journal: Journal,
        observe: Observer = ignore,
        clock: Clock | None = None,
        max_held: int = MAX_HELD,
        connect: Connect = make_client,
        dead: DeadLetters | None = None,
        history: History | None = None,
        is_open: bool = False,
    ) -> None:
        self.history = history or History()
        self.tally = self.history.tally
        self.fleets: list[Fleet] = []
        self.deliveries: list[Delivery] = []
        self._config = config
        self._ask = ask
        self._journal = journal
        self._observe = observe
        self._clock = clock or SystemClock()
        capacity = journal.capacity
        self._max_held = max_held if capacity is None else min(max_held, capacity // 2)
        self._connect = connect
        self._dead = dead
        self._is_open = is_open
        self._board = Board()
        self.room = Room(self._clock, observe)
        self._book = SpendingBook(journal, self._clock)
        self._reaches = Reaches(config.journal.max_keys, observe)
        self._stack = AsyncExitStack()
        self._group: TaskGroup
        self._polling = anyio.CancelScope()

    async def __aenter__(self) -> Self:
        """Open journal and sessions, list the connectors, make their origins durable."""
        try:
            if not self._is_open:
                await self._journal.open()
                self._stack.push_async_callback(self._journal.close)
            self._stack.callback(self._book.close)  # when the clients, which come later, are gone
            self.fleets += await self._builder().fleets()
            await call_roll(self.fleets, self._ask, self._clock, self._observe)
        except BaseException:
            await self._let_go()
            raise
        self._board.start(self._clock.monotonic())
        self._group = await anyio.create_task_group().__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop whatever still runs; nothing is left behind.

        Raises:
            JournalError: Polling broke off and nobody was told, or the journal could not be closed.
        """
        self._group.cancel_scope.cancel()
        try:
            await self._group.__aexit__(None, None, None)
        finally:
            await self._let_go()
        if error is None and not self._board.is_failure_known:
            self._board.check()

    @property
    def config(self) -> Config:
        """What it was made of."""
        return self._config

    @property
    def journal(self) -> Journal:
        """Where events wait."""
        return self._journal

    @property
    def clock(self) -> Clock:
        """Its time."""
        return self._clock

    @property
    def pollers(self) -> list[Poller]:
        """The connectors that are read, by account and id."""
        found = [poller for fleet in self.fleets for poller in fleet.pollers.values()]
        return sorted(found, key=lambda poller: poller.ref)

    @property
    def delivered(self) -> dict[str, int]:
        """Events that each sink has accepted in this process, by its name."""
        before = self.history.delivered
        counts = {one.reader.options.name: one.delivered for one in self.deliveries}
        return {name: before[name] + count for name, count in counts.items()}

    @property
    def set_aside(self) -> dict[str, int]:
        """Events that sinks have rejected in this process, by the sinks' names; only those that have."""
        before = self.history.set_aside
        counts = {one.reader.options.name: one.set_aside for one in self.deliveries}
        return {name: total for name, count in counts.items() if (total := before[name] + count)}

    @property
    def requests(self) -> int:
        """Requests sent so far by this process."""
        return self.history.requests

    @property
    def waiting(self) -> int:
        """Events that were read and wait for their details."""
        return sum(fleet.waiting for fleet in self.fleets)

    def api_now(self) -> float:
        """API time as the first principal sees it."""
        return self.fleets[0].client.api_time.now(self._clock.monotonic())

    async def open_reader(
        self,
        name: str,
        order: Order,
        *,
        max_events: int = 1000,
        max_bytes: int | None = None,
        linger: Seconds = 0.0,
        wanted: Callable[[Event], bool] | None = None,
        since: float = -math.inf,
    ) -> Reader:
        """Make a reader and register it with the journal; all readers come before `start`.

        Args:
            name: Under which its place is kept.
            order: See `tailer.core.ordering`.
            max_events: Most events of a batch.
            max_bytes: Most bytes of a batch as `estimate_bytes` counts them; ``None``: no bound.
            linger: Seconds that a batch that is not full waits for more.
            wanted: Which events are handed out, of those that the accounts ask for; ``None``: all.
            since: Where one begins that the journal does not know: see `ReaderOptions`.
        """
        options = ReaderOptions(
            name=name,
            order=order,
            hold=self._hold,
            max_held=self._max_held,
            max_events=max_events,
            max_bytes=max_bytes,
            estimate=estimate_bytes,
            linger=linger,
            wanted=both(wanted_of(self._config.accounts), wanted),
            since=since,
        )
        reader = Reader(
            self._journal, self._board, options, clock=self._clock, api_now=self.api_now, tally=self.tally
        )
        await reader.open()
        return reader

    @property
    def _hold(self) -> Seconds:
        """Longest wait for order: in a sweep nobody waits for an event, so the order is never given up."""
        polling = self._config.polling
        if self._ask.sweep:
            return math.inf
        more = polling.details_wait if polling.details else 0.0
        return longest_wait(polling.settle, polling.interval) + more

    @property
    def absent_readers(self) -> list[str]:
        """Readers that the journal knows and this run has not opened: sinks that are no longer configured."""
        opened = {delivery.reader.options.name for delivery in self.deliveries}
        return [name for name in self._journal.readers if name not in opened]

    def deliver(self, sink: Sink, reader: Reader, *, watermarks: bool = False) -> None:
        """Let a sink have what a reader gives, and watermarks if it asks; it begins with `serve`."""
        delivery = Delivery(
            sink,
            reader,
            self._board,
            clock=self._clock,
            observe=self._observe,
            random=random.random,
            room=self.room,
            dead=self._dead,
            watermarks=Watermarks() if watermarks else None,
        )
        self.deliveries.append(delivery)

    def start(self) -> None:
        """Begin to poll in the background; what breaks it off is raised by readers, else on leaving."""
        self._group.start_soon(self._work, self._poll_all)
        self._group.start_soon(self._work, self._retain_forever)

    async def serve(self) -> None:
        """Poll and deliver until all that was asked for is accepted, or `drain` has ended it.

        Raises:
            SinkError: A sink did not take all of it before the end.
            JournalError: What came could not be made durable.
        """
        failed: list[SinkError] = []
        with unwrapped():
            async with anyio.create_task_group() as upkeep:
                upkeep.start_soon(self._retain_forever)
                upkeep.start_soon(self._tell_forever)
                async with anyio.create_task_group() as group:
                    group.start_soon(self._poll_all)
                    for delivery in self.deliveries:
                        group.start_soon(self._deliver, delivery, failed)
                upkeep.cancel_scope.cancel()
        if failed:
            raise failed[0]

    def drain(self) -> None:
        """Take nothing new; what was read is delivered as far as its order is known, then `serve` returns."""
        self._polling.cancel()

    def _builder(self) -> Builder:
        return Builder(
            self._config,
            self._ask,
            journal=self._journal,
            connect=self._connect,
            history=self.history,
            book=self._book,
            board=self._board,
            room=self.room,
            max_held=self._max_held,
            clock=self._clock,
            observe=self._observe,
            stack=self._stack,
        )

    async def _poll_all(self) -> None:
        with self._polling:
            async with anyio.create_task_group() as upkeep:
                for crowd in {fleet.crowd for fleet in self.fleets}:
                    upkeep.start_soon(crowd.keep)
                upkeep.start_soon(self._book.keep)
                async with anyio.create_task_group() as group:
                    for fleet in self.fleets:
                        group.start_soon(fleet.run)
                upkeep.cancel_scope.cancel()
        await tell_last(self.pollers, self._asking, self._journal, self._clock)
        drained = self._polling.cancelled_caught
        self._board.finish(all_read=not (drained and self._journal.durable))

    async def _work(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            with unwrapped():
                await work()
        except Exception as error:  # noqa: BLE001 - whoever waits for events is told, whatever it was
            self._board.fail(error)

    async def _deliver(self, delivery: Delivery, failed: list[SinkError]) -> None:
        """Deliver to one sink; if it gives up, the run ends, but not before the others had their chance."""
        try:
            await delivery.run()
        except SinkError as error:
            failed.append(error)
            self.drain()

    async def _retain_forever(self) -> None:
        while True:
            await self._clock.sleep(RETAIN_EVERY)
            self._reaches.fit(self.pollers)
            await self._retain()

    async def _tell_forever(self) -> None:
        await tell_forever(lambda: self.pollers, self._asking, self._journal, self.room, self._clock)

    @property
    def _asking(self) -> list[Delivery]:
        """Deliveries to the sinks that asked for watermarks."""
        return [delivery for delivery in self.deliveries if delivery.wants_watermarks]

    async def _retain(self) -> None:
        try:
            await self._journal.retain(self._clock.wall() - self._config.journal.retain)
        except JournalFullError:
            return  # even deleting takes room; the pollers say that there is none

    async def _let_go(self) -> None:
        """Close sessions and journal, even if the run was cancelled."""
        with anyio.CancelScope(shield=True):
            await self._stack.aclose()
