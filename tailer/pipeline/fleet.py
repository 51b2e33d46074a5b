"""All connectors that are read with the same credentials: listed by account, polled in turn, a few at a time.

The fleet is one task group: a warden for each account that keeps its listing fresh, two lanes that poll, and
a task that forgets old keys.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import anyio
from anyio.abc import TaskGroup

from tailer.core.durations import Seconds
from tailer.core.progress import Checkpoint
from tailer.core.spans import Span
from tailer.core.tempo import Tempo
from tailer.core.windows import Pacing
from tailer.errors import ApiError
from tailer.interfaces import EventApi, Stored
from tailer.model import Connector
from tailer.observe import TokenRenewed
from tailer.pipeline.context import PollContext
from tailer.pipeline.crowd import Crowd
from tailer.pipeline.poller import Poller
from tailer.pipeline.roster import Roster, Watch, known_until
from tailer.pipeline.turns import Turns
from tailer.pipeline.warden import Warden

FORGET_EVERY: Seconds = 60.0
"""Seconds between two rounds of forgetting keys; what is forgotten is a matter of days."""


class Fleet:
    """The pollers of one client.

    Args:
        context: Shared by all of them, but for the claim.
        watches: The accounts that the client's credentials are for.
        stored: What the journal knew at start, by (account, connector).
        start: Resolves the configured start to an origin, given API time.
        discover: Seconds between two listings; ``None``: list once.
        concurrency: Polls in flight in the fast lane.
        crowd: The fleets that share this one's budget; joined.

    Attributes:
        pollers: By ``account/connector``.
        watches: The accounts.
        crowd: The fleets that share the budget.
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
        self.watches = watches
        self.crowd = crowd
        self._context = context
        self._stored = stored
        # A run that ends by itself has no next round that its haste could delay.
        beginning = None if discover is None else crowd.beginning
        self._turns = Turns(context.clock, concurrency, crowd.revisits, beginning)
        self._concurrency = concurrency
        self._token = watches[0].token
        self._polled: set[Poller] = set()
        self._wardens: dict[str, Warden] = {}
        for watch in watches:
            roster = Roster(
                context,
                watch,
                stored,
                start=start,
                known_until=known_until(stored, watch.account, discover),
                pollers=self.pollers,
                turns=self._turns,
            )
            self._wardens[watch.account] = Warden(
                context,
                roster,
                self._turns,
                token=watch.token,
                discover=discover,
                renew=self._renew,
                fit=crowd.fit,
            )
        crowd.join(context.pacing, self._tempos)

    @property
    def accounts(self) -> str:
        """The accounts' ids, for messages."""
        return ", ".join(self._wardens)

    @property
    def client(self) -> EventApi:
        """What asks the API for all of them."""
        return self._context.client

    @property
    def listed(self) -> Mapping[str, Sequence[Connector]]:
        """What the last listing of each account told; an account that was never listed is not in it."""
        rosters = [warden.roster for warden in self._wardens.values()]
        return {roster.account: roster.listed for roster in rosters if roster.listed is not None}

    @property
    def unlisted(self) -> list[tuple[Connector, Checkpoint]]:
        """What earlier runs have read of connectors that no listing of this one has told of."""
        listed = {(account, one.id) for account, known in self.listed.items() for one in known}
        return [
            (Connector(*ref), stored.checkpoint)
            for ref, stored in self._stored.items()
            if ref[0] in self.listed and ref not in listed
        ]

    @property
    def stopped(self) -> Mapping[str, ApiError]:
        """The accounts of which nothing is read at present, and why."""
        return {
            account: warden.case.error
            for account, warden in self._wardens.items()
            if warden.case.error is not None
        }

    @property
    def listed_next_at(self) -> Mapping[str, float]:
        """When each account is listed next (monotonic), a stopped one tried again; infinite: never."""
        return {account: warden.next_at for account, warden in self._wardens.items()}

    @property
    def is_idle(self) -> bool:
        """Whether no poll is under way and none is due."""
        return not (self._polled or self._turns.is_due)

    @property
    def steps(self) -> int:
        """Pages asked for by all pollers so far: changes as long as polling gets on."""
        return sum(poller.steps for poller in self.pollers.values())

    @property
    def waiting(self) -> int:
        """Events that were read and wait for their details."""
        details = self._context.details
        return 0 if details is None else details.waiting

    @property
    def storing_since(self) -> float | None:
        """Since when (monotonic) a poll has been waiting for the journal; ``None`` while none does."""
        return min(
            (since for one in self._polled if (since := one.book.storing_since) is not None), default=None
        )

    @property
    def pacing(self) -> Pacing:
        """What is read how often; `Crowd.fit` adapts it."""
        return self._context.pacing

    def end_at(self, resolve: Callable[[float], float]) -> None:
        """Make the asked span end at a time resolved against API time, in whole seconds as all coverage."""
        self._context.pacing.until = math.floor(resolve(self._context.api_now()))

    async def begin(self) -> Mapping[str, ApiError]:
        """List every account that was not listed yet, and take up its connectors.

        Returns:
            Why, for those that could not be listed.
        """
        failed: dict[str, ApiError] = {}

        async def begin(account: str, warden: Warden) -> None:
            error = await warden.begin()
            if error is not None:
                failed[account] = error

        async with anyio.create_task_group() as group:
            for account, warden in self._wardens.items():
                if warden.roster.listed is None:
                    group.start_soon(begin, account, warden)
        return failed

    def go_without(self, failed: Mapping[str, ApiError]) -> None:
        """Stop the accounts that `begin` could not list; `run` tries them again if it lists at all."""
        for account, error in failed.items():
            self._wardens[account].give_up(error)

    async def run(self) -> None:
        """Poll until cancelled, or until every one is done (`Poller.is_done`); `begin` came before."""
        async with anyio.create_task_group() as group:
            for warden in self._wardens.values():
                group.start_soon(warden.keep)
            group.start_soon(self._forget_forever)
            self._turns.start(group, self._poll)
            self.start_details(group)
            if self._context.pacing.until is None:
                await anyio.sleep_forever()
            await self._turns.finished()
            await self.finish_details()
            group.cancel_scope.cancel()

    def start_details(self, group: TaskGroup) -> None:
        """Have details fetched in a task group from now on, if any are asked for."""
        if self._context.details is not None:
            self._context.details.start(group)

    async def finish_details(self) -> None:
        """Return when no event waits for its details."""
        if self._context.details is not None:
            await self._context.details.finished()

    def fill(self, refs: Mapping[str, Sequence[Span]]) -> None:
        """Have lost gaps read again, between polls.

        Args:
            refs: What, by ``account/connector``; of one that is not read at present nothing is.
        """
        self._context.quirks.doubt_age()
        for ref, spans in refs.items():
            poller = self.pollers[ref]
            if poller.is_parked or poller.is_stopped:
                continue
            poller.refill.ask(spans)
            if self._turns.remove(poller):
                self._turns.add(poller)

    async def forget(self) -> None:
        """Drop keys below floors that are durable."""
        floors = {ref: poller.checkpoint.floor for ref, poller in self.pollers.items()}
        await self._context.room.store(self._context.journal.flush)
        for ref, floor in floors.items():
            self.pollers[ref].book.forget_keys(floor)

    async def _poll(self, poller: Poller) -> None:
        await self._context.room.wait()
        self._polled.add(poller)
        self._context.pacing.lanes = max(1, self._concurrency // max(1, self._turns.unfinished))
        try:
            await self._wardens[poller.connector.account].poll(poller)
        finally:
            self._polled.discard(poller)

    async def _forget_forever(self) -> None:
        while True:
            await self._context.clock.sleep(FORGET_EVERY)
            await self.forget()

    async def _renew(self) -> bool:
        """Read the token's file again; if it holds another one, try at once what was refused."""
        if not await self._context.client.renew():
            return False
        self._context.observe(TokenRenewed(self.accounts, self._token))
        for warden in self._wardens.values():
            warden.begin_anew()
        return True

    def _tempos(self) -> list[Tempo]:
        """Give those of the connectors that are polled at their interval: the others cost next to nothing."""
        return [one.tempo for one in self.pollers.values() if not (one.is_parked or one.is_stopped)]
