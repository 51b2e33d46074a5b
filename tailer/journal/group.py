"""Group commit: everything that waits when the writer is free becomes durable in one transaction.

1. While a transaction runs, newcomers gather for the next. Each caller waits for its own transaction only.
2. Two transactions begin at least `pace` apart, unless the next one carries enough to be worth its fsync. A
   lone commit after a quiet time goes at once.
3. A checkpoint without events is held, the latest of each connector, until the next transaction or for
   `HOLD_SECONDS`; nobody waits for it. It goes with the first transaction, and one that fails gives it back.
   So is the latest record of each principal's spending, unless it is to go at once.
4. A commit whose claim has ended is refused alone, when its transaction is formed; the others go on.
5. A caller that was cancelled before its transaction began has stored nothing; after that, it has.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from copy import copy
from functools import partial
from typing import NamedTuple

from tailer.errors import FencedError, JournalError
from tailer.interfaces import Claim, Commit, ReaderState
from tailer.journal.claims import Claims
from tailer.journal.store import Group

PACE_SECONDS = 0.05
"""Shortest time between two transactions. 200 polls a second, the budgets of fifty principals, then cost 20
fsyncs of some 150 us CPU each instead of 200; and 50 ms are little beside a poll's answer time."""

HOLD_SECONDS = 10.0
"""How long a checkpoint without events may wait (see `tailer.interfaces.Journal.commit`)."""

_WORTH_EVENTS = 256
"""So many events are worth an fsync of their own: catching up and replaying are not paced."""

_MAX_EVENTS = 50_000
"""Events in one transaction, which bounds its length and what a reader must take in one piece."""


class _Waiting(NamedTuple):
    """A caller: what it adds to its group (`FencedError`: nothing), and the future that it waits for."""

    add_to: Callable[[Group], None]
    future: asyncio.Future[None]
    weight: int


class _Held(NamedTuple):
    """What waits for any transaction: checkpoints by connector, records by principal."""

    checkpoints: dict[tuple[str, str], tuple[Claim, Commit]]
    spending: dict[str, bytes]

    @property
    def is_empty(self) -> bool:
        return not (self.checkpoints or self.spending)


class GroupCommit:
    """Gathers what is to be stored and hands it to the writer, group by group.

    Args:
        claims: Who may write.
        write: Starts a transaction; the future ends when it is durable, or fails and nothing is stored.
        pace: Shortest time between the beginnings of two transactions, in seconds.
    """

    def __init__(self, claims: Claims, write: Callable[[Group], asyncio.Future[None]], pace: float) -> None:
        self._claims = claims
        self._write = write
        self._pace = pace
        self._waiting: deque[_Waiting] = deque()
        self._weight = 0
        self._held = _Held({}, {})
        self._held_until = 0.0
        self._is_running = False
        self._started_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def hold(self, claim: Claim, commit: Commit) -> None:
        """Take a checkpoint without events along with the next transaction."""
        self._begin_to_hold()
        self._held.checkpoints[commit.account, commit.connector] = (claim, commit)
        self._schedule()

    def keep(self, principal: str, record: bytes, *, at_once: bool = False) -> None:
        """Take a record of a principal's spending along with the next transaction, which may begin for it."""
        self._begin_to_hold()
        self._held.spending[principal] = record
        if at_once:
            self._held_until = asyncio.get_running_loop().time()
        self._schedule()

    async def commit(self, claim: Claim, commit: Commit, weight: int) -> None:
        """Store a checkpoint and the events that it vouches for; `weight` is their number."""

        def add_to(group: Group) -> None:
            self._claims.check(claim)
            group.commits.append((claim.shard, commit))

        await self._enqueue(add_to, weight)

    async def commit_reader(self, name: str, state: ReaderState, weight: int) -> None:
        """Store a reader's state; `weight` is the number of events that it has newly accepted."""
        await self._enqueue(lambda group: group.readers.append((name, state)), weight)

    async def commit_claim(self, claim: Claim) -> None:
        """Store a claim's epoch."""
        await self._enqueue(lambda group: group.epochs.append(claim), _WORTH_EVENTS)

    async def flush(self) -> None:
        """Return when all that was handed over before is durable."""
        if self._is_running or self._waiting or not self._held.is_empty:
            await self._enqueue(lambda _: None, _WORTH_EVENTS)

    def stop(self) -> None:
        """Begin no more transactions; whoever still waits gets a `JournalError`."""
        _settle([caller.future for caller in self._waiting], JournalError("the journal was closed"))
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _enqueue(self, add_to: Callable[[Group], None], weight: int) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(add_to, future, weight))
        self._weight += weight
        self._schedule()
        return future

    def _schedule(self) -> None:
        """Have the next transaction begin when it is due; does nothing while one runs."""
        if self._is_running:
            return
        loop = asyncio.get_running_loop()
        if self._waiting:
            due = loop.time() if self._weight >= _WORTH_EVENTS else self._started_at + self._pace
        elif not self._held.is_empty:
            due = self._held_until
        else:
            return
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = loop.call_at(max(due, loop.time()), self._begin)

    def _begin(self) -> None:
        self._timer = None
        group, futures = self._form()
        held = self._take_held(group)
        if group.is_empty:
            _settle(futures, None)
            self._schedule()
            return
        self._is_running = True
        self._started_at = asyncio.get_running_loop().time()
        self._write(group).add_done_callback(partial(self._end, futures, held))

    def _form(self) -> tuple[Group, list[asyncio.Future[None]]]:
        """Take callers from the queue, up to the bound; refuse those whose claim has ended."""
        group, futures, weight = Group(), [], 0
        while self._waiting and weight < _MAX_EVENTS:
            caller = self._waiting.popleft()
            weight += caller.weight
            if caller.future.done():
                continue  # cancelled
            try:
                caller.add_to(group)
            except FencedError as error:
                caller.future.set_exception(error)
            else:
                futures.append(caller.future)
        self._weight -= weight
        return group, futures

    def _begin_to_hold(self) -> None:
        if self._held.is_empty:
            self._held_until = asyncio.get_running_loop().time() + HOLD_SECONDS

    def _take_held(self, group: Group) -> _Held:
        """Add what is held to a group, but for checkpoints of connectors that it has a newer one of."""
        held, self._held = self._held, _Held({}, {})
        group.spending.update(held.spending)
        newer = {(commit.account, commit.connector) for _, commit in group.commits}
        group.commits.extend(
            (claim.shard, commit)
            for name, (claim, commit) in held.checkpoints.items()
            if name not in newer and self._claims.is_current(claim)
        )
        return held

    def _end(
        self,
        futures: list[asyncio.Future[None]],
        held: _Held,
        transaction: asyncio.Future[None],
    ) -> None:
        self._is_running = False
        error = transaction.exception()
        if error is not None and not held.is_empty:
            newer = self._held
            self._held = _Held(held.checkpoints | newer.checkpoints, held.spending | newer.spending)
            self._held_until = asyncio.get_running_loop().time() + HOLD_SECONDS
        _settle(futures, error)
        self._schedule()


def _settle(futures: Iterable[asyncio.Future[None]], error: BaseException | None) -> None:
    """Tell callers how their transaction ended, each with an error of its own: tracebacks are not shared."""
    for future in futures:
        if future.done():
            continue  # cancelled
        if error is None:
            future.set_result(None)
        else:
            own = copy(error)
            own.__cause__ = error.__cause__
            future.set_exception(own)
