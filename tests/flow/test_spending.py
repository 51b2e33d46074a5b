"""What a principal has spent, kept in the journal."""

from __future__ import annotations

import anyio
import pytest

from tailer.core.budget import Budget
from tailer.pipeline.spending import SpendingBook
from tailer.testing.fake_clock import FakeClock
from tests.flow.stage import FAKE_TIME, KeptJournal

pytestmark = FAKE_TIME


def make() -> Budget:
    """Build a budget of 960 requests in five minutes."""
    return Budget(share=0.8, reserve=0.1)


@pytest.mark.parametrize(("is_killed", "assumed"), [(False, 0), (True, 16)])
async def test_the_next_process_knows_what_was_spent(assumed: int, *, is_killed: bool) -> None:
    """After a clean end exactly; after a kill all up to the last record, and the average since."""
    clock, journal, budget = FakeClock(), KeptJournal(), make()
    book = SpendingBook(journal, clock)
    book.add("noc", budget)
    async with anyio.create_task_group() as group:
        group.start_soon(book.keep)
        for _ in range(35):
            budget.spend(clock.monotonic())
            await clock.sleep(1.0)
        group.cancel_scope.cancel()
    if not is_killed:
        book.close()
    after = make()
    await SpendingBook(journal, clock).restore("noc", after)
    known = after.spent(clock.monotonic()) - assumed
    assert known == 35 if not is_killed else 29 <= known <= 35


async def test_who_has_spent_nothing_begins_with_nothing() -> None:
    """A new principal, and a record that can't be understood."""
    clock, journal, budget = FakeClock(), KeptJournal(), make()
    book = SpendingBook(journal, clock)
    await book.restore("new", budget)
    journal.keep_spending("strange", b"no record")
    await book.restore("strange", budget)
    assert budget.spent(clock.monotonic()) == 0
