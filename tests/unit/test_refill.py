"""Which part of lost gaps is tried next, and which rows are new beyond doubt."""

from __future__ import annotations

from tailer.core.progress import Gap
from tailer.core.purpose import Purpose
from tailer.core.reading import Reading
from tailer.core.refill import TRIES, Refill, judge
from tailer.model import Event, Window

ROWS = 100


def refill(*spans: tuple[int, int]) -> Refill:
    """Make one that was asked for some spans."""
    made = Refill()
    made.ask(spans)
    return made


def next_of(one: Refill) -> Window:
    """Give the window that is read next."""
    plan = one.plan(ROWS)
    assert plan is not None
    return plan.window


def event(t: float, a: float) -> Event:
    """Make a row."""
    return Event(t=t, n=0, k="Init", a=a)


def test_nothing_is_planned_unless_it_is_asked_for() -> None:
    """Lost gaps stay alone by themselves."""
    assert Refill().plan(ROWS) is None


def test_the_oldest_gap_is_read_first_and_whole() -> None:
    """Given several gaps, each is one read of its own, as a revisit, with a bound on its rows."""
    one = refill((50, 60), (10, 20))
    plan = one.plan(ROWS)
    assert plan is not None
    assert (plan.window, plan.aim, plan.purpose, plan.max_rows) == ((10, 20), "fill", Purpose.REVISIT, 200)
    one.read(plan.window, Reading(covered=[(10, 20)]), ROWS)
    assert next_of(one) == (50, 60)


def test_what_can_still_not_be_read_is_tried_once() -> None:
    """Given a read of which nothing came, its second is not tried again until it is asked for again."""
    one = refill((10, 11))
    one.read(next_of(one), Reading(gaps=[Gap(10, 11, "page cap")]), ROWS)
    assert not one.left
    one.read(Window(10, 11), Reading(), ROWS)
    one.ask([(10, 11)])
    assert next_of(one) == (10, 11)


def test_a_dense_gap_is_read_in_slices() -> None:
    """Given a read that was left off, what it covered is done and slices are as wide as its rows allow."""
    one = refill((0, 1000))
    rows = [event(t / 10, t / 10) for t in range(500)]  # ten a second
    one.read(
        next_of(one), Reading(rows=rows, covered=[(0, 40)], gaps=[Gap(40, 41, "refused")], dense=True), ROWS
    )
    assert next_of(one) == (41, 50)
    one.read(next_of(one), Reading(dense=True), ROWS)
    assert next_of(one) == (41, 45)
    for _ in range(2):
        one.read(next_of(one), Reading(dense=True), ROWS)
    assert next_of(one) == (41, 42)
    one.read(next_of(one), Reading(dense=True), ROWS)  # a second can't be cut
    assert next_of(one) == (42, 43)


def test_a_read_that_fails_is_tried_again_for_a_while() -> None:
    """Given failures in a row, the slice is left alone at last, and what came of it counts."""
    one = refill((0, 10), (20, 30))
    one.failed(next_of(one), Reading(covered=[(0, 4)]))
    assert next_of(one) == (4, 10)
    for _ in range(TRIES - 1):
        one.failed(next_of(one), Reading())
    assert next_of(one) == (20, 30)
    one.failed(next_of(one), Reading())
    one.read(next_of(one), Reading(covered=[(20, 25)], dense=True), ROWS)
    one.failed(next_of(one), Reading())
    assert next_of(one)[0] == 25


def test_a_fill_can_be_given_up() -> None:
    """What was not tried stays as it is."""
    one = refill((0, 10))
    one.give_up()
    assert one.plan(ROWS) is None


def test_rows_are_new_where_their_keys_would_have_been_kept() -> None:
    """By time in the gap, by collection in the gap, above the floor; a clock that was ahead: doubt."""
    by_time, collected = event(15, 40), event(5, 15)
    ahead, above = event(90, 15), event(2000, 1001)
    judged = judge([by_time, collected, ahead, above], Window(10, 20), 1000)
    assert judged.new == [by_time, collected, above]
    assert judged.doubtful == [ahead]
    assert judge([above], Window(10, 20), 1000.5).doubtful == [above]
