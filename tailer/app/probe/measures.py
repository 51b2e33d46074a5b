"""The steps of a probe: each asks some questions of a sampled connector and tells traits of the API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeAlias

from tailer.api.specimens import Question
from tailer.app.probe.probe import Asker, Sample
from tailer.app.probe.traits import TOO_MANY, Trait, trait
from tailer.core.durations import format_duration
from tailer.core.specimen import (
    Field,
    Walk,
    find_bounds,
    find_count,
    find_cursor_end,
    find_empty_pages,
    find_filter,
    find_missing_cursor,
    find_order,
    find_overlap,
    pick_lagging,
    time_of,
)
from tailer.model import Connector, Event

Step: TypeAlias = Callable[[Asker, Sample], AsyncIterator[Trait]]
"""Asks some questions and gives what each has shown; may end early with `SpentError` or `ApiError`."""

UNKNOWN_KIND = "TailerProbeOfAnUnknownKind"
UNKNOWN_CONNECTOR = "0123456789abcdef0123456789abcdef"

_WALK_EVENTS = 12  # in a window that is walked through, about
_WALK_PAGES = 3
_WINDOW_TRIES = 5
_MORE_ROWS = 1000  # a later step tells what becomes of such a limit


def read_sample(sample: Sample) -> list[Trait]:
    """Tell what the sample shows without a question."""
    pages = sample.pages
    rate = next((page.rate for page in pages if page.rate is not None), None)
    told = "Ratelimit headers tell the quota"
    if rate is not None and rate.quota is not None and rate.window is not None:
        told += f": {rate.quota} requests in {format_duration(rate.window)}"
    found = [trait("rate_headers", rate is not None, told if rate is not None else None)]
    has_rows = any(page.events for page in pages)
    found.append(trait("float_numbers", any(page.has_points for page in pages) if has_rows else None))
    order = find_order(sample.events)
    if order is not None:
        value, by = order
        words = {"asc": f"oldest first, by {by}", "desc": f"newest first, by {by}"}.get(value)
        found.append(trait("order", value, words))
    if sample.is_cut:
        rows = len(pages[-1].events)
        found.append(trait("default_limit", rows, f"{rows} rows a page where no limit is sent"))
    return found


async def measure_filter_and_bounds(asker: Asker, sample: Sample) -> AsyncIterator[Trait]:
    """Ask around an event's two times, then for windows that begin and end exactly at it."""
    field: Field | None = None
    lagging = pick_lagging(sample.events)
    if lagging is None:  # few events are late: a longer page may have one
        start = asker.end - int(sample.width)
        more = await asker.first_rows(sample.connector, Question(start, asker.end, _MORE_ROWS))
        lagging = pick_lagging(more.events)
    if lagging is None:
        yield trait("filter_on", None, "not to be told: no event was collected a second after its time")
    else:
        near = 1 if abs(lagging.a - lagging.t) > 2 else 0.4
        by_t, by_a = [await asker.has(sample, lagging, at - near, at + near) for at in (lagging.t, lagging.a)]
        if by_t is None or by_a is None:
            yield trait("filter_on", None, TOO_MANY)
        else:
            field = find_filter(by_t=by_t, by_a=by_a)
            yield trait("filter_on", field)
    event = lagging if field else next((event for event in sample.events if event.t == event.a), None)
    if event is not None:
        at = time_of(event, field or "t")
        has_start = await asker.has(sample, event, at, at + 1)
        has_end = await asker.has(sample, event, at - 1, at)
        if has_start is None or has_end is None:
            yield trait("bounds", None, TOO_MANY)
        else:
            yield trait("bounds", find_bounds(has_start=has_start, has_end=has_end))


async def measure_paging(asker: Asker, sample: Sample) -> AsyncIterator[Trait]:
    """Walk through a window of a dozen known events with a small limit."""
    window = await _find_window(asker, sample)
    if window is None:
        return
    start, end, known = window
    limit = -(-known // _WALK_PAGES)
    walk = await asker.walk(sample.connector, Question(start, end, limit))
    is_ignored = len(walk.events) > limit * len(walk.pages)
    if walk.pages[0].refused:
        asker.sends_limit = False
        yield trait("over_limit", "refuse-all")
    elif is_ignored:
        yield trait("over_limit", "ignored")
    else:
        asker.limit = limit
    if is_ignored or not asker.sends_limit:
        # Pages have the length they have: a window is needed that is longer than one of them.
        start = asker.end - int(2.2 * _span_of(sample.events)) - 1
        walk = await asker.walk(sample.connector, Question(start, asker.end))
    for one in _read_walk(walk, known):
        yield one


async def _find_window(asker: Asker, sample: Sample) -> tuple[int, int, int] | None:
    """Find a window with a few rows that are easily walked; give it with their least number."""
    chosen = neighbours(sample.events, _WALK_EVENTS)
    if len(chosen) < 2:
        return None
    times = [time for event in chosen for time in (event.t, event.a)]
    start, end = int(min(times)) - 2, int(max(times)) + 3
    for _ in range(_WINDOW_TRIES):
        page = await asker.first_rows(sample.connector, Question(start, end))
        rows = len(page.events)
        if page.cursor is None or rows <= _WALK_PAGES * _WALK_EVENTS:
            return (start, end, rows) if rows > 1 else None
        end = start + max(2, (end - start) // 2)
    return None


def _read_walk(walk: Walk, known: int) -> list[Trait]:
    rows = next((page for page in walk.pages if page.events), walk.pages[0])
    if find_missing_cursor(rows, known):
        words = "not to be told: no page had a cursor"
        return [
            trait("no_cursor", True),
            trait("cursor_end", None, words),
            trait("empty_pages", None, words),
            trait("overlapping_pages", None, words),
            trait("count", "page" if rows.count == len(rows.events) else "total"),
        ]
    return [
        trait("no_cursor", None if rows.cursor is None else False),
        trait("cursor_end", find_cursor_end(walk)),
        trait("empty_pages", find_empty_pages(walk)),
        trait("overlapping_pages", find_overlap(walk)),
        trait("count", find_count(walk)),
    ]


async def measure_oddities(asker: Asker, sample: Sample) -> AsyncIterator[Trait]:
    """Ask for the future, for a kind and for a connector that there are not."""
    connector, now = sample.connector, asker.now
    refused = (await asker.ask(connector, Question(now - 5, now + 30))).refused
    if refused:  # it counts only if a window of that width is accepted elsewhere
        control = await asker.ask(connector, Question(asker.end - 35, asker.end))
        yield trait("refuse_future", None if control.refused else True)
    else:
        yield trait("refuse_future", False)
    if sample.events:
        question = Question(asker.end - int(sample.width), asker.end, kind=UNKNOWN_KIND)
        odd = await asker.first_rows(connector, question)
        yield trait("unknown_kind", "refuse" if odd.refused else "ignored" if odd.events else "empty")
    status = await asker.status_of(Connector(connector.account, UNKNOWN_CONNECTOR))
    words = None if status == "empty" else f"an unknown connector is answered with {status}"
    yield trait("unknown_connector", status, words)


def neighbours(events: Sequence[Event], number: int) -> Sequence[Event]:
    """Choose some events next to each other in time, none of them late if that can be helped."""
    by_time = sorted(events, key=lambda event: event.t)
    best: Sequence[Event] = by_time[:number]
    for i in range(1, len(by_time) - number + 1):
        best = min(best, by_time[i : i + number], key=_span_of)
    return best


def _span_of(events: Sequence[Event]) -> float:
    times = [time for event in events for time in (event.t, event.a)]
    return max(times) - min(times)
