"""All connectors of one principal: found by listing, polled in turn, a few at a time.

The fleet is one task group: a task that keeps the listing fresh, and two lanes that poll. A connector whose
request ran into the time limit moves to the slow lane, so that it can only delay its likes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import anyio

from tailer.core.advance import first_checkpoint
from tailer.core.backoff import backoff
from tailer.core.durations import Seconds
from tailer.core.keys import KeySet
from tailer.core.matching import choose
from tailer.core.windows import Pacing
from tailer.errors import ApiError
from tailer.interfaces import Claim, Commit, EventApi, Stored
from tailer.model import Connector
from tailer.observe import ConnectorFound, ListingFailed
from tailer.pipeline.crowd import Crowd
from tailer.pipeline.lane import Lane
from tailer.pipeline.poller import PollContext, Poller

SLOW_LANE = 2
"""Polls in flight among the connectors that ran into the time limit."""

LISTING_CAP: Seconds = 300.0
"""Longest back-off between two tries of List Connectors."""

FORGET_EVERY: Seconds = 60.0
"""Seconds between two rounds of forgetting keys; what is forgotten is a matter of days."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Which connectors of one account are read.

    Attributes:
        account: Its id.
        claim: The right to commit for it.
        patterns: Ids, or patterns over id, notes and serial number.
        exclude: Patterns of those that are left out.
    """

    account: str
    claim: Claim
    patterns: Sequence[str] = ("*",)
    exclude: Sequence[str] = ()


class Fleet:
    """The pollers of one principal.

    Args:
        context: Shared by all of them, but for the claim.
        watches: The accounts of this principal.
        stored: What the journal knew at start, by (account, connector).
        start: Resolves the configured start to an origin, given API time.
        discover: Seconds between two listings; ``None``: list once.
        concurrency: Polls in flight in the fast lane.
        crowd: The fleets that share this one's budget; joined.
    """

    def __init__(
        self,
        context: PollContext,
        watches: Sequence[Watch],
        stored: dict[tuple[str, str], Stored],
        *,
        start: Callable[[float], float],
        discover: Seconds | None,
        concurrency: int,
        crowd: Crowd,
    ) -> None:
        self.pollers: dict[str, Poller] = {}
        self.listed: dict[str, list[Connector]] = {}
        self.watches = watches
        self.crowd = crowd
        self._context = context
        self._contexts = {watch.account: replace(context, claim=watch.claim) for watch in watches}
        self._stored = stored
        self._start = start
        self._discover = discover
        crowd.join(context.pacing, self.pollers)
        self._listed_at: dict[str, float] = {}
        self._known_until = _known_until(stored, discover or 0.0)
        self._concurrency = concurrency
        self._fast: Lane[Poller] = Lane(context.clock)
        self._slow: Lane[Poller] = Lane(context.clock)
        self._unfinished: set[str] = set()
        self._polled: set[Poller] = set()
        self._done = anyio.Event()

    @property
    def accounts(self) -> str:
        """The accounts' ids, for messages."""
        return ", ".join(watch.account for watch in self.watches)

    @property
    def client(self) -> EventApi:
        """What asks the API for all of them."""
        return self._context.client

    @property
    def pacing(self) -> Pacing:
        """What is read how often; `Crowd.fit` adapts it."""
        return self._context.pacing

    def end_at(self, resolve: Callable[[float], float]) -> None:
        """Make the asked span end at a time resolved against API time, in whole seconds as all coverage."""
        self._context.pacing.until = math.floor(resolve(self._context.api_now()))

    async def discover(self) -> None:
        """List every account once and take up the connectors that are new.

        Raises:
            ApiError: An account could not be listed.
        """
        for watch in self.watches:
            await self._discover_one(watch)
        self.crowd.fit()

    @property
    def is_done(self) -> bool:
        """Whether every connector of a finite asked span is done."""
        return self._context.pacing.until is not None and all(p.is_done for p in self.pollers.values())

    @property
    def is_idle(self) -> bool:
        """Whether no poll is under way and none is due."""
        return not (self._polled or self._fast.is_due or self._slow.is_due)

    @property
    def steps(self) -> int:
        """Pages asked for by all pollers so far: changes as long as polling gets on."""
        return sum(poller.steps for poller in self.pollers.values())

    @property
    def storing_since(self) -> float | None:
        """Since when (monotonic) a poll has been waiting for the journal; ``None`` while none does."""
        return min((since for one in self._polled if (since := one.storing_since) is not None), default=None)

    async def run(self) -> None:
        """Poll until cancelled, or until every one is done (`Poller.is_done`); `discover` came before."""
        async with anyio.create_task_group() as group:
            if self._discover is not None:
                group.start_soon(self._discover_forever, self._discover)
            group.start_soon(self._forget_forever)
            for lane, workers in ((self._fast, self._concurrency), (self._slow, SLOW_LANE)):
                for _ in range(workers):
                    group.start_soon(self._poll_forever, lane)
            self._finish_if_done()
            await self._done.wait()
            group.cancel_scope.cancel()

    async def _discover_one(self, watch: Watch) -> None:
        context = self._context
        asked = context.clock.monotonic()
        listed = await context.client.list_connectors(watch.account)
        # Whoever turns up next may have begun while this answer was on its way.
        now = context.client.api_time.now(asked)
        self.listed[watch.account] = listed
        origin = self._listed_at.get(watch.account)
        first = origin is None
        if origin is None:
            origin = min(self._start(now), self._known_until.get(watch.account, math.inf))
        self._listed_at[watch.account] = now
        new: list[Poller] = []
        for connector in choose(listed, watch.patterns, watch.exclude):
            poller = self.pollers.get(f"{connector.account}/{connector.id}")
            if poller is not None:
                poller.rename(connector)
            else:
                new.append(await self._take_up(watch, connector, origin))
        if new:
            # origins are durable before the first request
            await context.room.store(context.journal.flush)
        for poller in new:
            mark = poller.checkpoint.through
            if first:
                context.board.expect(poller.ref, mark)
            else:
                context.board.post(poller.ref, mark, is_behind=False, now=context.clock.monotonic())
            self._add(poller)

    async def _take_up(self, watch: Watch, connector: Connector, origin: float) -> Poller:
        context = self._contexts[watch.account]
        stored = self._stored.pop((connector.account, connector.id), None)
        if stored is None:
            stored = Stored(first_checkpoint(origin, context.pacing.ladder), KeySet())
            commit = Commit(
                connector.account,
                connector.id,
                stored.checkpoint,
                name=connector.name,
                serial=connector.serial,
            )
            await context.journal.commit(context.claim, commit)
        poller = Poller(context, connector, stored)
        self.pollers[poller.ref] = poller
        context.observe(
            ConnectorFound(connector.account, connector.id, connector.name, stored.checkpoint.origin)
        )
        return poller

    async def _discover_forever(self, interval: Seconds) -> None:
        failures = 0
        while True:
            if not failures:
                await self._context.clock.sleep(interval)
            failures = await self._discover_again(failures)

    async def _discover_again(self, failures: int) -> int:
        """List all accounts; return how often in a row that has failed, after the back-off."""
        try:
            await self.discover()
        except ApiError as error:
            delay = backoff(failures + 1, 10.0, LISTING_CAP, self._context.random())
            self._context.observe(ListingFailed(self.accounts, delay, str(error)))
            await self._context.clock.sleep(delay)
            return failures + 1
        return 0

    async def _forget_forever(self) -> None:
        while True:
            await self._context.clock.sleep(FORGET_EVERY)
            await self.forget()

    async def forget(self) -> None:
        """Drop keys below floors that are durable."""
        floors = {ref: poller.checkpoint.floor for ref, poller in self.pollers.items()}
        await self._context.room.store(self._context.journal.flush)
        for ref, floor in floors.items():
            self.pollers[ref].forget_keys(floor)

    async def _poll_forever(self, lane: Lane[Poller]) -> None:
        while True:
            await self._poll(await lane.next())

    async def _poll(self, poller: Poller) -> None:
        """Poll once, and put the connector back for its next turn unless it is done."""
        await self._context.room.wait()
        self._polled.add(poller)
        try:
            await poller.poll()
        finally:
            self._polled.discard(poller)
        if poller.is_done:
            self._unfinished.discard(poller.ref)
            self._finish_if_done()
        else:
            self._add(poller)

    def _add(self, poller: Poller) -> None:
        self._unfinished.add(poller.ref)
        lane = self._slow if poller.is_slow else self._fast
        if poller.has_backlog:
            lane.add_backlog(poller, poller.checkpoint.through)
        else:
            lane.add_live(poller, poller.due_at)

    def _finish_if_done(self) -> None:
        if not self._unfinished and self._context.pacing.until is not None:
            self._done.set()


def _known_until(stored: dict[tuple[str, str], Stored], discover: Seconds) -> dict[str, float]:
    """Tell by account when an earlier run listed its connectors for the last time, or somewhat before.

    Who turns up after that begins there: ``start`` is meant for the very first listing.
    """
    latest: dict[str, float] = {}
    for (account, _), known in stored.items():
        listed_at = known.checkpoint.read_through - discover
        latest[account] = max(listed_at, latest.get(account, listed_at))
    return latest
