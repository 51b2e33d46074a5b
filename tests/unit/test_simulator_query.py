from typing import Any

import msgspec
import pytest

from tailer.simulator.answers import EventPage
from tailer.simulator.options import SimulatorOptions
from tailer.simulator.query import RefusedError, read_page, read_question
from tailer.simulator.shelf import Event, Shelf

NOW = 1000.0


def shelf_of(*rows: tuple[int, int, float, float], filter_on: Any = "t") -> Shelf:
    """A shelf from (t, n, a, visible_at)."""
    shelf = Shelf(filter_on)
    shelf.add(
        (Event(a=a, k="Init" if n else "Reconcile", n=n, t=t), visible_at) for t, n, a, visible_at in rows
    )
    return shelf


def simple_shelf(*times: int, filter_on: Any = "t") -> Shelf:
    """A shelf with one prompt event at each time, the second with the same time having n = 1."""
    rows = [(t, times[:place].count(t), float(t), float(t)) for place, t in enumerate(times)]
    return shelf_of(*rows, filter_on=filter_on)


def ask(shelf: Shelf, now: float = NOW, chosen: dict[str, Any] | None = None, **query: str) -> EventPage:
    """One page for ``from_=..., to=...`` and so on."""
    options = SimulatorOptions(**(chosen or {}))
    named = {name.rstrip("_"): value for name, value in query.items()}
    return read_page(read_question(named, options, now), shelf, options, now)


def times(page: EventPage) -> list[float]:
    """The times of a page's rows."""
    return [row.t for row in page.items]


def read_all(shelf: Shelf, limit: int, **chosen: Any) -> tuple[list[tuple[float, float]], list[int], Any]:
    """Follow the cursors to the end: (rows as (t, n), the length of each page, the last cursor)."""
    rows: list[tuple[float, float]] = []
    lengths: list[int] = []
    query: dict[str, Any] = {"from_": "0", "to": "999", "limit": str(limit)}
    while True:
        page = ask(shelf, chosen=chosen, **query)
        rows += [(row.t, row.n) for row in page.items]
        lengths.append(len(page.items))
        assert len(lengths) < 50
        if not isinstance(page.cursor, str) or page.cursor in {"", query.get("cursor")}:
            return rows, lengths, page.cursor
        query["cursor"] = page.cursor


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        ("closed", [10, 10, 20, 30, 30]),
        ("open", [20]),
        ("half-open", [10, 10, 20]),
        ("half-open-end", [20, 30, 30]),
    ],
)
def test_bounds_include_the_chosen_ends(bounds: str, found: list[int]) -> None:
    """Each of the four readings of from and to is offered, ties included."""
    shelf = simple_shelf(5, 10, 10, 20, 30, 30, 31)
    assert times(ask(shelf, chosen={"bounds": bounds}, from_="10", to="30")) == found


def test_empty_window_between_ties_finds_nothing() -> None:
    """A window of no width with both ends excluded is empty, not upside down."""
    assert times(ask(simple_shelf(10, 10), chosen={"bounds": "open"}, from_="10", to="10")) == []


def test_window_filters_on_the_time_collected_when_asked() -> None:
    """The window may filter on a, with what was collected late in its place."""
    shelf = shelf_of((10, 0, 10, 10), (11, 0, 50, 50), filter_on="a")
    shelf.add([(Event(a=20, k="Init", n=0, t=20), 20.0)])
    assert times(ask(shelf, chosen={"filter_on": "a"}, from_="15", to="60")) == [20, 11]


def test_invisible_events_are_not_shown() -> None:
    """An event is found only once it is visible, wherever it stands."""
    shelf = shelf_of((10, 0, 10, 10), (11, 0, 11, 500), (12, 0, 12, 12), (13, 0, 13, 13))
    assert times(ask(shelf, now=13, from_="0", to="99")) == [10, 12, 13]
    assert times(ask(shelf, now=499, from_="11", to="12")) == [12]
    assert times(ask(shelf, now=500, from_="0", to="99")) == [10, 11, 12, 13]


def test_events_added_later_do_not_reveal_earlier_ones() -> None:
    """A hidden event stays hidden when younger, visible ones join it on the shelf."""
    shelf = shelf_of((10, 0, 10, 500))
    shelf.add([(Event(a=11, k="Init", n=0, t=11), 11.0)])
    assert times(ask(shelf, now=13, from_="0", to="99")) == [11]


@pytest.mark.parametrize("order", ["asc", "desc", "shuffled"])
@pytest.mark.parametrize("empty_pages", [False, True])
@pytest.mark.parametrize("shifting_pages", [False, True])
def test_pages_hold_every_row_once_in_the_chosen_order(
    order: str, empty_pages: bool, shifting_pages: bool
) -> None:
    """Whatever the manners, the pages of a still window hold each row exactly once."""
    # Three of a time, so that in either direction a page ends among equals.
    shelf = simple_shelf(*(100 + place // 3 for place in range(43)))
    rows, lengths, _ = read_all(
        shelf, 10, order=order, empty_pages=empty_pages, shifting_pages=shifting_pages
    )
    ascending = [(event.t, event.n) for event, _ in shelf]
    if order == "shuffled":
        assert rows != ascending
        assert rows != ascending[::-1]
        assert sorted(rows) == ascending
    else:
        assert rows == (ascending if order == "asc" else ascending[::-1])
    full = [10, 10, 10, 10, 3]
    assert lengths == ([length for page in full for length in (0, page)] if empty_pages else full)


@pytest.mark.parametrize("order", ["asc", "desc", "shuffled"])
def test_overlapping_pages_repeat_rows_and_lose_none(order: str) -> None:
    """A page of nine begins with the last three of the page before; the first and the end are as ever."""
    shelf = simple_shelf(*range(100, 130))
    rows, lengths, _ = read_all(shelf, 9, order=order, overlapping_pages=True)
    assert {t for t, _ in rows} == set(range(100, 130))
    assert lengths == [9, 9, 9, 9, 6]
    assert rows[9:12] == rows[6:9]


@pytest.mark.parametrize(
    ("form", "last"), [("absent", msgspec.UNSET), ("null", None), ("empty", ""), ("repeated", "itself")]
)
def test_last_cursor_has_the_chosen_form(form: str, last: Any) -> None:
    """After the last page the cursor is left out, null, empty, or the request's own again."""
    rows, lengths, cursor = read_all(simple_shelf(1, 2, 3, 4), 2, cursor_end=form)
    assert (len(rows), lengths) == (4, [2, 2])
    assert (cursor == last) if last != "itself" else (isinstance(cursor, str) and cursor)


def test_repeated_cursor_of_a_single_page_leads_to_an_empty_one() -> None:
    """Where no cursor was sent that could be repeated, the new one leads nowhere, for ever."""
    rows, lengths, cursor = read_all(simple_shelf(1, 2), 5, cursor_end="repeated")
    assert (rows, lengths) == ([(1, 0), (2, 0)], [2, 0])
    assert cursor


def test_page_cap_has_no_cursor() -> None:
    """A server without cursors gives the first page and hides the rest."""
    page = ask(simple_shelf(1, 2, 3), chosen={"no_cursor": True}, from_="0", to="9", limit="2")
    assert (times(page), page.cursor) == ([1, 2], msgspec.UNSET)


def test_new_events_shift_pages_only_where_asked() -> None:
    """An event that becomes visible between two pages shifts offset pages, and only those."""
    for shifting, expected in ((True, [4, 3]), (False, [3, 2])):
        chosen = {"order": "desc", "shifting_pages": shifting}
        shelf = shelf_of((2, 0, 2, 2), (3, 0, 3, 3), (4, 0, 4, 4), (5, 0, 5, 5), (6, 0, 6, 100))
        first = ask(shelf, now=50, chosen=chosen, from_="0", to="9", limit="2")
        assert times(first) == [5, 4]
        assert isinstance(first.cursor, str)
        second = ask(shelf, now=100, chosen=chosen, from_="0", to="9", limit="2", cursor=first.cursor)
        assert times(second) == expected


def test_count_is_of_the_page_or_of_the_window() -> None:
    """``count`` is the rows of the page, or of the whole window."""
    shelf = simple_shelf(1, 2, 3)
    assert ask(shelf, from_="0", to="9", limit="2").count == 2
    assert ask(shelf, chosen={"count": "total"}, from_="0", to="9", limit="2").count == 3
    count = ask(shelf, chosen={"float_numbers": True}, from_="0", to="9").count
    assert isinstance(count, float)


def test_kind_filters() -> None:
    """``k`` leaves only rows of that kind, and the cursor goes on with it."""
    shelf = simple_shelf(1, 1, 2, 2)
    first = ask(shelf, from_="0", to="9", k="Init", limit="1")
    assert isinstance(first.cursor, str)
    second = ask(shelf, from_="0", to="9", k="Init", limit="1", cursor=first.cursor)
    assert [(row.t, row.n) for row in (*first.items, *second.items)] == [(1, 1), (2, 1)]


@pytest.mark.parametrize(
    ("chosen", "query"),
    [
        ({}, {"to": "9"}),
        ({}, {"from_": "0"}),
        ({}, {"from_": "x", "to": "9"}),
        ({}, {"from_": "0", "to": "inf"}),
        ({}, {"from_": "9", "to": "0"}),
        ({}, {"from_": "0", "to": "9", "limit": "0"}),
        ({}, {"from_": "0", "to": "9", "limit": "1.5"}),
        ({}, {"from_": "0", "to": "9", "cursor": "no cursor"}),
        ({}, {"from_": "0", "to": "9", "cursor": "AAAA"}),
        ({"refuse_limit": True}, {"from_": "0", "to": "9", "limit": "5"}),
        ({"over_limit": "refuse"}, {"from_": "0", "to": "9", "limit": "1001"}),
        ({"refuse_future": True}, {"from_": "0", "to": "1000.5"}),
        ({"max_width": 100.0}, {"from_": "0", "to": "101"}),
        ({"retention": 100.0}, {"from_": "899", "to": "950"}),
        ({"unknown_kind": "refuse"}, {"from_": "0", "to": "9", "k": "Nonsense"}),
    ],
)
def test_disliked_questions_are_refused(chosen: dict[str, Any], query: dict[str, Any]) -> None:
    """What is malformed, or not liked by the options, is refused."""
    with pytest.raises(RefusedError):
        ask(simple_shelf(1), chosen=chosen, **query)


@pytest.mark.parametrize(
    ("chosen", "query"),
    [
        ({}, {"from_": "0", "to": "9", "limit": "99999"}),
        ({}, {"from_": "0.0", "to": "1e3", "limit": "5.0"}),
        ({}, {"from_": "0", "to": "9", "cursor": ""}),
        ({"refuse_limit": True}, {"from_": "0", "to": "9"}),
        ({"over_limit": "refuse"}, {"from_": "0", "to": "9", "limit": "1000"}),
        ({"refuse_future": True}, {"from_": "0", "to": "1000"}),
        ({"max_width": 100.0}, {"from_": "0", "to": "100"}),
        ({"retention": 1000.0}, {"from_": "0", "to": "950"}),
    ],
)
def test_what_is_just_allowed_is_answered(chosen: dict[str, Any], query: dict[str, Any]) -> None:
    """What keeps to the bounds, to the last second, is answered."""
    assert times(ask(simple_shelf(1), chosen=chosen, **query)) == [1]


def test_limits_are_defaulted_and_lowered() -> None:
    """A page has the default length, or the asked one up to the maximum."""
    shelf = simple_shelf(*range(100))
    chosen = {"default_limit": 7, "max_limit": 20}
    assert len(ask(shelf, chosen=chosen, from_="0", to="999").items) == 7
    assert len(ask(shelf, chosen=chosen, from_="0", to="999", limit="8").items) == 8
    assert len(ask(shelf, chosen=chosen, from_="0", to="999", limit="500").items) == 20


def test_old_part_of_a_window_is_cut_where_asked() -> None:
    """Beyond the retention a window may silently hold nothing, and its cursors still fit it."""
    shelf = simple_shelf(*range(890, 910))
    chosen = {"retention": 100.0, "over_retention": "cut"}
    first = ask(shelf, chosen=chosen, from_="0", to="999", limit="5")
    assert times(first) == [900, 901, 902, 903, 904]
    assert isinstance(first.cursor, str)
    assert times(ask(shelf, now=1001, chosen=chosen, from_="0", to="999", cursor=first.cursor))[0] == 905


@pytest.mark.parametrize("change", [{"from_": "1"}, {"to": "98"}, {"k": "Init"}])
def test_cursor_is_bound_to_its_question(change: dict[str, Any]) -> None:
    """A cursor of another window or kind is refused."""
    shelf = simple_shelf(1, 2, 3)
    query: dict[str, Any] = {"from_": "0", "to": "99", "limit": "1"}
    cursor = ask(shelf, **query).cursor
    assert isinstance(cursor, str)
    with pytest.raises(RefusedError):
        ask(shelf, **{**query, **change, "cursor": cursor})


def test_cursor_expires() -> None:
    """A cursor is refused from the moment it has reached its age, counted from the first page."""
    shelf = simple_shelf(1, 2, 3, 4)
    query: dict[str, Any] = {"from_": "0", "to": "99", "limit": "1"}
    chosen = {"cursor_ttl": 30.0}
    first = ask(shelf, now=NOW, chosen=chosen, **query).cursor
    assert isinstance(first, str)
    second = ask(shelf, now=NOW + 29.9, chosen=chosen, **query, cursor=first).cursor
    assert isinstance(second, str)
    with pytest.raises(RefusedError):
        ask(shelf, now=NOW + 30, chosen=chosen, **query, cursor=second)
