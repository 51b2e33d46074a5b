"""What is believed of an API, from when on, and for how long."""

import pytest

from tailer.core.quirks import (
    BELIEVABLE,
    CONFIRMATIONS,
    FORM_TRUST,
    LESSON_TRUST,
    PLAIN,
    Form,
    Quirks,
    is_round,
)
from tailer.model import Event, Page

NO_LIMIT = Form(send_limit=False)


def page(rows: int, count: int | None = None) -> Page:
    """Give a page of so many rows."""
    return Page([Event(1, n, "Init", 1) for n in range(rows)], rows if count is None else count, None, None)


def test_the_accepted_form_is_kept_for_a_while() -> None:
    """Given a deviation that was accepted, requests deviate until the plain form is due for another try."""
    quirks = Quirks()
    quirks.learn(NO_LIMIT, None, page(1), now=100)
    quirks.refresh(99 + FORM_TRUST)
    assert quirks.form == NO_LIMIT
    quirks.refresh(100 + FORM_TRUST)
    assert quirks.form == PLAIN


def test_using_a_form_does_not_prolong_its_trust() -> None:
    """Given a deviation in use all the time, the plain form is tried again nevertheless."""
    quirks = Quirks()
    quirks.learn(NO_LIMIT, None, page(1), now=100)
    quirks.learn(NO_LIMIT, None, page(1), now=500)
    quirks.refresh(100 + FORM_TRUST)
    assert quirks.form == PLAIN


@pytest.mark.parametrize(("rows", "last"), [(0, True), (9, True), (10, False), (30, False), (50, False)])
def test_without_experience_only_a_short_page_is_the_last(rows: int, last: bool) -> None:
    """Given no other page to compare with, ten rows and more may have been cut."""
    quirks = Quirks()
    quirks.learn(PLAIN, 1000, page(rows), now=0)
    assert quirks.is_last(1000, rows, rows, rows) is last


@pytest.mark.parametrize(("rows", "last"), [(49, True), (50, False)])
def test_a_page_shorter_than_the_longest_is_the_last(rows: int, last: bool) -> None:
    """Given a page of 50, one of 49 was not cut, another one of 50 may have been."""
    quirks = Quirks()
    quirks.learn(PLAIN, 1000, page(50), now=0)
    assert quirks.is_last(1000, rows, rows, rows) is last


def test_pages_are_compared_with_those_of_the_same_limit() -> None:
    """Given a page of 50 under one limit, nothing is known of pages under another."""
    quirks = Quirks()
    quirks.learn(PLAIN, 1000, page(50), now=0)
    quirks.learn(NO_LIMIT, None, page(20), now=0)
    assert not quirks.is_last(None, 20, 20, 20)


def test_a_page_as_long_as_a_small_limit_may_be_cut() -> None:
    """Given a limit of five, five rows are suspicious, short as they are."""
    quirks = Quirks()
    quirks.learn(PLAIN, 5, page(5), now=0)
    assert not quirks.is_last(5, 5, 5, 5)


@pytest.mark.parametrize(("distinct", "last"), [(60, True), (59, False)])
def test_a_total_tells_the_last_page(distinct: int, last: bool) -> None:
    """Given that `count` is known for a total, a full page is the last if all rows are there."""
    quirks = Quirks()
    quirks.learn(PLAIN, 1000, page(30, count=60), now=0)
    assert quirks.count_is_total
    assert quirks.is_last(1000, 30, distinct, 60) is last


def test_a_wide_window_is_believed_at_once() -> None:
    """Given a refusal of an hour, wider ones are not asked for, until that was long ago."""
    quirks = Quirks()
    quirks.learn_too_wide(2 * BELIEVABLE, now=10)
    quirks.learn_too_wide(BELIEVABLE, now=20)
    quirks.learn_too_wide(3 * BELIEVABLE, now=20)
    assert quirks.too_wide == BELIEVABLE
    quirks.refresh(20 + LESSON_TRUST)
    assert quirks.too_wide is None


def test_a_narrow_window_is_believed_after_confirmations() -> None:
    """Given one mistaken refusal of a narrow window, later reads are not cut into crumbs."""
    quirks = Quirks()
    quirks.learn_too_wide(100, now=0)
    for _ in range(CONFIRMATIONS - 2):
        quirks.learn_too_wide(200, now=0)
    assert quirks.too_wide is None
    quirks.learn_too_wide(150, now=0)
    assert quirks.too_wide == 100


def test_an_accepted_window_contradicts_narrower_refusals() -> None:
    """Given a window of 150 that was accepted, refusals of 100 and 150 count no more."""
    quirks = Quirks()
    quirks.learn_too_wide(100, now=0)
    quirks.learn_too_wide(150, now=0)
    quirks.learn_accepted(150, age=0)
    quirks.learn_too_wide(200, now=0)
    assert quirks.too_wide is None


def test_an_accepted_window_contradicts_what_is_known() -> None:
    """Given a wider and older window that was accepted, nothing is too wide or too old any more."""
    quirks = Quirks()
    quirks.learn_too_wide(4000, now=0)
    quirks.learn_too_old(5000, now=0)
    quirks.learn_accepted(3999, age=5001)
    assert (quirks.too_wide, quirks.oldest_age) == (4000, 5000)
    quirks.learn_accepted(4000, age=5002)
    assert (quirks.too_wide, quirks.oldest_age) == (None, None)


def test_a_retention_is_forgotten_after_a_while() -> None:
    """Given a retention, it is tried again some hours later."""
    quirks = Quirks()
    quirks.learn_too_old(5000, now=10)
    quirks.refresh(9 + LESSON_TRUST)
    assert quirks.oldest_age == 5000
    quirks.refresh(10 + LESSON_TRUST)
    assert quirks.oldest_age is None


@pytest.mark.parametrize(("rows", "limit"), [(25, 1000), (64, None), (33, 33)])
def test_caps_are_round_numbers(rows: int, limit: int | None) -> None:
    """An API may cut its pages at multiples of five and of sixteen, and at the limit."""
    assert is_round(rows, limit)


def test_no_api_cuts_its_pages_at_odd_numbers() -> None:
    """A page of 37 rows was not cut, unless 37 were asked for."""
    assert not is_round(37, 1000)
    assert not is_round(37, None)


def test_a_retention_can_be_doubted() -> None:
    """Whoever asks for what was too old is not answered from memory."""
    quirks = Quirks()
    quirks.learn_too_old(5000, now=10)
    quirks.doubt_age()
    assert quirks.oldest_age is None
