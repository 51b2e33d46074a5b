"""Whatever is cut from the reach, nothing comes twice, and what is kept in memory is bounded."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tailer.core.keys import KeySet
from tailer.core.ladder import REACH, Ladder
from tailer.core.windows import Pacing
from tailer.model import Event
from tests.property.mannered_api import Happening, MannerlyApi, Manners
from tests.property.sequential_tail import SequentialTail, Troubles
from tests.property.test_ladder_property import (
    INTERVAL,
    MANNERS,
    ORIGIN,
    REVISIT_MAX,
    SPAN,
    TROUBLES,
    late_history,
)

CUTS = st.lists(
    st.tuples(st.integers(0, SPAN), st.sampled_from([20.0, 60.0, 240.0, 960.0, math.inf])), max_size=6
).map(lambda pairs: tuple(sorted((ORIGIN + at, reach) for at, reach in pairs)))


@settings(max_examples=12)
@given(TROUBLES, CUTS, MANNERS, st.integers(0, 2**16), st.sampled_from([(1200, 50), (300, 10_000)]))
def test_no_cut_brings_anything_twice(
    troubles: Troubles,
    cuts: tuple[tuple[float, float], ...],
    manners: Manners,
    seed: int,
    size: tuple[int, int],
) -> None:
    """Given any cuts and growths amid failures, outages, restarts and late events, each is journaled once.

    The tail checks it on the way, and that no request asks for what lies below the floor. What is visible
    within the shortest reach is found all the same.
    """
    events, slice_rows = size
    history = late_history(seed, events, span=SPAN, reach=REACH * REVISIT_MAX)
    api = MannerlyApi(manners, history, now=ORIGIN, pace=0.2)
    pacing = Pacing(Ladder(INTERVAL, REVISIT_MAX), INTERVAL, slice_rows=slice_rows)
    tail = SequentialTail(api, pacing, origin=ORIGIN, troubles=replace(troubles, cuts=cuts))
    tail.run(until=ORIGIN + SPAN + 1500)
    at_once = {event.key for event, visible_at in history if visible_at == api.place(event)}
    assert at_once <= tail.diary.found_at.keys()


@settings(max_examples=10)
@given(st.integers(0, 2**16), st.booleans())
def test_a_cut_bounds_what_is_remembered(seed: int, is_behind: bool) -> None:
    """Given a reach of a minute, only keys of about so long are kept, at the head and in a catch-up."""
    history = [Happening(Event(ORIGIN + i // 2, i, "Init", ORIGIN + i // 2), 0.0) for i in range(2 * SPAN)]
    now = ORIGIN + SPAN if is_behind else ORIGIN
    api = MannerlyApi(Manners(), history, now=now, pace=0.2)
    pacing = Pacing(Ladder(INTERVAL, REVISIT_MAX), INTERVAL, slice_rows=100)
    troubles = Troubles(seed=seed, cuts=((0.0, 60.0),))
    tail = SequentialTail(api, pacing, origin=ORIGIN, troubles=troubles)
    tail.run(until=ORIGIN + SPAN + 500)
    assert len(tail.diary.found_at) == len(history)
    assert tail.diary.most_keys < 1500


@given(st.lists(st.integers(0, 50), unique=True), st.integers(-5, 55), st.booleans())
def test_keys_are_counted_from_a_time_on(times: list[int], start: int, has_odd: bool) -> None:
    """The count is that of the keys at or after a time, odd ones included."""
    keys = KeySet()
    keys.add([Event(t, 1, "Init", t) for t in sorted(times)], 100)
    if has_odd:
        keys.add([Event(3, 2**70, "Init", 3)], 100)
    assert keys.count_from(start) == sum(1 for t in times if t >= start) + has_odd
