from __future__ import annotations

import math

from tailer.core.budget import Budget
from tailer.core.purpose import Purpose
from tailer.core.revisits import Revisits


def bound(quota: int = 10, *, revisits: int = 0) -> Budget:
    """Make a budget of so many requests in 100 s, all of which polls would take."""
    budget = Budget(share=1.0, reserve=0.0, quota=quota, window=100.0)
    budget.planned = quota / 100.0
    budget.revisits = revisits
    return budget


def spend(budget: Budget, count: int, at: float, purpose: Purpose = Purpose.LIVE) -> None:
    """Send so many requests at once."""
    for _ in range(count):
        budget.spend(at, purpose)


def test_the_first_to_come_is_the_first_to_go_as_there_is_room() -> None:
    """What has begun counts as spent: of the promised tenth, one at a time."""
    revisits: Revisits[str] = Revisits(bound())
    for item in ("a", "b"):
        revisits.join(item)

    assert [revisits.pop(0.0), revisits.pop(0.0)] == ["a", None]
    revisits.end("a", has_read=True)
    assert revisits.pop(0.0) == "b"
    assert revisits.pop(0.0) is None


def test_who_has_read_comes_behind_the_others() -> None:
    """One slice each, in turn."""
    revisits: Revisits[str] = Revisits(bound())
    for item in ("a", "b"):
        revisits.join(item)
    assert revisits.pop(0.0) == "a"
    revisits.end("a", has_read=True)
    revisits.join("a")

    assert revisits.pop(0.0) == "b"


def test_who_is_polled_meanwhile_keeps_its_place() -> None:
    """Neither a poll while it waits nor one that takes its turn costs it its place."""
    revisits: Revisits[str] = Revisits(bound())
    for item in ("a", "b"):
        revisits.join(item)
    revisits.leave("a")
    revisits.join("a")
    assert revisits.pop(0.0) == "a"
    revisits.end("a", has_read=False)
    revisits.join("a")

    assert revisits.pop(0.0) == "a"


def test_who_has_left_is_passed_over() -> None:
    """One that is being polled has no turn here, until it comes again."""
    revisits: Revisits[str] = Revisits(bound())
    for item in ("a", "b"):
        revisits.join(item)
    revisits.leave("a")

    assert revisits.pop(0.0) == "b"
    revisits.end("b", has_read=True)
    assert revisits.next_at(0.0) is None
    assert revisits.pop(0.0) is None
    revisits.join("a")
    assert revisits.pop(0.0) == "a"


def test_a_full_budget_tells_when_to_look_again() -> None:
    """A revisit that waits is due when the first request leaves the window."""
    budget = bound()
    revisits: Revisits[str] = Revisits(budget)
    spend(budget, 10, at=5.0)
    revisits.join("a")

    assert revisits.pop(50.0) is None
    assert revisits.next_at(50.0) == 105.0
    assert revisits.pop(105.0) == "a"


def test_a_stop_is_waited_for() -> None:
    """Nothing begins in a pause, nor until its probe is answered."""
    budget = bound()
    revisits: Revisits[str] = Revisits(budget)
    revisits.join("a")
    budget.pause(30.0, 0.0)

    assert revisits.next_at(10.0) == 30.0
    assert revisits.next_at(30.0) == math.inf
    budget.spend(30.0)
    budget.succeeded(30.0)
    assert revisits.pop(31.0) == "a"


def test_the_last_request_is_kept_for_a_revisit_that_wants_to_go() -> None:
    """Nobody else may have it, as long as revisits have not had their share."""
    budget = bound(revisits=1)
    spend(budget, 9, at=0.0)

    assert not budget.affords(Purpose.LIVE, 1.0)
    assert not budget.affords(Purpose.BACKFILL, 1.0)
    assert budget.affords(Purpose.REVISIT, 1.0)


def test_nothing_is_kept_for_revisits_that_had_their_share() -> None:
    """Polls have the rest."""
    budget = bound(revisits=1)
    spend(budget, 1, at=0.0, purpose=Purpose.REVISIT)
    spend(budget, 8, at=0.0)

    assert budget.affords(Purpose.LIVE, 1.0)


def test_of_a_single_request_nothing_is_kept() -> None:
    """A budget of one request is the polls'."""
    assert bound(1, revisits=1).affords(Purpose.LIVE, 0.0)
