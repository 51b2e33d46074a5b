"""What a plain 400 leads to: other forms, narrower windows, the end of retention, or a gap."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tailer.core.progress import Gap
from tailer.core.quirks import CLOCK_DOUBT, END_LAG, PLAIN, Form, Quirks
from tailer.core.reading import Reading
from tailer.core.spans import Spans
from tailer.model import EventsRequest, Page, Window
from tests.unit.scripted_reads import DAY, NOW, WINDOW, begin, finish, page

NO_PAD = Form(pad_end=False)


def refusing(
    *,
    longest: int | None = None,
    kept: int | None = None,
    to: float | None = None,
    limit: int | None = None,
    poison: int | None = None,
) -> Callable[[EventsRequest], Page | None]:
    """Give an API that refuses by width, age, end, limit, or what includes one second."""

    def answer(request: EventsRequest) -> Page | None:
        refused = (
            (longest is not None and request.end - request.start > longest)
            or (kept is not None and request.start < NOW - kept)
            or (to is not None and request.end > to)
            or (limit is not None and request.limit is not None and request.limit > limit)
            or (poison is not None and request.start <= poison < request.end)
        )
        return None if refused else page(1)

    return answer


def test_a_stray_refusal_is_answered_by_the_same_again() -> None:
    """Given one 400 without a reason, nothing is learned."""
    quirks = Quirks()
    read = begin(quirks=quirks)
    strays = iter([None, page(1)])
    asked = finish(read, lambda _: next(strays))
    assert asked[0] == asked[1]
    assert quirks.form == PLAIN
    assert read.result.covered == [WINDOW]


@pytest.mark.parametrize(
    ("answer", "form", "end"),
    [
        (refusing(to=NOW), Form(pad_end=False), NOW),
        (refusing(limit=100), Form(send_limit=False), NOW),
        (refusing(to=NOW - 1), Form(lag=CLOCK_DOUBT), NOW - CLOCK_DOUBT),
        (refusing(to=NOW - 30), Form(lag=END_LAG), NOW - END_LAG),
        (refusing(to=NOW, limit=100), Form(pad_end=False, send_limit=False), NOW),
        (refusing(to=NOW - 1, limit=100), Form(send_limit=False, lag=CLOCK_DOUBT), NOW - CLOCK_DOUBT),
        (refusing(to=NOW - 30, limit=100), Form(send_limit=False, lag=END_LAG), NOW - END_LAG),
    ],
)
def test_the_form_that_is_accepted_is_learned(
    answer: Callable[[EventsRequest], Page | None], form: Form, end: int
) -> None:
    """Given bounds or limits that are not liked, the deviation that helps is found once and kept."""
    quirks = Quirks()
    window = Window(NOW - 100, NOW)
    read = begin(window, quirks)
    assert len(finish(read, answer)) <= 9
    assert quirks.form == form
    assert read.result.covered == [(NOW - 100, end)]
    assert len(finish(begin(window, quirks), answer)) == 1


def test_what_lies_within_the_lag_is_left_for_later() -> None:
    """Given an API that refuses the last minute, a window within it is not asked for."""
    quirks = Quirks()
    finish(begin(Window(NOW - 100, NOW), quirks), refusing(to=NOW - 30))
    read = begin(WINDOW, quirks)
    assert finish(read, refusing(to=NOW - 30)) == []
    assert read.result == Reading()


def test_a_form_stays_the_same_from_page_to_page() -> None:
    """Given a read beside this one that learns another form, this piece's requests and coverage stay."""
    quirks = Quirks()
    read = begin(Window(NOW - 100, NOW), quirks)
    before = read.next_request()
    quirks.learn(Form(lag=END_LAG), 1000, page(1), NOW)
    assert read.next_request() == before
    read.feed(page(1, "b"))
    finish(read, lambda _: page(1))
    assert read.result.covered == [(NOW - 100, NOW)]


def test_a_window_too_wide_is_read_in_parts() -> None:
    """Given an API that refuses wide windows, all is covered, and the next read asks for no more at once."""
    quirks = Quirks()
    window = Window(NOW - 2 * DAY, NOW)
    read = begin(window, quirks)
    finish(read, refusing(longest=DAY))
    assert Spans().update(read.result.covered) == Spans(((window.start, window.end),))
    assert read.result.gaps == []
    again = finish(begin(window, quirks), refusing(longest=DAY))
    assert len(again) == 4


def test_narrow_windows_are_learned_within_one_read() -> None:
    """Given an API that allows ten minutes at once, the second read wastes no request."""
    quirks = Quirks()
    window = Window(NOW - 7200, NOW)
    finish(begin(window, quirks), refusing(longest=600))
    again = finish(begin(window, quirks), refusing(longest=600))
    assert len(again) == 16


@pytest.mark.parametrize("kept", [DAY, 30 * 3600 + 17])
def test_the_end_of_retention_is_found_and_kept(kept: int) -> None:
    """Given an API that keeps less than is asked for, the rest is a gap, to a minute, and that is learned."""
    quirks = Quirks()
    window = Window(NOW - 2 * DAY, NOW)
    read = begin(window, quirks)
    finish(read, refusing(kept=kept), at_most=60)
    covered = Spans().update(read.result.covered)
    gaps = Spans().update((gap.start, gap.end) for gap in read.result.gaps)
    assert {gap.reason for gap in read.result.gaps} == {"too old"}
    assert gaps.items[0][0] == window.start
    assert NOW - kept <= gaps.items[0][1] <= NOW - kept + 61
    assert covered.items == ((gaps.items[0][1], NOW),)
    assert len(finish(begin(window, quirks), refusing(kept=kept))) == 1
    read = begin(Window(NOW - 2 * DAY, NOW - 2 * DAY + 100), quirks)
    assert finish(read, refusing(kept=kept)) == []
    assert read.result.gaps == [Gap(NOW - 2 * DAY, NOW - 2 * DAY + 100, "too old")]


def test_a_window_older_than_all_that_is_kept_is_a_gap() -> None:
    """Given a window wholly before what is kept, a control tells that the API is well, and it is a gap."""
    quirks = Quirks()
    window = Window(NOW - 3 * DAY, NOW - 2 * DAY)
    read = begin(window, quirks)
    asked = finish(read, refusing(kept=DAY, limit=100), at_most=70)
    assert not read.result.refused
    assert Spans().update((gap.start, gap.end) for gap in read.result.gaps) == Spans(
        ((window.start, window.end),)
    )
    assert {gap.reason for gap in read.result.gaps} == {"too old"}
    assert all(request.start >= window.start - 1 for request in asked)
    assert read.result.rows == []


def test_an_api_that_refuses_all_leaves_no_gap() -> None:
    """Given 400 for whatever is asked, the poll has failed and nothing is lost."""
    for window in (WINDOW, Window(NOW - 500, NOW), Window(NOW - 5000, NOW - 4000)):
        read = begin(window, quirks := Quirks())
        finish(read, lambda _: None, at_most=120)
        assert read.result == Reading(refused=True)
        assert (quirks.form, quirks.oldest_age, quirks.too_wide) == (PLAIN, None, None)


def test_a_second_that_is_always_refused_is_a_small_gap() -> None:
    """Given one second that makes the API stumble, a minute or two are lost and no age is believed."""
    quirks = Quirks()
    window = Window(NOW - 2 * DAY, NOW)
    read = begin(window, quirks)
    finish(read, refusing(poison=NOW - DAY), at_most=100)
    gaps = Spans().update((gap.start, gap.end) for gap in read.result.gaps)
    assert {gap.reason for gap in read.result.gaps} == {"refused"}
    assert NOW - DAY in gaps
    assert gaps.size <= 121
    assert quirks.oldest_age is None
    assert Spans().update(read.result.covered).update(gaps) == Spans(((window.start, window.end),))


def test_a_refused_head_behind_an_accepted_part_tries_other_forms() -> None:
    """Given a known gap before the head, the head's refusal is not taken for old age."""
    quirks = Quirks()
    read = begin(Window(NOW - 300, NOW), quirks, skip=Spans(((NOW - 200, NOW - 150),)))
    finish(read, refusing(to=NOW))
    assert read.result.gaps == []
    assert read.result.covered == [(NOW - 300, NOW - 200), (NOW - 150, NOW)]
    assert quirks.form == NO_PAD


def test_a_wide_head_that_ends_too_near_is_read_but_for_its_end() -> None:
    """Given that both the width and the end are refused, what lies before the last minute is read."""
    read = begin(Window(NOW - 400, NOW))
    answer = refusing(to=NOW - 30, longest=150)
    finish(read, answer, at_most=60)
    assert not read.result.refused
    assert read.result.gaps == []
    assert Spans().update(read.result.covered).items[0][0] == NOW - 400


def test_an_expired_cursor_starts_the_piece_again() -> None:
    """Given a cursor that is refused twice, the piece begins anew, and after the third time in halves."""
    read = begin()

    def answer(request: EventsRequest) -> Page | None:
        if request.cursor is not None:
            return None
        return page(2, "b") if request.end - request.start > 15 else page(2)

    asked = finish(read, answer)
    assert [request.cursor for request in asked] == [None, "b", "b"] * 3 + [None, None]
    assert read.result.covered == [(NOW - 20, NOW - 10), (NOW - 10, NOW)]


def test_a_second_whose_cursor_always_expires_is_a_gap() -> None:
    """Given a single second that can't be read to its end, it is a gap."""
    read = begin(Window(NOW - 1, NOW))
    finish(read, lambda request: page(2, "b") if request.cursor is None else None)
    assert read.result.gaps == [Gap(NOW - 1, NOW, "refused")]


def test_a_wide_window_is_not_learned_from_a_change_of_form() -> None:
    """Given refusals that another form mends, the widths that were refused before prove nothing."""
    quirks = Quirks()
    answer = refusing(to=NOW, longest=4000)
    read = begin(Window(NOW - 8000, NOW), quirks)
    finish(read, answer)
    assert quirks.form == NO_PAD
    assert Spans().update(read.result.covered) == Spans(((NOW - 8000, NOW),))
    assert quirks.too_wide is None or quirks.too_wide > 3998
