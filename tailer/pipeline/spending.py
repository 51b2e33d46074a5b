"""Keeps what a principal has spent in the journal, so that a restart does not forget it."""

from __future__ import annotations

from functools import partial

import msgspec

from tailer.api.gate import Gate
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
        self._gates: dict[str, Gate] = {}

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

    def add(self, principal: str, gate: Gate) -> None:
        """Keep a principal's spending from now on; a kill finds a record that is not closed.

        A stop is kept at once: who is started again and does not know it sends a request into the block, or
        what is left of the quota while others spend of it.
        """
        self._gates[principal] = gate
        gate.on_stop = partial(self._keep, principal, gate.budget, is_closed=False, at_once=True)
        self._keep(principal, gate.budget, is_closed=False)

    async def keep(self) -> None:
        """Keep all of them, for ever."""
        while True:
            await self._clock.sleep(RECORD_EVERY)
            for principal, gate in self._gates.items():
                self._keep(principal, gate.budget, is_closed=False)

    def close(self) -> None:
        """Keep all of them once more: nothing is sent any more."""
        for principal, gate in self._gates.items():
            self._keep(principal, gate.budget, is_closed=True)

    def _keep(self, principal: str, budget: Budget, *, is_closed: bool, at_once: bool = False) -> None:
        record = budget.record(self._clock.monotonic(), self._clock.wall(), is_closed=is_closed)
        self._journal.keep_spending(principal, _ENCODER.encode(record), at_once=at_once)
