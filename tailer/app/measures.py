"""The steps of a probe: each asks some questions of a sampled connector and tells traits of the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from tailer.api.specimens import Question
from tailer.app.probe import Asker, Sample
from tailer.app.traits import Trait, span_trait, trait
from tailer.core.durations import Seconds, format_duration
from tailer.core.specimen import (
    Field,
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
    pick_lagging,
    time_of,
)
from tailer.model import Connector, Event

Step: TypeAlias = Callable[[Asker, Sample], Awaitable[list[Trait]]]
"""Asks some questions; may end early with `SpentError`."""

UNKNOWN_KIND = "TailerProbeOfAnUnknownKind"
UNKNOWN_CONNECTOR = "0123456789abcdef0123456789abcdef"

MOST_ROWS = 10_000
"""The highest limit that is tried: more than a page of any API that is known."""

LIMITS = (10.0, 20.0, 25.0, 50.0, 100.0, 200.0, 250.0, 500.0, 1000.0, 2000.0, 5000.0)

_HOUR, _DAY = 3600.0, 86_400.0
LONGEST: Seconds = 365 * _DAY
SPANS = (
    *(60.0, 600.0, _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 3 * _DAY, 7 * _DAY),
    *(14 * _DAY, 30 * _DAY, 31 * _DAY, 60 * _DAY, 90 * _DAY, 180 * _DAY),
)
ROUND_SPANS = (30 * _DAY, _DAY, 6 * _HOUR, _HOUR, 1800.0, 600.0, 60.0, 30.0, 10.0, 5.0, 1.0)

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
    cut = next((page for page in pages if page.cursor is not None and page.events), None)
    if cut is not None:
        rows = len(cut.events)
        found.append(trait("default_limit", rows, f"{rows} rows a page where no limit is sent"))
    return found


async def measure_filter_and_bounds(asker: Asker, sample: Sample) -> list[Trait]:
    """Ask around an event's two times, then for windows that begin and end exactly at it."""
    field: Field | None = None
    lagging = pick_lagging(sample.events)
    if lagging is None:  # few events are late: a longer page may have one
        start = asker.end - int(sample.width)
        more = await asker.first_rows(sample.connector, Question(start, asker.end, _MORE_ROWS))
        lagging = pick_lagging(more.events)
    if lagging is not None:
        t, a = lagging.t, lagging.a
        near = 1 if abs(a - t) > 2 else 0.4
        field = find_filter(
            by_t=await asker.has(sample.connector, lagging, t - near, t + near),
            by_a=await asker.has(sample.connector, lagging, a - near, a + near),
        )
    words = None if field else "not to be told: no event was collected a second or more after its time"
    found = [trait("filter_on", field, words)]
    event = lagging if field else next((event for event in sample.events if event.t == event.a), None)
    if event is None:
        return [*found, trait("bounds", None)]
    at = time_of(event, field or "t")
    bounds = find_bounds(
        has_start=await asker.has(sample.connector, event, at, at + 1),
        has_end=await asker.has(sample.connector, event, at - 1, at),
    )
    return [*found, trait("bounds", bounds)]


async def measure_paging(asker: Asker, sample: Sample) -> list[Trait]:
    """Walk through a window of a dozen known events with a small limit."""
    window = await _find_window(asker, sample)
    if window is None:
        return []
    start, end, known = window
    limit = -(-known // _WALK_PAGES)
    walk = await asker.walk(sample.connector, Question(start, end, limit))
    found: list[Trait] = []
    if walk.pages[0].refused:
        found.append(trait("over_limit", "refuse-all"))
        asker.sends_limit = False
    elif len(walk.events) > limit * len(walk.pages):
        found.append(trait("over_limit", "ignored"))
    if found:  # pages have the length they have: a window is needed that is longer than one of them
        start = asker.end - int(2.2 * _span_of(sample.events)) - 1
        walk = await asker.walk(sample.connector, Question(start, asker.end))
    return found + _read_walk(walk, known)


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
    is_missing = find_missing_cursor(rows, known)
    if not is_missing:
        has_cursor = trait("no_cursor", False if rows.cursor is not None else None)
        return [
            has_cursor,
            trait("cursor_end", find_cursor_end(walk)),
            trait("empty_pages", find_empty_pages(walk)),
            trait("count", find_count(walk)),
        ]
    words = "not to be told: no page had a cursor"
    return [
        trait("no_cursor", True),
        trait("cursor_end", None, words),
        trait("empty_pages", None, words),
        trait("count", "page" if rows.count == len(rows.events) else "total"),
    ]


async def measure_oddities(asker: Asker, sample: Sample) -> list[Trait]:
    """Ask for the future, for a kind and for a connector that there are not."""
    future = await asker.ask(sample.connector, Question(asker.now - 5, asker.now + 30))
    found = [trait("refuse_future", future.refused)]
    if sample.events:
        start, end = asker.end - int(sample.width), asker.end
        odd = await asker.first_rows(sample.connector, Question(start, end, kind=UNKNOWN_KIND))
        found.append(trait("unknown_kind", "refuse" if odd.refused else "ignored" if odd.events else "empty"))
    nobody = Connector(sample.connector.account, UNKNOWN_CONNECTOR)
    status = await asker.status_of(nobody)
    words = None if status == "empty" else f"an unknown connector is answered with {status}"
    found.append(trait("unknown_connector", status, words))
    return found


async def measure_limits(asker: Asker, sample: Sample) -> list[Trait]:
    """Ask for far more rows than any page has, and find the highest limit that is accepted."""
    if not asker.sends_limit:
        return [trait("max_limit", None, "there is none: any limit is refused")]
    start, end = asker.end - int(sample.width), asker.end
    page = await asker.first_rows(sample.connector, Question(start, end, MOST_ROWS))
    if page.refused:
        search = Search(1, MOST_ROWS, LIMITS, lambda _limit: 1)
        while (limit := search.next()) is not None:
            answer = await asker.ask(sample.connector, Question(end - 1, end, int(limit)))
            search.learn(limit, accepted=not answer.refused)
        most = int(search.accepted)
        return [trait("over_limit", "refuse"), trait("max_limit", most, f"limits up to {most} are accepted")]
    rows = len(page.events)
    if rows >= MOST_ROWS:
        words = f"a page of {rows} rows was given; more was not tried"
        return [trait("over_limit", None, words), trait("max_limit", None, words)]
    if page.cursor is not None or await _is_cut(asker, sample, page, start, end):
        found = [trait("over_limit", "lower"), trait("max_limit", rows, f"no page has more than {rows} rows")]
        plain = sample.pages[-1]
        if plain.cursor is None and 0 < len(plain.events) < rows:
            most = len(plain.events)
            found.append(trait("default_limit", most, f"{most} rows a page where no limit is sent"))
        return found
    words = f"not enough events to tell: {MOST_ROWS} was accepted, and all {rows} rows came on one page"
    return [trait("over_limit", None, words), trait("max_limit", None, words)]


async def _is_cut(asker: Asker, sample: Sample, page: Specimen, start: int, end: int) -> bool:
    """Tell whether a page without a cursor is not all of its window: its halves have more."""
    if not page.events:
        return False
    keys = {event.key for event in page.events}
    times = [event.t for event in page.events]
    first, last, middle = int(min(times)), int(max(times)) + 1, int((min(times) + max(times)) / 2)
    # What is sorted lacks its end or its beginning; what is shuffled lacks something everywhere.
    for part in ((last, end), (start, first), (first, middle), (middle, last)):
        answer = await asker.ask(sample.connector, Question(*part, MOST_ROWS))
        if not keys.issuperset(event.key for event in answer.events):
            return True
    return False


async def measure_reach(asker: Asker, sample: Sample) -> list[Trait]:
    """Find how wide a window may be and how far back it may begin."""
    connector, end = sample.connector, asker.end

    async def is_accepted(width: float, length: float) -> bool:
        answer = await asker.ask(connector, Question(int(end - width), int(end - width + length), 1))
        return not answer.refused

    known = max(sample.width, 1.0)
    if await is_accepted(LONGEST, LONGEST):
        words = f"none is refused, back to {format_duration(LONGEST)}; older events may be missing silently"
        widest = f"none up to {format_duration(LONGEST)}"
        return [trait("retention", None, words), trait("max_width", None, widest)]
    oldest = LONGEST
    found = trait("retention", None, f"none is refused, back to {format_duration(LONGEST)}")
    if not await is_accepted(LONGEST, 1):
        search = Search(known, LONGEST, SPANS, _precision)
        while (age := search.next()) is not None:
            search.learn(age, accepted=await is_accepted(age, 1))
        oldest = search.accepted
        # What was asked for lies `SETTLED` further back than its distance to the end.
        lag = asker.now - end
        age = Search(oldest + lag, search.refused + lag, SPANS, _precision).roundest(ROUND_SPANS)
        found = span_trait("retention", age, "windows that begin more than {} back are refused")
    if await is_accepted(oldest, oldest):
        return [found, trait("max_width", None, f"none up to {format_duration(round(oldest))}")]
    search = Search(known, oldest, SPANS, _precision)
    while (width := search.next()) is not None:
        search.learn(width, accepted=await is_accepted(width, width))
    width = search.roundest(ROUND_SPANS)
    return [found, span_trait("max_width", width, "windows wider than {} are refused")]


def _precision(span: float) -> float:
    """Give the precision that a span is measured to: a hundredth, and whole seconds."""
    return max(2.0, float(int(span / 100)))


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
