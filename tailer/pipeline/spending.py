"""Keeps what a principal has spent in the journal, so that a restart does not forget it."""

from __future__ import annotations

import msgspec

from tailer.clock import Clock
from tailer.core.budget import Budget
from tailer.core.spending import RECORD_EVERY, SpendingRecord
from tailer.interfaces import Journal

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(SpendingRecord)


class SpendingBook:
    """The journaled spending of the principals of one run.

    Args:
        journal: Open as long as this is used.
        clock: Time.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._budgets: dict[str, Budget] = {}

    async def restore(self, principal: str, budget: Budget) -> None:
        """Have a new budget begin with what earlier processes have spent.

        Raises:
            JournalError: It can't be read.
        """
        stored = await self._journal.load_spending(principal)
        if stored is not None:
            try:
                record = _DECODER.decode(stored)
            except msgspec.MsgspecError:  # of a version that is not this one: the headers will tell
                return
            budget.restore(record, self._clock.monotonic(), self._clock.wall())

    def add(self, principal: str, budget: Budget) -> None:
        """Keep a principal's spending from now on; a kill finds a record that is not closed."""
        self._budgets[principal] = budget
        self._keep(principal, budget, is_closed=False)

    async def keep(self) -> None:
        """Keep all of them, for ever."""
        while True:
            await self._clock.sleep(RECORD_EVERY)
            for principal, budget in self._budgets.items():
                self._keep(principal, budget, is_closed=False)

    def close(self) -> None:
        """Keep all of them once more: nothing is sent any more."""
        for principal, budget in self._budgets.items():
            self._keep(principal, budget, is_closed=True)

    def _keep(self, principal: str, budget: Budget, *, is_closed: bool) -> None:
        record = budget.record(self._clock.monotonic(), self._clock.wall(), is_closed=is_closed)
        self._journal.keep_spending(principal, _ENCODER.encode(record))
