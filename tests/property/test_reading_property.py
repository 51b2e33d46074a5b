"""Whatever the manners of the API, a read says exactly what it has read."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tailer.core.quirks import END_LAG, PLAIN, Quirks
from tailer.core.reading import Reading, WindowRead
from tailer.core.refusals import AGE_RESOLUTION
from tailer.core.spans import Spans
from tailer.model import Event, Window
from tests.property.mannered_api import (
    PLEASANT,
    Happening,
    MannerlyApi,
    Manners,
    read_whole,
    refusing,
)

NOW = 10_000
LIMIT = 1000


@st.composite
def histories(draw: st.DrawFn, low: int, high: int) -> list[Happening]:
    """Events between two times, some crowded into one second, some not visible yet."""
    times = draw(st.lists(st.integers(low, high), max_size=60))
    if draw(st.booleans()):
        times += [draw(st.integers(low, high))] * draw(st.integers(1, 60))
    history = []
    for number, t in enumerate(times):
        half = draw(st.sampled_from([0, 0, 0.5]))
        a = t + draw(st.sampled_from([0, 0, 1, 30]))
        visible_at = draw(st.sampled_from([0, 0, 0, NOW + 1, NOW + 3]))
        history.append(Happening(Event(t + half if half else t, number, "Init", a), visible_at))
    return history


def unread(window: Window, reading: Reading) -> list[tuple[int, int]]:
    """List what of a window is neither covered nor a gap, having checked that nothing is both."""
    accounted = [*reading.covered, *((gap.start, gap.end) for gap in reading.gaps)]
    whole = Spans().update(accounted)
    assert whole.size == sum(end - start for start, end in accounted)
    assert all(window.start <= start < end <= window.end for start, end in accounted)
    return whole.missing(*window)


def check_rows(api: MannerlyApi, history: list[Happening], reading: Reading, *, since: float) -> None:
    """Check that every event of a covered second that was visible from the beginning was read."""
    keys = {event.key for event in reading.rows}
    covered = Spans().update(reading.covered)
    for item in history:
        if item.visible_at <= since and api.place(item.event) in covered:
            assert item.event.key in keys


@given(PLEASANT, histories(NOW - 40, NOW + 2), st.integers(1, 50), st.integers(0, 6))
def test_an_api_that_refuses_nothing_is_read_whole(
    manners: Manners, history: list[Happening], width: int, back: int
) -> None:
    """Given any bounds, filter, order, page size and cursors, all but what pages can't show is covered."""
    window = Window(NOW - back - width, NOW - back)
    api = MannerlyApi(manners, history, now=NOW, pace=0.5)
    read = WindowRead(window, Quirks(), now=NOW, limit=LIMIT)
    read_whole(read, api, at_most=400)
    reading = read.result
    check_rows(api, history, reading, since=NOW)
    for start, _ in unread(window, reading):
        assert manners.date_behind is not None
        assert start >= NOW - manners.date_behind
    for gap in reading.gaps:
        assert gap.reason == "page cap"
        for second in range(gap.start, gap.end):
            near = [e for e in reading.rows if second - 1 <= api.place(e) <= second + 2]
            assert len(near) >= 10


@given(refusing(), histories(NOW - 400, NOW + 2), st.integers(1, 400), st.sampled_from([0, 0, 5, 70, 4000]))
def test_an_api_that_refuses_is_read_as_far_as_it_lets(
    manners: Manners, history: list[Happening], width: int, back: int
) -> None:
    """Given any refusals too, covered, gaps and unread make up the window, and each has its reason."""
    window = Window(NOW - back - width, NOW - back)
    history = [Happening(replace_time(item.event, -back), item.visible_at) for item in history]
    api = MannerlyApi(manners, history, now=NOW)
    read = WindowRead(window, Quirks(), now=NOW, limit=LIMIT)
    read_whole(read, api, at_most=2000)
    reading = read.result
    check_rows(api, history, reading, since=NOW)
    assert all(request.start >= window.start - 1 for request in api.requests)
    for start, _ in unread(window, reading):
        behind = start >= NOW - (manners.date_behind or 0)
        # one that is a minute too wide looks like one that ends too near, as long as a form is trusted
        may_lag = manners.refuses_after is not None or manners.widest is not None
        within_lag = may_lag and start >= NOW - END_LAG
        assert behind or within_lag or reading.refused
    if reading.refused:
        assert manners.refuses_after == -30
        assert window.start >= NOW - END_LAG
    for gap in reading.gaps:
        if gap.reason == "refused":
            assert manners.cursor_life is not None or manners.retention is not None
        if gap.reason == "too old":
            assert manners.retention is not None
            assert gap.end <= NOW - manners.retention + AGE_RESOLUTION + 2


def replace_time(event: Event, by: int) -> Event:
    """Give the event as if it had happened at another time."""
    return Event(event.t + by, event.n, event.k, event.a + by)


@given(
    PLEASANT,
    histories(NOW - 60, NOW + 2),
    st.integers(2, 60),
    st.sets(st.integers(0, 30), max_size=10),
)
def test_stray_refusals_teach_and_lose_nothing(
    manners: Manners, history: list[Happening], width: int, strays: set[int]
) -> None:
    """Given 400s without a reason, never two in a row, nothing is learned and nothing becomes a gap."""
    manners = replace(manners, cursors="ends", cap=100)
    window = Window(NOW - width, NOW)
    api = MannerlyApi(manners, history, now=NOW)
    api.strays = {stray for stray in strays if stray - 1 not in strays}
    quirks = Quirks()
    read = WindowRead(window, quirks, now=NOW, limit=LIMIT)
    read_whole(read, api, at_most=400)
    assert (quirks.form, quirks.too_wide, quirks.oldest_age) == (PLAIN, None, None)
    assert not [gap for gap in read.result.gaps if gap.reason != "page cap"]
    check_rows(api, history, read.result, since=NOW)
