"""Late events are found within the bound that the ladder promises, whatever goes wrong."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tailer.core.ladder import RATIO, REACH, VISITS, Ladder, reach_in_effect
from tailer.core.windows import Pacing
from tailer.model import Event
from tests.property.mannered_api import Happening, MannerlyApi, Manners
from tests.property.sequential_tail import Diary, SequentialTail, Troubles

HOUR = 3600.0
INTERVAL = 5
REVISIT_MAX = 960
SPAN = 4000
ORIGIN = 10_000


def late_history(seed: int, count: int, *, span: float, reach: float) -> list[Happening]:
    """Events over a span, many on time, some as late as may be, some in between."""
    chance = random.Random(seed)
    history = []
    for number in range(count):
        t = ORIGIN + int(chance.uniform(0, span))
        lateness = chance.uniform(0, chance.choice([0.0, 5, reach / 20, reach]))
        collected = t + int(lateness * chance.choice([0, 1]))
        history.append(Happening(Event(t, number, "Init", collected), t + lateness))
    return history


def check_bound(tail: SequentialTail, history: list[Happening], *, passes: bool = False) -> None:
    """Check that every event was found within the bound, or that its time has not run out yet."""
    polls = [*tail.diary.free_polls, tail.api.now]
    longest = max(after - before for before, after in pairwise(polls))
    for event, visible_at in history:
        lateness = visible_at - tail.api.place(event)
        bound = RATIO * (lateness + longest) / (VISITS - 1) + longest
        if passes:
            bound += 2 * tail.diary.longest_pass
        found_at = tail.diary.found_at.get(event.key, tail.api.now)
        assert found_at - visible_at <= bound, (event.key, lateness, longest)


def shown_least(diary: Diary, start: float, end: float, longest: float) -> float:
    """Give the least reach that is shown within a span of time; between two reads it only falls."""
    ends = [*(at for at, _ in diary.levels[1:]), math.inf]
    return min(
        reach_in_effect(levels, min(until, end), longest)
        for (at, levels), until in zip(diary.levels, ends, strict=True)
        if at <= end and until >= start
    )


TROUBLES = st.builds(
    Troubles,
    seed=st.integers(0, 2**16),
    failing=st.sampled_from([0.0, 0.05, 0.3]),
    outages=st.lists(st.tuples(st.integers(0, SPAN), st.integers(1, 1500)), max_size=2).map(
        lambda pairs: tuple((ORIGIN + start, ORIGIN + start + length) for start, length in pairs)
    ),
    restarts=st.lists(st.integers(0, SPAN), max_size=3).map(
        lambda times: tuple(ORIGIN + time for time in times)
    ),
)
MANNERS = st.builds(
    Manners,
    by_collected=st.booleans(),
    from_inclusive=st.booleans(),
    to_inclusive=st.booleans(),
    order=st.sampled_from(["ascending", "descending", "shuffled"]),
)


@settings(max_examples=15)
@given(TROUBLES, MANNERS, st.integers(0, 2**16))
def test_every_late_event_is_found_within_the_bound(troubles: Troubles, manners: Manners, seed: int) -> None:
    """Given failures, outages and restarts, nothing is missed, found too late or journaled twice."""
    history = late_history(seed, 60, span=SPAN, reach=REACH * REVISIT_MAX)
    api = MannerlyApi(manners, history, now=ORIGIN, pace=0.2)
    pacing = Pacing(Ladder(INTERVAL, REVISIT_MAX), INTERVAL)
    tail = SequentialTail(api, pacing, origin=ORIGIN, troubles=troubles)
    tail.run(until=ORIGIN + SPAN + 1500)
    check_bound(tail, history)


@settings(max_examples=6)
@given(TROUBLES, MANNERS, st.integers(0, 2**16))
def test_passes_find_late_events_within_their_time(troubles: Troubles, manners: Manners, seed: int) -> None:
    """Given levels too dense for one read, the bound holds but for the time of two passes."""
    history = late_history(seed, 1200, span=SPAN, reach=REACH * REVISIT_MAX)
    api = MannerlyApi(manners, history, now=ORIGIN, pace=1.0)
    pacing = Pacing(Ladder(INTERVAL, REVISIT_MAX), INTERVAL, slice_rows=50)
    tail = SequentialTail(api, pacing, origin=ORIGIN, troubles=replace(troubles, restarts=()))
    tail.run(until=ORIGIN + SPAN + 1500)
    assert tail.diary.aims.get("pass", 0) > 0
    check_bound(tail, history, passes=True)


ROOMS = st.lists(st.tuples(st.integers(0, SPAN), st.sampled_from([0, 30, 200, 400])), max_size=3).map(
    lambda pairs: ((ORIGIN, 200), *sorted((ORIGIN + start, every) for start, every in pairs))
)


@settings(max_examples=8)
@example(Troubles(seed=3, failing=0.02), ((ORIGIN, 200),), 1.0, 0.1, 800)  # the budget holds half of it
@given(TROUBLES, ROOMS, st.floats(0, 4), st.sampled_from([0.0, 0.3]), st.sampled_from([400, 800]))
def test_what_is_within_the_reach_shown_is_found_within_twice_the_bound(
    troubles: Troubles, rooms: tuple[tuple[float, float], ...], slowest: float, leaving: float, count: int
) -> None:
    """Given any budget, an event is found within twice the bound as long as the reach shown holds it."""
    history = late_history(troubles.seed, count, span=SPAN, reach=REACH * REVISIT_MAX)
    api = MannerlyApi(Manners(), history, now=ORIGIN, pace=0.2)
    pacing = Pacing(Ladder(INTERVAL, REVISIT_MAX), INTERVAL, slice_rows=50, page_limit=20)
    failing = min(troubles.failing, 0.05)  # with long failures every bound is easily kept
    hindered = replace(troubles, outages=(), failing=failing, rooms=rooms, slowest=slowest, leaving=leaving)
    tail = SequentialTail(api, pacing, origin=ORIGIN, troubles=hindered)
    tail.run(until=ORIGIN + SPAN + 1500)
    polls = [*tail.diary.free_polls, tail.api.now]
    longest = max(after - before for before, after in pairwise(polls))
    for event, visible_at in history:
        lateness = visible_at - api.place(event)
        bound = 2 * (RATIO * (lateness + longest) / (VISITS - 1) + longest)
        if tail.diary.found_at.get(event.key, tail.api.now) - visible_at > bound:
            assert shown_least(tail.diary, visible_at, visible_at + bound, longest) < lateness


@pytest.mark.parametrize(("every", "is_held"), [(1.0, True), (300.0, False)])
def test_the_reach_shown_is_the_whole_where_the_budget_holds_it(every: float, is_held: bool) -> None:
    """Given room enough for deep reads it is never less than configured, given too little it is less."""
    history = late_history(1, 1200, span=SPAN, reach=REACH * REVISIT_MAX)
    api = MannerlyApi(Manners(), history, now=ORIGIN, pace=0.2)
    pacing = Pacing(Ladder(INTERVAL, REVISIT_MAX), INTERVAL, slice_rows=50)
    tail = SequentialTail(api, pacing, origin=ORIGIN, troubles=Troubles(rooms=((ORIGIN, every),)))
    tail.run(until=ORIGIN + SPAN)
    least = shown_least(tail.diary, ORIGIN + 1000, ORIGIN + SPAN, 2 * INTERVAL)
    assert (least == REACH * REVISIT_MAX) == is_held


def test_the_bound_holds_at_the_scale_of_two_days() -> None:
    """Given an interval of half a minute, 48 hours of revisits and an outage of five hours, it holds too."""
    reach = REACH * 48 * HOUR
    history = late_history(7, 300, span=50 * HOUR, reach=reach)
    api = MannerlyApi(Manners(), history, now=ORIGIN, pace=0.2)
    troubles = Troubles(
        failing=0.05,
        outages=((ORIGIN + 20 * HOUR, ORIGIN + 25 * HOUR),),
        restarts=(ORIGIN + 10 * HOUR, ORIGIN + 30 * HOUR),
    )
    tail = SequentialTail(api, Pacing(Ladder(30, 48 * HOUR), 30), origin=ORIGIN, troubles=troubles)
    tail.run(until=ORIGIN + 100 * HOUR)
    check_bound(tail, history)
    assert len(tail.diary.found_at) == len(history)
