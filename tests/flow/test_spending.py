"""What a principal has spent, kept in the journal."""

from __future__ import annotations

import anyio
import pytest

from tailer.api.gate import Gate
from tailer.core.budget import Budget, RatePolicy
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
    book.add("noc", Gate(budget))
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


async def test_a_stop_is_kept_at_once_and_outlives_a_kill() -> None:
    """Whether the API refused or only the reserve is left; a longer one replaces it, an ended one is over."""
    clock, journal, gate = FakeClock(), KeptJournal(), Gate(make())
    SpendingBook(journal, clock).add("noc", gate)

    async def known() -> tuple[float, str | None]:
        after = make()
        await SpendingBook(journal, clock).restore("noc", after)
        return (after.paused_until or clock.monotonic()) - clock.monotonic(), after.reason

    gate.budget.spend(clock.monotonic())
    gate.budget.observe(clock.monotonic(), RatePolicy(remaining=120, reset=7.0), clock.monotonic())
    gate.stir(clock)
    assert await known() == (7.0, "only the reserved part of the quota remains")
    gate.budget.pause(60.0, clock.monotonic())
    gate.stir(clock)
    assert await known() == (60.0, "the API asked to slow down")
    await clock.sleep(60.0)
    assert await known() == (0.0, None)


async def test_who_has_spent_nothing_begins_with_nothing() -> None:
    """A new principal, and a record that can't be understood."""
    clock, journal, budget = FakeClock(), KeptJournal(), make()
    book = SpendingBook(journal, clock)
    await book.restore("new", budget)
    journal.keep_spending("strange", b"no record")
    await book.restore("strange", budget)
    assert budget.spent(clock.monotonic()) == 0
