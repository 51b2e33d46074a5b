"""One account's warden: lists it when that is due, and finds out whose refusals are whose.

The rules are those of `tailer.core.parking`. All listings of an account are made by one task (`keep`), so
however many connectors are refused at the same moment, they ask for one listing together. While a connector
waits for its answer, or its account is stopped, it has no turn.

A token from a file is read again when it is refused, and every `RENEW_EVERY` while the account is stopped. A
new one is tried at once; refusals of the old one don't count any more, nor do those that are still under way.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

from tailer.core.backoff import backoff
from tailer.core.durations import Seconds
from tailer.core.heartbeat import listing_interval
from tailer.core.parking import AccountCase
from tailer.errors import ApiError, AuthError, ConfigError
from tailer.observe import AccountResumed, AccountStopped, ListingFailed
from tailer.pipeline.context import PollContext
from tailer.pipeline.poller import Poller
from tailer.pipeline.roster import Roster
from tailer.pipeline.signal import Signal
from tailer.pipeline.turns import Turns

LISTING_FIRST: Seconds = 10.0
"""Longest back-off after the first failure of List Connectors."""

LISTING_CAP: Seconds = 300.0
"""Longest back-off between two tries of List Connectors."""

RENEW_EVERY: Seconds = 10.0
"""Seconds between two looks at the token's file while the account is stopped."""

TOGETHER: Seconds = 60.0
"""Connectors that were parked within so many seconds of each other may share a reason that passes."""


class Warden:
    """Decides what an account's answers mean for its connectors.

    Args:
        context: Shared by the principal's pollers.
        roster: The account's connectors.
        turns: Of the fleet.
        token: Where the credentials came from, for messages.
        discover: Seconds between two listings; ``None``: list only when refusals ask for it, and try a
            stopped account never again.
        renew: Reads the token's file again for the whole fleet, and calls every warden's `begin_anew` if it
            is another one.
        fit: Called after every listing.

    Attributes:
        case: The account's.
        next_at: When List Connectors is asked next, at the latest (monotonic).
    """

    def __init__(
        self,
        context: PollContext,
        roster: Roster,
        turns: Turns,
        *,
        token: str,
        discover: Seconds | None,
        renew: Callable[[], Awaitable[bool]],
        fit: Callable[[], None],
    ) -> None:
        self.roster = roster
        self.case = AccountCase()
        self.next_at = -math.inf
        self._context = context
        self._turns = turns
        self._token = token
        self._discover = discover
        self._renew = renew
        self._fit = fit
        self._failures = 0
        self._asking: list[Poller] = []
        self._held: list[Poller] = []
        self._called = Signal()
        self._renewed_at = -math.inf
        self._unreadable = ""

    async def begin(self) -> ApiError | None:
        """List the account for the first time; return why that failed."""
        asked_at = self._now()
        try:
            await self.roster.list()
        except ApiError as error:
            return error
        self._accept(asked_at)
        return None

    def give_up(self, error: ApiError) -> None:
        """Go on without an account whose first listing failed; `keep` tries it again."""
        self._stop(error)

    async def keep(self) -> None:
        """List for ever: when it is due, and when refusals ask for it."""
        while True:
            await self._until_due()
            await self._list()

    async def poll(self, poller: Poller) -> None:
        """Poll a connector of the account in its turn, unless the account is stopped."""
        if self.case.is_stopped:
            self._turns.end(poller)
            self._hold(poller)
            return
        parked_at, began = poller.case.parked_at, self._now()
        await poller.poll()
        self._turns.end(poller)
        if parked_at is not None and not poller.is_parked:
            self._release(parked_at)
        if self._is_outdated(began, poller.error) and not self.case.is_stopped:
            self._go_on([poller])
        else:
            self._place(poller)

    def begin_anew(self) -> None:
        """Try at once what was refused: there are new credentials."""
        self._renewed_at = self._now()
        if self.case.is_stopped:
            self.next_at = self._now()
            self._called.notify()
            return
        asking, self._asking = self._asking, []
        self._go_on(asking)
        for poller in self.roster.pollers:
            poller.case.forgive()
            if poller.is_parked:
                self.roster.hasten(poller)

    def _is_outdated(self, began: float, error: ApiError | None) -> bool:
        """Tell whether an error may be the refusal of a token that was replaced meanwhile."""
        return began <= self._renewed_at and isinstance(error, AuthError)

    def _place(self, poller: Poller) -> None:
        """Give a connector its next turn, or find out what its refusals mean."""
        if self.case.is_stopped:
            self._hold(poller)
        elif not poller.is_questioned:
            self._turns.add(poller)
        elif not self.case.knows(poller.case.refused_since):
            self._asking.append(poller)
            self._called.notify()
        elif self.case.refusal is None:
            poller.judge(is_listed=True)
            self._turns.add(poller)
        else:
            self._asking.append(poller)
            self._stop(self.case.refusal)

    def _release(self, parked_at: float) -> None:
        """Try those soon that were parked together with one that is read again: a throttle has ended."""
        for poller in self.roster.pollers:
            since = poller.case.parked_at
            if since is not None and abs(since - parked_at) <= TOGETHER:
                self.roster.hasten(poller)

    async def _until_due(self) -> None:
        while (left := self.next_at - self._now()) > 0:
            if not self.case.is_stopped:
                if self._asking:
                    return
                await self._called.wait(left)
            elif not await self._has_new_token():
                await self._called.wait(min(left, RENEW_EVERY))

    async def _list(self) -> None:
        if self._asking and await self._has_new_token():
            return
        asked_at = self._now()
        try:
            await self.roster.list()
        except AuthError as error:
            if self._is_outdated(asked_at, error):
                return  # it is still due, and asked again at once
            self.case.refused(asked_at, error)
            if self.case.is_stopped or not await self._has_new_token():
                self._refuse(error)
        except ApiError as error:
            self._fail(error)
        else:
            self._accept(asked_at)

    async def _has_new_token(self) -> bool:
        try:
            self._unreadable = ""
            return await self._renew()
        except ConfigError as error:
            self._unreadable = f"; {error}"
            return False

    def _accept(self, asked_at: float) -> None:
        context, case = self._context, self.case
        was_stopped = case.is_stopped
        case.listed(asked_at)
        self._failures = 0
        self.next_at = math.inf if self._discover is None else self._now() + self._until_next(self._discover)
        if was_stopped:
            held, self._held = self._held, []
            self._go_on(held)
            context.observe(AccountResumed(self.roster.account, self._now() - case.stopped_at))
        self._answer()
        self._fit()

    def _until_next(self, discover: Seconds) -> Seconds:
        roster = self.roster
        interval = self._context.pacing.interval
        return listing_interval(roster.silent, len(roster.listed or ()), interval, discover)

    def _refuse(self, error: AuthError) -> None:
        """Stop the account if its connectors are refused too; one listing by itself may be a throttle's."""
        if self.case.is_stopped or self._asking or not self.roster.is_read:
            self._stop(error)
        else:
            self._fail(error)

    def _fail(self, error: ApiError) -> None:
        """Come back later; whoever waits for an answer goes on without one."""
        if self.case.is_stopped:
            self._stop(error)
            return
        if self._discover is None:
            self.next_at = math.inf
        else:
            self._failures += 1
            delay = backoff(self._failures, LISTING_FIRST, LISTING_CAP, self._context.random())
            self.next_at = self._now() + delay
            self._context.observe(ListingFailed(self.roster.account, delay, str(error)))
        asking, self._asking = self._asking, []
        for poller in asking:
            poller.judge(is_listed=False)
            self._turns.add(poller)

    def _answer(self) -> None:
        """Tell those who asked; whose refusals are younger than the answer ask again."""
        asking, self._asking = self._asking, []
        for poller in asking:
            self._place(poller)

    def _stop(self, error: ApiError) -> None:
        """Stop the account, or keep it stopped after another failed try."""
        context, now = self._context, self._now()
        delay = context.bounded(self.case.stop(error, now))
        self.next_at = math.inf if self._discover is None else now + delay
        asking, self._asking = self._asking, []
        waiting = [poller for poller in self.roster.pollers if self._turns.remove(poller)]
        held, self._held = self._held, []
        for poller in (*held, *asking, *waiting):
            self._hold(poller)
        context.observe(
            AccountStopped(
                self.roster.account,
                len(self.roster.pollers),
                self._token if isinstance(error, AuthError) else None,
                self.case.tries,
                None if self._discover is None else delay,
                f"{error}{self._unreadable}",
            )
        )

    def _hold(self, poller: Poller) -> None:
        """Give a connector of the stopped account no turn; in a run that ends by itself it is given up."""
        if self.case.error is not None:
            poller.stop(self.case.error, self.next_at)
        if poller.is_done:
            self._turns.finish(poller)
        else:
            self._held.append(poller)

    def _go_on(self, pollers: list[Poller]) -> None:
        """Give turns to connectors that had none, spread over the time that polling them takes anyway."""
        context = self._context
        within = context.pacing.spread(len(pollers))
        for poller in pollers:
            poller.go_on(self._now() + within * context.random())
            self._turns.add(poller)

    def _now(self) -> float:
        return self._context.clock.monotonic()
