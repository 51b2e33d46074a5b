"""Builds the fleets of a run from its configuration: clients, claims on shards, what pollers share."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from typing import TypeAlias

from tailer.api.gate import Gate
from tailer.app.principals import Principal, principals_of
from tailer.app.run.ask import Ask
from tailer.app.run.history import History
from tailer.app.run.wanted import wanted_of
from tailer.clock import Clock
from tailer.config.options import Account, Config
from tailer.core.absence import Absence
from tailer.core.alerts import NO_RULES, AlertRules
from tailer.core.budget import Budget
from tailer.core.details import DetailsWish
from tailer.core.durations import parse_time
from tailer.core.ladder import Ladder
from tailer.core.quirks import Quirks
from tailer.core.sweep import SweepPlanner
from tailer.core.tempo import Pace
from tailer.core.windows import Pacing, WindowPlanner
from tailer.interfaces import EventApi, Journal, Stored
from tailer.observe import Observer
from tailer.pipeline.board import Board
from tailer.pipeline.context import PollContext
from tailer.pipeline.crowd import Crowd
from tailer.pipeline.details import DetailsDesk
from tailer.pipeline.fleet import Fleet
from tailer.pipeline.room import Room
from tailer.pipeline.roster import Watch
from tailer.pipeline.spending import SpendingBook

FINITE_TRIES = 3
"""Failed polls in a row after which a command that ends by itself gives a connector up."""

Connect: TypeAlias = Callable[
    [str, Account, Config, Gate, Clock, Observer], AbstractAsyncContextManager[EventApi]
]
"""Makes the client of one account: see `tailer.app.principals.make_client`."""


class Builder:
    """Builds the fleets of one run; what has to be closed again goes onto its stack.

    Args:
        config: Accounts, API and polling.
        ask: What is to be read.
        journal: Open.
        connect: Makes clients.
        history: What earlier runs of this process have spent and counted.
        book: Keeps what is spent.
        board: Where progress is posted for the run's readers.
        room: The journal's.
        max_held: Bound on the events that a reader holds for the sake of order.
        clock: Time and sleep.
        observe: Is told what happens.
        stack: Ends clients and claims when the run does.
    """

    def __init__(
        self,
        config: Config,
        ask: Ask,
        *,
        journal: Journal,
        connect: Connect,
        history: History,
        book: SpendingBook,
        board: Board,
        room: Room,
        max_held: int,
        clock: Clock,
        observe: Observer,
        stack: AsyncExitStack,
    ) -> None:
        self._config = config
        self._ask = ask
        self._journal = journal
        self._connect = connect
        self._history = history
        self._book = book
        self._board = board
        self._room = room
        self._max_held = max_held
        self._clock = clock
        self._observe = observe
        self._stack = stack

    async def fleets(self) -> list[Fleet]:
        """Build them: one for each set of credentials; they know no connector yet.

        Raises:
            ConfigError: An option can't be used.
            JournalError: A shard can't be claimed or loaded.
        """
        return [fleet for each in principals_of(self._config) for fleet in await self._fleets_of(each)]

    async def _fleets_of(self, principal: Principal) -> list[Fleet]:
        api = self._config.api
        is_new = not self._history.budgets.knows(principal.name)
        gate = self._history.budgets.of(principal.name, api)
        if is_new:
            await self._book.restore(principal.name, gate.budget)
        gate.budget.allow(share=api.budget.share, reserve=api.budget.reserve)
        self._book.add(principal.name, gate)
        fleets: list[Fleet] = []
        crowd: Crowd | None = None
        for accounts in principal.by_credentials():
            session = self._connect(
                principal.name, accounts[0], self._config, gate, self._clock, self._observe
            )
            client = await self._stack.enter_async_context(session)
            self._history.clients.append(client.counters)
            crowd = crowd or self._crowd(principal.name, client.budget)
            fleets.append(await self._fleet(client, accounts, crowd))
        return fleets

    def _crowd(self, principal: str, budget: Budget) -> Crowd:
        polling = self._config.polling
        return Crowd(
            principal,
            budget,
            pace=Pace(polling.interval, max(polling.interval, polling.max_interval)),
            page_limit=self._config.api.page_limit,
            max_held=self._max_held,
            observe=self._observe,
            clock=self._clock,
            is_sweep=self._ask.sweep,
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
            tally=self._history.tally,
            room=self._room,
            observe=self._observe,
            random=random.random,
            planner=_sweeping if self._ask.sweep else WindowPlanner,
            details=self._desk(client),
            alerts=self._alerts(),
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

    def _alerts(self) -> AlertRules:
        """Give the rules, none where not all of the present is read: by kind, or a past span in pieces."""
        ask, options = self._ask, self._config.alerts
        return NO_RULES if ask.sweep or ask.kind is not None else options.rules

    def _desk(self, client: EventApi) -> DetailsDesk | None:
        """Make the desk where events wait for their details, if any are asked for."""
        polling, is_swept = self._config.polling, self._ask.sweep
        if not polling.details:
            return None
        delivered = wanted_of(self._config.accounts)
        return DetailsDesk(
            client,
            DetailsWish(polling.details, is_delivered=delivered, is_swept=is_swept),
            wait=None if is_swept else polling.details_wait,
            clock=self._clock,
            tally=self._history.tally,
            observe=self._observe,
        )


def _sweeping(pacing: Pacing, _absence: Absence) -> SweepPlanner:
    """Make the planner of a connector that is swept; nothing is read again, so absences don't matter."""
    return SweepPlanner(pacing)
