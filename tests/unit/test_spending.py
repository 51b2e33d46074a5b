"""Sends of one window, counted by purpose."""

from __future__ import annotations

import math

import pytest

from tailer.core.budget import Budget, RatePolicy
from tailer.core.purpose import Purpose
from tailer.core.spending import Spending, SpendingRecord


def test_sends_are_counted_by_purpose_and_leave_with_their_window() -> None:
    """All of the last window count, by what they were for."""
    spending = Spending(100.0)
    spending.add(0.0, Purpose.LIVE)
    spending.add(10.0, Purpose.REVISIT)
    spending.add(10.0, Purpose.LIVE)
    assert (spending.total(99.0), spending.of(Purpose.LIVE, 99.0)) == (3, 2)
    assert (spending.total(100.0), spending.of(Purpose.LIVE, 100.0)) == (2, 1)
    assert spending.frees_in(100.0) == 10.0
    assert spending.total(110.0) == 0
    assert spending.of(Purpose.REVISIT, 110.0) == 0
    assert spending.frees_in(110.0) == math.inf
    assert len(spending) == 0


def test_the_return_of_sends_is_foreseen() -> None:
    """So many have left the window when the bucket that holds the last of them has."""
    spending = Spending(100.0)
    spending.add(0.0, Purpose.LIVE, 2)
    spending.add(10.0, Purpose.LIVE)
    assert [spending.freed_at(count) for count in (1, 2, 3, 4)] == [100.0, 100.0, 110.0, math.inf]
    assert [spending.since(then) for then in (0.0, 5.0, 11.0)] == [3, 1, 0]


# ---- Over a restart


def make() -> Budget:
    """Build a budget of eighty requests in a hundred seconds."""
    return Budget(share=0.8, reserve=0.1, quota=100, window=100.0)


def restarted(before: Budget, now: float, away: float, *, is_closed: bool) -> Budget:
    """Build the budget of the next process, some time after the last record; its clock begins at 0."""
    record = before.record(now, 5000.0, is_closed=is_closed)
    after = make()
    after.restore(record, 0.0, 5000.0 + away)
    return after


def test_a_restart_forgets_nothing() -> None:
    """What was sent counts until it has left the window, by purpose, as if nothing had happened."""
    before = make()
    before.observe(-1, RatePolicy(quota=200), 900.0)
    for at, purpose in ((900.0, Purpose.LIVE), (950.0, Purpose.REVISIT), (950.0, Purpose.LIVE)):
        before.spend(at, purpose)
    after = restarted(before, 960.0, 10.0, is_closed=True)
    assert (after.quota, after.spent(0.0), after.spent_on(Purpose.REVISIT, 0.0)) == (200, 3, 1)
    assert after.spent(29.9) == 3
    assert after.spent(30.0) == 2
    assert after.spent(80.0) == 0


def test_a_stop_goes_on_after_a_restart() -> None:
    """With its reason, and no longer than an hour whatever the clocks say; one that is over is over."""
    before = make()
    before.pause(60.0, now=900.0)
    assert restarted(before, 900.0, 20.0, is_closed=False).wait(0.0) == 40.0
    assert restarted(before, 900.0, 20.0, is_closed=False).reason == before.reason
    assert restarted(before, 900.0, 60.0, is_closed=True).reason is None
    assert restarted(before, 900.0, -1e6, is_closed=True).wait(0.0) == 3600.0


@pytest.mark.parametrize(
    ("bursts", "away", "unknown"),
    [
        ([], 30.0, 16),
        ([], 5.0, 4),
        ([], 0.0, 0),
        ([(0, 10), (50, 10)], 30.0, 16),
        ([(0, 10), (15, 20), (40, 5)], 30.0, 30),
        ([(0, 10), (15, 20), (40, 5)], 5.0, 20),
        ([(50, 70)], 30.0, 10),
    ],
)
def test_after_a_kill_the_unknown_is_taken_for_spent(
    bursts: list[tuple[float, int]], away: float, unknown: int
) -> None:
    """As many as in the busiest stretch as long as the unknown one, or as on average; within the share."""
    before = make()
    known = 0
    for at, count in bursts:
        for _ in range(count):
            before.spend(at)
        known += count
    assert restarted(before, 60.0, away, is_closed=False).spent(0.0) == known + unknown
    assert restarted(before, 60.0, away, is_closed=True).spent(0.0) == known


def test_many_kills_do_not_use_a_budget_up() -> None:
    """What is assumed grows no faster than the share allows, however often; what was sent stays known."""
    budget = make()
    budget.spend(0.0, Purpose.REVISIT)
    for _ in range(20):
        budget = restarted(budget, 0.0, 2.0, is_closed=False)
    assert budget.spent(0.0) == 1 + 20 * 2
    assert budget.spent_on(Purpose.REVISIT, 0.0) == 1


def test_the_unknown_ends_with_the_kill() -> None:
    """Given a kill long ago, what may have been sent has left the window with the rest."""
    before = make()
    before.spend(10.0)
    assert restarted(before, 10.0, 119.0, is_closed=False).spent(0.0) == 16
    assert restarted(before, 10.0, 120.0, is_closed=False).spent(0.0) == 0


def test_a_clock_that_was_set_back_keeps_what_was_spent() -> None:
    """Sends that seem to lie in the future count as sent now."""
    before = make()
    before.spend(0.0)
    after = restarted(before, 50.0, -500.0, is_closed=True)
    assert after.spent(99.0) == 1
    assert after.spent(100.0) == 0
    assert restarted(before, 50.0, -500.0, is_closed=False).spent(99.0) == 1 + 16


def test_a_record_of_other_purposes_is_read_as_far_as_it_goes() -> None:
    """A version with more purposes wrote it."""
    record = SpendingRecord(
        at=0.0,
        quota=100,
        window=100.0,
        sends=((0.0, (1, 1, 1, 1, 1, 9)),),
        stopped_until=None,
        reason=None,
        is_closed=True,
    )
    budget = make()
    budget.restore(record, 0.0, 0.0)
    assert budget.spent(0.0) == 5
