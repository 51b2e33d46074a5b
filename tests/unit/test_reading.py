"""The page loop: what ends it, what is covered, what becomes a gap."""

from __future__ import annotations

import pytest

from tailer.core.pieces import Pieces
from tailer.core.progress import Gap
from tailer.core.quirks import PLAIN, Quirks
from tailer.core.reading import MAX_EMPTY_PAGES, MAX_PAGES, MAX_REQUESTS, Reading, density
from tailer.core.spans import Spans
from tailer.model import Event, EventsRequest, Page, Window
from tests.unit.scripted_reads import DAY, NOW, WINDOW, begin, events, finish, page


def test_a_request_is_wider_than_what_it_covers() -> None:
    """Given bounds that may be exclusive, a second is added at both ends."""
    read = begin(kind="Leave")
    assert read.next_request() == EventsRequest(NOW - 21, NOW + 1, None, "Leave", 1000)
    assert read.next_request() == read.next_request()


def test_a_short_page_without_cursor_covers_the_window() -> None:
    """Given one page of few rows, the window was read whole."""
    read = begin()
    assert len(finish(read, lambda _: page(3))) == 1
    assert read.result == Reading(rows=events(*[NOW - 10] * 3), covered=[WINDOW], pages=1)


def test_pages_are_turned_until_a_cursor_is_missing() -> None:
    """Given cursors, the rows of all pages are kept and the window is covered once."""
    read = begin()
    cursors = iter(["b", "c", None])
    asked = finish(read, lambda _: page(2, next(cursors)))
    assert [request.cursor for request in asked] == [None, "b", "c"]
    assert len(read.result.rows) == 6
    assert read.result.covered == [WINDOW]


def test_an_empty_page_with_a_cursor_is_not_the_end() -> None:
    """Given an empty page before a full one, both are read."""
    read = begin()
    pages = iter([page(0, "b"), page(5)])
    finish(read, lambda _: next(pages))
    assert len(read.result.rows) == 5


def test_a_repeated_cursor_is_the_end() -> None:
    """Given a last page that repeats a cursor, it is not asked for for ever."""
    read = begin()
    cursors = iter(["b", "c", "b"])
    assert len(finish(read, lambda _: page(2, next(cursors)))) == 3
    assert read.result.covered == [WINDOW]


@pytest.mark.parametrize(
    ("date", "end"), [(NOW - 3, NOW - 3), (NOW - 3.5, NOW - 4), (None, NOW), (NOW + 9, NOW)]
)
def test_coverage_ends_at_the_date_of_the_first_page(date: float | None, end: int) -> None:
    """Given an API whose clock is behind, nothing after its time is covered; later pages don't matter."""
    read = begin()
    pages = iter([page(2, "b", date=date), page(2, date=NOW + 60)])
    finish(read, lambda _: next(pages))
    assert read.result.covered == [(NOW - 20, end)]


def test_nothing_is_covered_before_its_time() -> None:
    """Given a date before the window, nothing is covered and nothing is a gap."""
    read = begin()
    finish(read, lambda _: page(1, date=NOW - 50))
    assert (read.result.covered, read.result.gaps) == ([], [])


def test_a_page_as_long_as_the_longest_is_halved() -> None:
    """Given a page without a cursor that no other is longer than, its halves are read, older first."""
    read = begin()
    asked = finish(read, lambda request: page(20 if request.end - request.start > 20 else 7))
    assert [(request.start, request.end) for request in asked] == [
        *[(NOW - 21, NOW + 1), (NOW - 21, NOW - 10), (NOW - 11, NOW + 1)]
    ]
    assert read.result.covered == [(NOW - 20, NOW - 10), (NOW - 10, NOW)]


def test_a_full_page_is_trusted_once_longer_ones_were_seen() -> None:
    """Given a longer page in an earlier read, the next one is not halved."""
    quirks = Quirks()
    finish(begin(quirks=quirks), lambda _: page(21))
    read = begin(quirks=quirks)
    assert len(finish(read, lambda _: page(20))) == 1


def test_a_second_that_is_never_whole_becomes_a_gap() -> None:
    """Given more events in a second than a page holds, and no cursor, its rows are kept and it is a gap."""
    crowded = NOW - 7

    def answer(request: EventsRequest) -> Page:
        return page(20 if request.start <= crowded < request.end else 1, at=crowded)

    read = begin()
    finish(read, answer)
    # its neighbours' requests reach into it: they can't be told from it
    assert read.result.gaps == [
        Gap(crowded, crowded + 1, "page cap"),
        Gap(crowded + 1, crowded + 2, "page cap"),
    ]
    assert Spans().update(read.result.covered).missing(*WINDOW) == [(crowded, crowded + 2)]
    assert len(read.result.rows) > 20


def paged(request: EventsRequest, rows: int, longest: int = 1000) -> Page:
    """Give pages of a second of `rows` events, by cursor."""
    begun = int(request.cursor or 0)
    end = min(begun + min(request.limit or longest, longest), rows)
    return Page(events(*[NOW - 10] * rows)[begun:end], end - begun, str(end) if end < rows else None, NOW)


@pytest.mark.parametrize("rows", [10, 20, 1000, 2000])
def test_a_full_second_is_whole_where_the_api_has_cursors(rows: int) -> None:
    """Given nothing but a burst whose page might have been cut, pages of one row less show that it wasn't."""
    read = begin()
    asked = finish(
        read, lambda request: paged(request, rows) if request.start <= NOW - 10 < request.end else page()
    )
    assert read.result.gaps == []
    assert Spans().update(read.result.covered) == Spans(((WINDOW.start, WINDOW.end),))
    assert {min(rows, 1000) - 1, 1000} == {request.limit for request in asked}


def test_smaller_pages_are_tried_once() -> None:
    """Given an API that cuts its pages without a word, wherever it is asked to, the second is a gap."""

    def answer(request: EventsRequest) -> Page:
        rows = min(20, request.limit or 0)
        return page(rows if request.start <= NOW - 10 < request.end else 0)

    read = begin()
    asked = finish(read, answer)
    assert {gap.reason for gap in read.result.gaps} == {"page cap"}
    assert [request.limit for request in asked].count(19) == len(read.result.gaps)


@pytest.mark.parametrize("refusals", [1, 2])
def test_a_refusal_of_smaller_pages_teaches_nothing(refusals: int) -> None:
    """Given a single mistake it is asked for again; given another it is a gap, and no form is tried."""
    left = refusals

    def answer(request: EventsRequest) -> Page | None:
        nonlocal left
        if request.limit != 1000 and left:
            left -= 1
            return None
        return paged(request, 20)

    quirks = Quirks()
    read = begin(Window(NOW - 10, NOW - 9), quirks)
    assert len(finish(read, answer)) == 3 + (refusals == 1)
    assert [gap.reason for gap in read.result.gaps] == (["page cap"] if refusals > 1 else [])
    assert quirks.form == PLAIN


def test_an_odd_number_of_rows_in_a_second_is_whole() -> None:
    """Given a second with a number of rows at which no API cuts, it is covered."""
    read = begin()
    finish(read, lambda request: page(21 if request.start <= NOW - 7 < request.end else 1))
    assert read.result.gaps == []
    assert Spans().update(read.result.covered) == Spans(((WINDOW.start, WINDOW.end),))


def test_a_total_count_spares_the_halving() -> None:
    """Given `count` as a total that agrees with the distinct rows, the last page is trusted."""
    first = Page(events(*range(NOW - 20, NOW)), 40, "b", NOW)
    rest = Page([Event(e.t, e.n + 100, e.k, e.a) for e in first.events], 40, None, NOW)
    pages = iter([first, rest])
    read = begin()
    assert len(finish(read, lambda _: next(pages))) == 2


def test_a_total_count_that_disagrees_is_no_end() -> None:
    """Given pages that shifted, so that rows came twice, the missing ones are looked for."""
    first = Page(events(*range(NOW - 20, NOW)), 40, "b", NOW)
    pages = iter([first, Page(first.events, 40, None, NOW), page(9), page(9)])
    read = begin()
    assert len(finish(read, lambda _: next(pages))) == 4


def test_endless_empty_pages_come_to_an_end() -> None:
    """Given a new cursor for ever and no rows, seconds become gaps after a bounded number of requests."""
    read = begin(Window(NOW - 2, NOW))
    numbers = iter(range(10_000))
    asked = finish(read, lambda _: page(0, str(next(numbers))), at_most=3 * MAX_EMPTY_PAGES)
    assert len(asked) == 3 * MAX_EMPTY_PAGES
    assert [gap.reason for gap in read.result.gaps] == ["page cap", "page cap"]


def test_endless_pages_come_to_an_end() -> None:
    """Given a new cursor for ever, a second is given up after `MAX_PAGES`."""
    read = begin(Window(NOW - 1, NOW))
    numbers = iter(range(10_000))
    asked = finish(read, lambda _: page(1, str(next(numbers))), at_most=MAX_PAGES)
    assert len(asked) == MAX_PAGES
    assert read.result.gaps == [Gap(NOW - 1, NOW, "page cap")]


def test_very_many_rows_are_read_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more rows than are held at once, the window is halved, a single second is not."""
    monkeypatch.setattr("tailer.core.reading.MAX_ROWS", 30)
    numbers = iter(range(1000))

    def answer(request: EventsRequest) -> Page:
        turns = 9 if request.cursor is None else int(request.cursor.split("-")[0])
        return page(9, f"{turns - 1}-{next(numbers)}" if turns else None)

    read = begin(Window(NOW - 2, NOW))
    asked = finish(read, answer)
    assert [request.cursor for request in asked].count(None) == 3
    assert read.result.covered == [(NOW - 2, NOW - 1), (NOW - 1, NOW)]


def test_a_read_of_too_many_requests_is_left_off() -> None:
    """Given an API that never ends any piece, the read does, and says so."""
    read = begin(Window(NOW - DAY, NOW))
    numbers = iter(range(MAX_REQUESTS + 1))
    asked = finish(read, lambda _: page(0, str(next(numbers))), at_most=MAX_REQUESTS)
    assert len(asked) == MAX_REQUESTS
    assert read.result.dense


@pytest.mark.parametrize(("rows", "dense"), [(30, True), (20, False)])
def test_a_dense_window_is_left_off_after_its_first_page(rows: int, dense: bool) -> None:
    """Given a first page that spans a second of twenty, as much again is expected of each other second."""
    read = begin(max_rows=500)
    pages = iter([page(rows, "b"), page(1)])
    finish(read, lambda _: next(pages))
    assert read.result.dense is dense
    assert len(read.result.rows) == rows + (0 if dense else 1)


def test_a_dense_window_is_left_off_when_its_pages_add_up() -> None:
    """Given pages whose order hides the density, the rows that came are counted."""
    read = begin(max_rows=50)
    numbers = iter(range(100))

    def answer(_: EventsRequest) -> Page:
        number = next(numbers)
        return Page(events(*range(NOW - 20, NOW)), 20, str(number), NOW)

    assert len(finish(read, answer)) == 3
    assert read.result.dense
    assert read.result.covered == []


def test_a_dense_window_without_cursors_keeps_what_was_covered() -> None:
    """Given pages that are cut without a cursor, the read leaves off after some progress."""
    read = begin(max_rows=30)
    finish(read, lambda request: page(20 if request.end - request.start > 12 else 11))
    assert read.result.dense
    assert read.result.covered == [(NOW - 20, NOW - 10)]


def test_a_single_second_is_never_too_dense() -> None:
    """Given the smallest window, its pages are read however many rows there are."""
    read = begin(Window(NOW - 1, NOW), max_rows=5)
    pages = iter([page(9, "b"), page(9, "c"), page(3)])
    finish(read, lambda _: next(pages))
    assert not read.result.dense
    assert read.result.covered == [(NOW - 1, NOW)]


def test_what_is_unreadable_is_not_asked_for() -> None:
    """Given known gaps, the read goes around them."""
    read = begin(skip=Spans(((NOW - 15, NOW - 10),)))
    asked = finish(read, lambda _: page())
    assert [(request.start, request.end) for request in asked] == [
        (NOW - 21, NOW - 15),
        (NOW - 11, NOW + 1),
    ]
    assert read.result.covered == [(NOW - 20, NOW - 15), (NOW - 10, NOW)]


def test_density_is_rows_by_time() -> None:
    """Density counts events per second of their own span, of a second at least."""
    assert density(events(1)) == 0.0
    assert density(events(1, 3, 5)) == 0.75
    assert density(events(1, 1, 1)) == 3.0


def test_a_single_second_is_not_cut() -> None:
    """A piece of one second that is not whole is a gap."""
    pieces = Pieces([(3, 5)])
    pieces.halve("page cap")
    pieces.halve("page cap")
    assert pieces.gaps == [Gap(3, 4, "page cap")]
    assert [(piece.start, piece.end) for piece in pieces.stack] == [(4, 5)]


def test_the_longest_full_page_is_told() -> None:
    """Given pages that others follow, the longest of them tells how many rows a page has."""
    read = begin()
    for rows, cursor in ((7, "b"), (9, "c"), (12, None)):
        read.next_request()
        read.feed(page(rows, cursor))
    assert read.result.page_rows == 9


def test_a_read_that_is_left_off_keeps_what_it_has() -> None:
    """Given a second page to come, leaving off covers nothing, keeps the rows and asks for nothing more."""
    read = begin()
    assert read.next_request() is not None
    read.feed(page(7, "b"))
    read.leave_off()
    assert read.next_request() is None
    assert (len(read.result.rows), read.result.covered, read.result.dense) == (7, [], True)


def test_neither_a_second_nor_a_search_can_be_divided() -> None:
    """Given a single second that has begun, or a refused request, no smaller read would do better."""
    second = begin(Window(NOW - 1, NOW))
    told = [second.is_divisible]
    second.next_request()
    second.feed(page(7, "b"))
    told.append(second.is_divisible)
    refused = begin()
    refused.next_request()
    refused.refuse()
    told.append(refused.is_divisible)
    whole = begin()
    whole.next_request()
    whole.feed(page(7))
    told.append(whole.is_divisible)
    assert told == [True, False, False, False]
