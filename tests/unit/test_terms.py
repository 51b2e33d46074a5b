"""How the requests of a read are paid, and when it makes way for its connector's poll."""

from __future__ import annotations

import math

import pytest

from tailer.core.budget import Budget
from tailer.core.purpose import Purpose
from tailer.core.terms import PATIENCE, Payment, Terms

LIVE, REVISIT = Payment(Purpose.LIVE), Payment(Purpose.REVISIT)


def spent(live: int = 0, revisits: int = 0) -> Budget:
    """Make a budget of ten requests in 100 s, all of which polls would take, and spend so many of them."""
    budget = Budget(share=1.0, reserve=0.0, quota=10, window=100.0)
    budget.planned = 0.1
    for purpose, count in ((Purpose.LIVE, live), (Purpose.REVISIT, revisits)):
        for _ in range(count):
            budget.spend(0.0, purpose)
            budget.observe(0.0, None, 0.1)
    return budget


def test_a_poll_is_live_and_waits_as_long_as_it_takes() -> None:
    """Nothing is given up of what is new."""
    terms = Terms(spent(), Purpose.LIVE)
    assert terms.first(5.0) == LIVE == Payment(Purpose.LIVE, math.inf)
    assert terms.next(5.0, is_divisible=True) == LIVE


@pytest.mark.parametrize(("budget", "payment"), [(spent(), REVISIT), (spent(revisits=1), None)])
def test_later_pages_of_a_deep_poll_are_revisits(budget: Budget, payment: Payment | None) -> None:
    """Given a poll that reaches far back, its first page is live, and without room it is left off."""
    terms = Terms(budget, Purpose.LIVE, Purpose.REVISIT)
    assert terms.first(5.0) == LIVE
    assert terms.next(5.0, is_divisible=True) == payment
    assert terms.next(5.0, is_divisible=False) == LIVE


def test_a_read_without_a_poll_to_come_makes_way_for_none() -> None:
    """Given nothing that it could hold up, a read of the past waits for the budget."""
    terms = Terms(spent(revisits=1), Purpose.REVISIT)
    assert terms.first(5.0) == terms.next(5.0, is_divisible=True) == REVISIT


def test_a_read_of_the_past_is_given_up_when_the_poll_is_due() -> None:
    """Its first request waits until then; one that begins later has a moment."""
    terms = Terms(spent(), Purpose.REVISIT, due_at=20.0)
    assert terms.first(5.0) == Payment(Purpose.REVISIT, 20.0)
    assert terms.first(25.0) == Payment(Purpose.REVISIT, 25.0 + PATIENCE)


def test_between_two_requests_a_read_of_the_past_is_left_off() -> None:
    """It goes on as long as no poll is due and there is room."""
    terms = Terms(spent(), Purpose.REVISIT, due_at=20.0)
    assert terms.next(19.9, is_divisible=True) == Payment(Purpose.REVISIT, 20.0)
    assert terms.next(20.0, is_divisible=True) is None
    assert Terms(spent(revisits=1), Purpose.REVISIT, due_at=20.0).next(5.0, is_divisible=True) is None


def test_what_can_not_be_divided_goes_on_as_live() -> None:
    """Given a second of many pages, it is read to its end, for there is no smaller read to follow."""
    terms = Terms(spent(revisits=1), Purpose.REVISIT, due_at=20.0)
    assert terms.next(30.0, is_divisible=False) == LIVE
