"""Whose request goes next, of those that wait."""

from __future__ import annotations

from collections import Counter

import pytest

from tailer.core.precedence import SHARES, Precedence
from tailer.core.purpose import Purpose

LIVE, ERROR_DETAIL, REVISIT, DETAIL, BACKFILL = Purpose


def anything(_purpose: Purpose) -> bool:
    """Let everything go."""
    return True


def go(waiting: Precedence[str], purposes: dict[str, Purpose]) -> str:
    """Let the next one go."""
    item = waiting.next(anything)
    assert item is not None
    waiting.sent(purposes[item])
    waiting.leave(item, purposes[item])
    return item


def test_purposes_are_shown_in_small_letters() -> None:
    """Labels of metrics and status, in the order of priority."""
    labels = [purpose.label for purpose in Purpose]
    assert labels == ["live", "error_detail", "revisit", "detail", "backfill"]


def test_purposes_have_an_order_and_each_is_a_queue() -> None:
    """Live first, backfill last, and the first to come is the first to go."""
    waiting: Precedence[str] = Precedence()
    purposes = {"b": BACKFILL, "r1": REVISIT, "l": LIVE, "r2": REVISIT, "d": DETAIL, "e": ERROR_DETAIL}
    for item, purpose in purposes.items():
        waiting.join(item, purpose)
    assert [go(waiting, purposes) for _ in purposes] == ["l", "e", "r1", "r2", "d", "b"]
    assert waiting.next(anything) is None
    assert len(waiting) == 0


def test_who_gives_up_leaves_its_place() -> None:
    """The next one goes instead."""
    waiting: Precedence[str] = Precedence()
    waiting.join("one", LIVE)
    waiting.join("two", LIVE)
    waiting.leave("one", LIVE)
    assert waiting.next(anything) == "two"


@pytest.mark.parametrize("purpose", SHARES)
def test_each_gets_its_share_however_much_goes_before(purpose: Purpose) -> None:
    """Of 1/share requests one is its own, while live ones wait without end."""
    waiting: Precedence[str] = Precedence()
    purposes = {"live": LIVE, "other": purpose}
    for name, its in purposes.items():
        waiting.join(name, its)
    sent = Counter[str]()
    for _ in range(1000):
        item = waiting.next(anything)
        assert item is not None
        waiting.sent(purposes[item])
        sent[item] += 1
    assert sent["other"] == pytest.approx(1000 * SHARES[purpose] / (1 + SHARES[purpose]), abs=1)


def test_all_of_them_at_once_leave_most_to_the_live_ones() -> None:
    """Everyone has its share, and live requests the rest."""
    waiting: Precedence[Purpose] = Precedence()
    for purpose in Purpose:
        waiting.join(purpose, purpose)
    sent = Counter[Purpose]()
    for _ in range(10_000):
        item = waiting.next(anything)
        assert item is not None
        waiting.sent(item)
        sent[item] += 1
    assert all(sent[purpose] > 0.8 * share * 10_000 for purpose, share in SHARES.items())
    assert sent[LIVE] > 7900


def test_who_does_not_wait_saves_nothing() -> None:
    """A turn is earned by waiting."""
    waiting: Precedence[str] = Precedence()
    waiting.join("live", LIVE)
    waiting.join("old", REVISIT)
    for _ in range(9):
        waiting.sent(LIVE)
    waiting.leave("old", REVISIT)
    waiting.join("new", REVISIT)
    waiting.sent(LIVE)
    assert waiting.next(anything) == "live"


def test_who_has_nothing_left_to_spend_lets_others_go_first() -> None:
    """But is told when nobody else waits, and then waits for its own."""
    waiting: Precedence[str] = Precedence()
    waiting.join("revisit", REVISIT)
    waiting.join("backfill", BACKFILL)
    assert waiting.next(lambda purpose: purpose != REVISIT) == "backfill"
    waiting.leave("backfill", BACKFILL)
    assert waiting.next(lambda _: False) == "revisit"


def test_a_suspect_lets_others_go_first_after_a_stop() -> None:
    """As long as somebody waits who is not suspected, whatever for."""
    waiting: Precedence[str] = Precedence()
    waiting.join("suspect", LIVE, is_suspect=True)
    assert waiting.next(anything, is_stopped=True) == "suspect"
    waiting.join("other", BACKFILL)
    assert waiting.next(anything, is_stopped=True) == "other"
    assert waiting.next(anything) == "suspect"
