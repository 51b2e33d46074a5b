"""One run: everything opened, polled, delivered, drained and closed again."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self, TypeAlias

import anyio
from anyio.abc import TaskGroup

from tailer.app.failures import unwrapped
from tailer.app.history import History
from tailer.app.principals import Principal, make_client, principals_of
from tailer.clock import Clock, SystemClock
from tailer.config.options import Account, Config
from tailer.core.backoff import backoff
from tailer.core.budget import Budget
from tailer.core.durations import Seconds, parse_time
from tailer.core.ladder import Ladder
from tailer.core.ordering import Order, longest_wait
from tailer.core.quirks import Quirks
from tailer.core.tempo import Pace
from tailer.core.windows import Pacing
from tailer.errors import ApiError, AuthError, JournalFullError, SinkError
from tailer.interfaces import DeadLetters, EventApi, Journal, Sink, Stored
from tailer.model import Event
from tailer.observe import ListingFailed, Observer, ignore
from tailer.pipeline.board import Board
from tailer.pipeline.context import PollContext
from tailer.pipeline.crowd import Crowd
from tailer.pipeline.delivery import Delivery
from tailer.pipeline.fleet import Fleet
from tailer.pipeline.poller import Poller
from tailer.pipeline.reach import Reaches
from tailer.pipeline.reader import Reader, ReaderOptions
from tailer.pipeline.room import Room
from tailer.pipeline.roster import Watch
from tailer.pipeline.warden import LISTING_CAP
from tailer.sinks.options import estimate_bytes

MAX_HELD = 1_000_000
"""Events that one reader holds at most for the sake of order: 150 MB, in a catch-up of a large fleet."""

RETAIN_EVERY: Seconds = 60.0
"""Seconds between two rounds of dropping what every sink has taken, and of keeping keys in bounds."""

FINITE_TRIES = 3
"""Failed polls in a row after which a command that ends by itself gives a connector up."""

Connect: TypeAlias = Callable[
    [str, Account, Config, Budget, Clock, Observer], AbstractAsyncContextManager[EventApi]
]
"""Makes the client of one account: see `tailer.app.principals.make_client`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What this run is to read.

    Attributes:
        start: Origin of connectors that the journal does not know: a duration back, an ISO time, or epoch
            seconds.
        until: End of the asked span, in the same words; ``None``: now, or no end if `follow`.
        follow: Go on for ever; otherwise the run ends when the asked span has been read.
        kind: The one kind that is asked of the API; ``None`` asks for all.
    """

    start: str = "now"
    until: str | None = None
    follow: bool = True
    kind: str | None = None


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
        self.clients: list[EventApi] = []
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
            for principal in principals_of(self._config):
                await self._add_principal(principal)
            await self._first_listing()
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

    def api_now(self) -> float:
        """API time as the first principal sees it."""
        return self.clients[0].api_time.now(self._clock.monotonic())

    async def open_reader(
        self,
        name: str,
        order: Order,
        *,
        max_events: int = 1000,
        max_bytes: int | None = None,
        linger: Seconds = 0.0,
        wanted: Callable[[Event], bool] | None = None,
    ) -> Reader:
        """Make a reader and register it with the journal; all readers come before `start`.

        Args:
            name: Under which its place is kept.
            order: See `tailer.core.ordering`.
            max_events: Most events of a batch.
            max_bytes: Most bytes of a batch as `estimate_bytes` counts them; ``None``: no bound.
            linger: Seconds that a batch that is not full waits for more.
            wanted: Which events are handed out, of those that the accounts ask for; ``None``: all.
        """
        options = ReaderOptions(
            name=name,
            order=order,
            hold=longest_wait(self._config.polling.settle, self._config.polling.interval),
            max_held=self._max_held,
            max_events=max_events,
            max_bytes=max_bytes,
            estimate=estimate_bytes,
            linger=linger,
            wanted=_both(wanted_of(self._config.accounts), wanted),
        )
        reader = Reader(
            self._journal, self._board, options, clock=self._clock, api_now=self.api_now, tally=self.tally
        )
        await reader.open()
        return reader

    @property
    def absent_readers(self) -> list[str]:
        """Readers that the journal knows and this run has not opened: sinks that are no longer configured."""
        opened = {delivery.reader.options.name for delivery in self.deliveries}
        return [name for name in self._journal.readers if name not in opened]

    def deliver(self, sink: Sink, reader: Reader) -> None:
        """Let a sink have what a reader gives; it begins with `serve`."""
        delivery = Delivery(
            sink,
            reader,
            self._board,
            clock=self._clock,
            observe=self._observe,
            random=random.random,
            room=self.room,
            dead=self._dead,
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

    async def _add_principal(self, principal: Principal) -> None:
        api = self._config.api
        budget = self.history.budgets.of(principal.name, api)
        budget.allow(share=api.budget.share, reserve=api.budget.reserve)
        crowd: Crowd | None = None
        for accounts in principal.by_credentials():
            session = self._connect(
                principal.name, accounts[0], self._config, budget, self._clock, self._observe
            )
            client = await self._stack.enter_async_context(session)
            self.clients.append(client)
            self.history.clients.append(client.counters)
            crowd = crowd or self._crowd(principal.name, client.budget)
            self.fleets.append(await self._fleet(client, accounts, crowd))

    def _crowd(self, principal: str, budget: Budget) -> Crowd:
        polling = self._config.polling
        return Crowd(
            principal,
            budget,
            pace=Pace(polling.interval, max(polling.interval, polling.max_interval)),
            page_limit=self._config.api.page_limit,
            max_held=self._max_held,
            observe=self._observe,
        )

    async def _fleet(self, client: EventApi, accounts: Sequence[Account], crowd: Crowd) -> Fleet:
        watches: list[Watch] = []
        stored: dict[tuple[str, str], Stored] = {}
        for account in accounts:
            # A shard is an account, as who shares a budget with whom may change from start to start.
            claim = await self._journal.claim(account.id)
            self._stack.push_async_callback(self._journal.release, claim)
            stored.update(await self._journal.load(claim))
            origin = account.credentials.origin
            watches.append(Watch(account.id, claim, account.connectors, account.exclude, origin))
        polling = self._config.polling
        look_back = None if polling.look_back == "auto" else polling.look_back
        ladder = Ladder(polling.interval, polling.revisit_max)
        context = PollContext(
            client=client,
            journal=self._journal,
            claim=watches[0].claim,
            quirks=Quirks(),
            pacing=Pacing(ladder, polling.interval, look_back),
            pace=crowd.pace,
            settle=polling.settle,
            limit=self._config.api.page_limit,
            kind=self._ask.kind,
            tries=FINITE_TRIES,
            clock=self._clock,
            board=self._board,
            tally=self.tally,
            room=self.room,
            observe=self._observe,
            random=random.random,
        )
        return Fleet(
            context,
            watches,
            stored,
            start=partial(parse_time, self._ask.start),
            discover=polling.discover if self._ask.follow else None,
            concurrency=polling.concurrency,
            crowd=crowd,
        )

    async def _first_listing(self) -> None:
        """List until it works for at least one account; the others are stopped, and tried again later.

        A run that ends by itself does not insist, nor does any where every account was refused.
        """
        failures = 0
        while failed := await self._list_accounts():
            errors = [error for _, causes in failed for error in causes.values()]
            if len(errors) < sum(len(fleet.watches) for fleet in self.fleets):
                break
            passing = [error for error in errors if not isinstance(error, AuthError)]
            if not (passing and self._ask.follow):
                raise (passing or errors)[0]
            failures += 1
            delay = backoff(failures, 1.0, LISTING_CAP, random.random())
            accounts = ", ".join(fleet.accounts for fleet in self.fleets)
            self._observe(ListingFailed(accounts, delay, str(passing[0])))
            await self._clock.sleep(delay)
        for fleet in self.fleets:
            if self._ask.until is not None or not self._ask.follow:
                fleet.end_at(partial(parse_time, self._ask.until or "now"))
        for fleet, causes in failed:
            fleet.go_without(causes)

    async def _list_accounts(self) -> list[tuple[Fleet, Mapping[str, ApiError]]]:
        """List the accounts that were not listed yet, all at once; return what failed."""
        failed: list[tuple[Fleet, Mapping[str, ApiError]]] = []

        async def list_fleet(fleet: Fleet) -> None:
            if causes := await fleet.begin():
                failed.append((fleet, causes))

        with unwrapped():
            async with anyio.create_task_group() as group:
                for fleet in self.fleets:
                    group.start_soon(list_fleet, fleet)
        return failed

    async def _poll_all(self) -> None:
        with self._polling:
            async with anyio.create_task_group() as upkeep:
                for crowd in {fleet.crowd for fleet in self.fleets}:
                    upkeep.start_soon(crowd.keep, self._clock)
                async with anyio.create_task_group() as group:
                    for fleet in self.fleets:
                        group.start_soon(fleet.run)
                upkeep.cancel_scope.cancel()
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

    async def _retain(self) -> None:
        try:
            await self._journal.retain(self._clock.wall() - self._config.journal.retain)
        except JournalFullError:
            return  # even deleting takes room; the pollers say that there is none

    async def _let_go(self) -> None:
        """Close sessions and journal, even if the run was cancelled."""
        with anyio.CancelScope(shield=True):
            await self._stack.aclose()


def wanted_of(accounts: Iterable[Account]) -> Callable[[Event], bool] | None:
    """Give the filter by kind that the accounts ask for, ``None`` when they want all."""
    kinds = {account.id: frozenset(account.kinds) for account in accounts if account.kinds}
    if not kinds:
        return None
    return lambda event: event.account not in kinds or event.k in kinds[event.account]


def _both(
    one: Callable[[Event], bool] | None, other: Callable[[Event], bool] | None
) -> Callable[[Event], bool] | None:
    """Join two filters."""
    if one is None or other is None:
        return one or other
    return lambda event: one(event) and other(event)
