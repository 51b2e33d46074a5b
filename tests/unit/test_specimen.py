from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailer.core.specimen import (
    Search,
    Specimen,
    Walk,
    find_bounds,
    find_count,
    find_cursor_end,
    find_empty_pages,
    find_filter,
    find_missing_cursor,
    find_order,
    find_overlap,
    has_other,
    pick_lagging,
)
from tailer.model import Event


def events(*times: float, lag: float = 0.0) -> tuple[Event, ...]:
    """Events at some times, each collected `lag` later."""
    return tuple(Event(t=time, n=0, k="Init", a=time + lag) for time in times)


def page(*times: float, count: int | None = None, cursor: str | None = None) -> Specimen:
    """A page with a row for each time."""
    rows = len(times) if count is None else count
    return Specimen(
        events=events(*times), count=rows, cursor=cursor, cursor_form="text" if cursor else "absent"
    )


def walk(*pages: Specimen, is_whole: bool = True, is_repeated: bool = False) -> Walk:
    """Pages of one window."""
    return Walk(pages, is_whole, is_repeated)


@pytest.mark.parametrize(
    ("times", "order"),
    [
        ((1, 2, 2, 3, 4, 5, 6), ("asc", "t")),
        ((6, 5, 4, 3, 2, 1), ("desc", "t")),
        ((1, 2, 3, 6, 5, 4), ("shuffled", "t")),
        ((1, 2, 3, 4, 5), None),
        ((1, 1, 1, 1, 1, 1), None),
    ],
)
def test_order_needs_enough_different_times(times: Sequence[int], order: object) -> None:
    """An order is told from six different times on, for fewer may be sorted by chance."""
    assert find_order(events(*times)) == order


def test_order_may_be_that_of_the_collection() -> None:
    """Rows that are not sorted by the time recorded may be by the other one."""
    rows = [Event(t=t, n=0, k="Init", a=a) for a, t in enumerate((9, 1, 5, 2, 3, 4))]
    assert find_order(rows) == ("asc", "a")
    assert find_order(rows[::-1]) == ("desc", "a")


def test_end_needs_a_page_before_it() -> None:
    """What the last page's cursor is, is told only if it was not the only page, and the end was reached."""
    first, last = page(1, cursor="x"), page(2)
    assert find_cursor_end(walk(first, last)) == "absent"
    assert find_cursor_end(walk(first, Specimen(cursor_form="null"))) == "null"
    assert find_cursor_end(walk(first, page(2, cursor="x"), is_repeated=True)) == "repeated"
    assert find_cursor_end(walk(last)) is None
    assert find_cursor_end(walk(first, first, is_whole=False)) is None


@pytest.mark.parametrize(
    ("first", "known", "told"),
    [(page(1, 2), 2, None), (page(1, 2), 3, True), (page(1, 2, cursor="x"), 3, False)],
)
def test_cursor_is_missed_where_more_is_known(first: Specimen, known: int, told: bool | None) -> None:
    """Only a page with fewer events than are known shows whether a cut page has a cursor."""
    assert find_missing_cursor(first, known) is told


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        ([page(1)], None),
        ([page(1), page(2)], False),
        ([page(1), page()], False),
        ([page(), page(2)], True),
        ([page(), page()], False),
    ],
)
def test_empty_pages_count_before_others(pages: list[Specimen], told: bool | None) -> None:
    """An empty page at the end is an end; one before rows is not."""
    assert find_empty_pages(walk(*pages)) is told


def test_rows_that_come_again_are_noticed() -> None:
    """A page's rows on another page are an overlap; a single page has none to have it with."""
    assert find_overlap(walk(page(1, 2), page(2, 3))) is True
    assert find_overlap(walk(page(1, 2), page(3))) is False
    assert find_overlap(walk(page(1, 2))) is None


@pytest.mark.parametrize(
    ("counts", "is_whole", "told"),
    [((2, 1), True, "page"), ((3, 3), True, "total"), ((9, 9), True, "other"), ((2, 1), False, None)],
)
def test_count_is_compared_with_page_and_window(
    counts: tuple[int, int], is_whole: bool, told: str | None
) -> None:
    """The window must have been read to its end for that."""
    pages = page(1, 2, count=counts[0]), page(3, count=counts[1])
    assert find_count(walk(*pages, is_whole=is_whole)) == told


def test_count_of_a_single_page_tells_nothing() -> None:
    """Where the page is the window, both are the same."""
    assert find_count(walk(page(1, 2))) is None


@pytest.mark.parametrize(
    ("has_start", "has_end", "bounds"),
    [
        (True, True, "closed"),
        (True, False, "half-open"),
        (False, True, "half-open-end"),
        (False, False, "open"),
    ],
)
def test_bounds_are_named_by_what_is_inside(has_start: bool, has_end: bool, bounds: str) -> None:
    """Four answers to two questions."""
    assert find_bounds(has_start=has_start, has_end=has_end) == bounds


@pytest.mark.parametrize(
    ("by_t", "by_a", "field"), [(True, False, "t"), (False, True, "a"), (True, True, None)]
)
def test_filter_is_the_time_whose_window_has_the_event(by_t: bool, by_a: bool, field: str | None) -> None:
    """Where both windows have it, or none, nothing is told."""
    assert find_filter(by_t=by_t, by_a=by_a) == field


def test_other_events_are_those_that_are_not_known() -> None:
    """More than what is known counts, less does not."""
    assert has_other(events(1, 2), events(1))
    assert not has_other(events(1), events(1, 2))


def test_event_with_the_longest_way_is_picked() -> None:
    """It must be a second at least, whichever of the two times comes first."""
    far = Event(t=9, n=0, k="Init", a=2)
    assert pick_lagging([*events(1, lag=5.0), far]) is far
    assert pick_lagging(events(1, lag=0.9)) is None
    assert pick_lagging(()) is None


ROUND = (10.0, 50.0, 100.0, 500.0, 1000.0)


def searched(limit: float, search: Search) -> int:
    """Search for a limit; return how many values were tried."""
    tried = 0
    while (value := search.next()) is not None:
        search.learn(value, accepted=value <= limit)
        tried += 1
    return tried


@given(st.integers(1, 9_999))
def test_any_limit_is_found_exactly(limit: int) -> None:
    """Whole numbers are found to the unit, in about as many steps as halving takes."""
    search = Search(1, 10_000, ROUND, lambda _: 1)
    assert searched(limit, search) <= 17
    assert search.accepted == limit


@pytest.mark.parametrize("limit", ROUND)
def test_round_limit_is_found_soon(limit: float) -> None:
    """What people choose is tried first."""
    search = Search(1, 10_000, ROUND, lambda _: 1)
    assert searched(limit, search) <= 4
    assert search.accepted == limit


def test_fractions_are_found_too() -> None:
    """Below a unit the rest is halved without rounding."""
    search = Search(0.0, 1.0, (), lambda _: 0.25)
    searched(0.6, search)
    assert (search.accepted, search.refused) == (0.5, 0.75)


def test_roundest_value_of_what_is_left_is_told() -> None:
    """Of all values that fit, the one that a person would have chosen; else the highest accepted one."""
    assert Search(7150, 7210, (), lambda _: 60).roundest((86_400, 3600, 60)) == 7200
    assert Search(7201, 7203, (), lambda _: 2).roundest((3600, 60)) == 7201
