"""The connectors of one account: found by listing, each with an origin that is durable before it is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from tailer.core.advance import first_checkpoint
from tailer.core.durations import Seconds
from tailer.core.keys import KeySet
from tailer.core.matching import choose
from tailer.interfaces import Claim, Commit, Stored
from tailer.model import Connector
from tailer.observe import ConnectorFound
from tailer.pipeline.context import PollContext
from tailer.pipeline.poller import Poller
from tailer.pipeline.turns import Turns


@dataclass(frozen=True, slots=True)
class Watch:
    """Which connectors of one account are read.

    Attributes:
        account: Its id.
        claim: The right to commit for it.
        patterns: Ids, or patterns over id, notes and serial number.
        exclude: Patterns of those that are left out.
        token: Where the credentials came from, for messages: ``variable X`` or ``file /run/...``.
    """

    account: str
    claim: Claim
    patterns: Sequence[str] = ("*",)
    exclude: Sequence[str] = ()
    token: str = "the configuration"  # noqa: S105 - a place


class Roster:
    """Lists one account; `list` is called by one task at a time.

    Args:
        context: Shared by the principal's pollers, but for the claim.
        watch: The account.
        stored: What the journal knew at start, by (account, connector); what is taken up leaves it.
        start: Resolves the configured start to an origin, given API time.
        known_until: When an earlier run listed this account for the last time, or somewhat before; infinite
            if none did. Who turns up after that begins there: `start` is meant for the very first listing.
        pollers: All of the fleet, by ``account/connector``; the account's are added.
        turns: Where new ones wait for their turn.

    Attributes:
        account: Its id.
        listed: What the last listing told; ``None`` before the first.
        pollers: The account's.
    """

    def __init__(
        self,
        context: PollContext,
        watch: Watch,
        stored: dict[tuple[str, str], Stored],
        *,
        start: Callable[[float], float],
        known_until: float,
        pollers: dict[str, Poller],
        turns: Turns,
    ) -> None:
        self.account = watch.account
        self.listed: list[Connector] | None = None
        self.pollers: list[Poller] = []
        self._context = replace(context, claim=watch.claim)
        self._watch = watch
        self._stored = stored
        self._start = start
        self._known_until = known_until
        self._by_ref = pollers
        self._turns = turns
        self._first_asked: float | None = None
        self._listed_at: float | None = None

    @property
    def silent(self) -> int:
        """How many of its appliances are silent."""
        return sum(poller.tempo.is_silent for poller in self.pollers)

    @property
    def is_read(self) -> bool:
        """Whether at least one of its connectors is read without trouble."""
        return any(poller.error is None for poller in self.pollers)

    async def list(self) -> None:
        """List the account: take up who is new, try who came back, park who is gone (`tailer.core.parking`).

        Raises:
            ApiError: It could not be listed.
            JournalError: The origins are not durable.
        """
        client, clock = self._context.client, self._context.clock
        asked = clock.monotonic()
        if self._first_asked is None:
            self._first_asked = asked
        listed = await client.list_connectors(self.account)
        # Whoever turns up next may have begun while this answer was on its way.
        now = client.api_time.now(asked)
        is_first = self._listed_at is None
        if self._listed_at is None:
            # "now" is when we first asked, not when we were first answered
            origin = min(self._start(client.api_time.now(self._first_asked)), self._known_until)
        else:
            origin = self._listed_at
        before = {connector.id for connector in self.listed or ()}
        self.listed, self._listed_at = listed, now
        new: list[Poller] = []
        for connector in choose(listed, self._watch.patterns, self._watch.exclude):
            poller = self._by_ref.get(f"{connector.account}/{connector.id}")
            if poller is None:
                poller = await self._take_up(connector, origin)
                poller.hear(connector, now)
                new.append(poller)
            else:
                self._update(poller, connector, now, has_returned=connector.id not in before)
        self._miss({connector.id for connector in listed})
        await self._add(new, is_first=is_first)

    def _miss(self, listed: Collection[str]) -> None:
        """Park those that are gone; one that is being polled parks itself afterwards."""
        for poller in self.pollers:
            if poller.connector.id in listed:
                continue
            poller.case.miss()
            if poller.case.is_missing and not poller.is_parked and self._turns.remove(poller):
                poller.leave()
                self._turns.add(poller)

    def hasten(self, poller: Poller) -> None:
        """Try a parked connector soon; many are spread over the time that polling them takes anyway."""
        context = self._context
        within = context.pacing.spread(context.pacing.parked)
        now = context.clock.monotonic()
        if poller.due_at > now + within:
            self._turns.hasten(poller, now + within * context.random())

    def _update(self, poller: Poller, connector: Connector, now: float, *, has_returned: bool) -> None:
        """Take over what a listing says of a known connector; a change may mean that it can be read again."""
        known = poller.connector
        has_changed = (known.notes, known.serial) != (connector.notes, connector.serial)
        if poller.hear(connector, now):
            self._turns.hasten(poller, self._context.clock.monotonic())
        if poller.is_parked and (has_returned or has_changed):
            self.hasten(poller)

    async def _add(self, new: Sequence[Poller], *, is_first: bool) -> None:
        if not new:
            return
        context = self._context
        # origins are durable before the first request
        await context.room.store(context.journal.flush)
        now = context.clock.monotonic()
        # All are due, but where they have to wait for each other, who was read longest ago goes first.
        for poller in sorted(new, key=lambda one: one.checkpoint.read_through):
            mark = poller.checkpoint.through
            if is_first:
                context.board.expect(poller.ref, mark)
            else:
                context.board.post(poller.ref, mark, is_behind=False, now=now)
            poller.due_at = now
            self._turns.add(poller)

    async def _take_up(self, connector: Connector, origin: float) -> Poller:
        context = self._context
        stored = self._stored.pop((connector.account, connector.id), None)
        if stored is None:
            stored = Stored(first_checkpoint(origin, context.pacing.ladder), KeySet())
            await context.journal.commit(
                context.claim,
                Commit(
                    connector.account,
                    connector.id,
                    stored.checkpoint,
                    name=connector.name,
                    serial=connector.serial,
                ),
            )
        poller = Poller(context, connector, stored)
        self._by_ref[poller.ref] = poller
        self.pollers.append(poller)
        context.observe(
            ConnectorFound(connector.account, connector.id, connector.name, stored.checkpoint.origin)
        )
        return poller


def known_until(stored: Mapping[tuple[str, str], Stored], account: str, discover: Seconds | None) -> float:
    """Tell when an account was last listed by an earlier run, or somewhat before; infinite if never."""
    reads = [known.checkpoint.read_through for (owner, _), known in stored.items() if owner == account]
    return max(reads) - (discover or 0.0) if reads else math.inf
