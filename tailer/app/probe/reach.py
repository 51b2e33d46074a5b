"""The steps of a probe that find limits: of rows on a page, of a window's age and of its width."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tailer.api.specimens import Question
from tailer.app.probe.probe import Asker, Sample
from tailer.app.probe.traits import Trait, span_trait, trait
from tailer.core.durations import Seconds, format_duration
from tailer.core.specimen import Search, Specimen, has_other

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


async def measure_limits(asker: Asker, sample: Sample) -> AsyncIterator[Trait]:
    """Ask for far more rows than any page has, and find the highest limit that is accepted."""
    if not asker.sends_limit:
        yield trait("max_limit", None, "there is none: any limit is refused")
        return
    start, end = asker.end - int(sample.width), asker.end
    page = await asker.first_rows(sample.connector, Question(start, end, MOST_ROWS))
    rows = len(page.events)
    if page.refused:
        yield trait("over_limit", "refuse")
        most = await _find_most(asker, sample)
        yield trait("max_limit", most, f"limits up to {most} are accepted")
    elif rows >= MOST_ROWS:
        words = f"a page of {rows} rows was given; more was not tried"
        yield trait("over_limit", None, words)
        yield trait("max_limit", None, words)
    elif await _is_cut(asker, sample, page, start, end):
        yield trait("over_limit", "lower")
        yield trait("max_limit", rows, f"no page has more than {rows} rows")
        plain = len(sample.pages[-1].events) if sample.pages else 0
        if 0 < plain < rows:
            yield trait("default_limit", plain, f"{plain} rows a page where no limit is sent")
    else:
        words = f"not enough events to tell: {MOST_ROWS} was accepted, and all {rows} rows came on one page"
        yield trait("over_limit", None, words)
        yield trait("max_limit", None, words)


async def _find_most(asker: Asker, sample: Sample) -> int:
    """Find the highest limit that is accepted; it is asked of windows of one second."""
    search = Search(asker.limit or 1, MOST_ROWS, LIMITS, lambda _limit: 1)
    while (limit := search.next()) is not None:
        answer = await asker.ask(sample.connector, Question(asker.end - 1, asker.end, int(limit)))
        search.learn(limit, accepted=not answer.refused)
    return int(search.accepted)


async def _is_cut(asker: Asker, sample: Sample, page: Specimen, start: int, end: int) -> bool:
    """Tell whether a page is not all of its window: the next page has more, or without one a part has."""
    if not page.events:
        return False
    if page.cursor is not None:
        return await asker.has_more(sample.connector, page, Question(start, end, MOST_ROWS))
    times = [event.t for event in page.events]
    first, last, middle = int(min(times)), int(max(times)) + 1, int((min(times) + max(times)) / 2)
    # What is sorted lacks its end or its beginning; what is shuffled lacks something everywhere.
    for part in ((last, end), (start, first), (first, middle), (middle, last)):
        if part[0] < part[1]:
            answer = await asker.ask(sample.connector, Question(*part, MOST_ROWS))
            if has_other(answer.events, page.events):
                return True
    return False


async def measure_reach(asker: Asker, sample: Sample) -> AsyncIterator[Trait]:
    """Find how far back a window may begin, and how wide it may be."""
    year = format_duration(LONGEST)
    if await _is_accepted(asker, sample, LONGEST, LONGEST):
        words = f"none is refused, back to {year}; older events may be missing silently"
        yield trait("retention", None, words)
        yield trait("max_width", None, f"none up to {year}")
        return
    known = max(sample.width, 1.0)
    oldest = LONGEST
    if await _is_accepted(asker, sample, LONGEST, 1):
        yield trait("retention", None, f"none is refused, back to {year}")
    else:
        search = Search(known, LONGEST, SPANS, _precision)
        while (age := search.next()) is not None:
            search.learn(age, accepted=await _is_accepted(asker, sample, age, 1))
        oldest = search.accepted
        # What was asked for lies further back than its distance to the end of the settled past.
        lag = asker.now - asker.end
        bracket = Search(oldest + lag, search.refused + lag, SPANS, _precision)
        words = "windows that begin more than {} back are refused"
        yield span_trait("retention", bracket.roundest(ROUND_SPANS), words)
    if await _is_accepted(asker, sample, oldest, oldest):
        yield trait("max_width", None, f"none up to {format_duration(round(oldest))}")
        return
    search = Search(known, oldest, SPANS, _precision)
    while (width := search.next()) is not None:
        search.learn(width, accepted=await _is_accepted(asker, sample, width, width))
    yield span_trait("max_width", search.roundest(ROUND_SPANS), "windows wider than {} are refused")


async def _is_accepted(asker: Asker, sample: Sample, age: Seconds, width: Seconds) -> bool:
    """Tell whether a window is accepted that begins so long before the end of the settled past."""
    start = int(asker.end - age)
    answer = await asker.ask(sample.connector, Question(start, start + int(width), asker.limit))
    return not answer.refused


def _precision(span: float) -> float:
    """Give the precision that a span is measured to: a hundredth, and whole seconds."""
    return max(2.0, float(int(span / 100)))
