"""Planner, reads and checkpoints together, against APIs of all manners.

What must hold at every step is checked by `SequentialTail`: the floor only rises and no request goes below
it, nothing is journaled twice, and coverage, gaps and holes make up the asked span.
"""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tailer.core.advance import holes_of
from tailer.core.ladder import Ladder
from tailer.core.windows import Pacing
from tailer.model import Event
from tests.property.mannered_api import PLEASANT, Happening, MannerlyApi, Manners, refusing
from tests.property.sequential_tail import SequentialTail, Troubles

ORIGIN = 20_000
NOW = 25_000
LADDER = Ladder(5, 960)


def history(seed: int, count: int, *, bursts: int = 0) -> list[Happening]:
    """Events over the past and the near future, visible at once, with some bursts within a second."""
    chance = random.Random(seed)
    times = [chance.randint(ORIGIN - 50, NOW + 300) for _ in range(count)]
    for _ in range(bursts):
        times += [chance.randint(ORIGIN, NOW)] * chance.randint(5, 60)
    return [Happening(Event(t, n, "Init", t + chance.choice([0, 2])), t) for n, t in enumerate(times)]


TROUBLES = st.builds(Troubles, seed=st.integers(0, 2**16), failing=st.sampled_from([0.0, 0.02]))
ROWS = st.sampled_from([20, 100, 10_000])


def check_found(tail: SequentialTail, events: list[Happening], until: float) -> None:
    """Check that every event of the asked span is journaled, unless it lies in a gap."""
    lost = tail.checkpoint.gap_spans
    for event, _ in events:
        if not ORIGIN <= tail.api.place(event) < until:
            continue
        if event.key not in tail.diary.found_at:
            assert tail.api.place(event) in lost, event.key


@settings(max_examples=50)
@given(PLEASANT, TROUBLES, st.integers(0, 2**16), ROWS, st.sampled_from([0, 3]))
def test_a_finite_span_is_read_to_its_end(
    manners: Manners, troubles: Troubles, seed: int, slice_rows: int, bursts: int
) -> None:
    """Given any density and slices, all of a past span is journaled, and then it is done."""
    events = history(seed, 300, bursts=bursts)
    api = MannerlyApi(manners, events, now=NOW, pace=0.1)
    pacing = Pacing(LADDER, 5, slice_rows=slice_rows, until=NOW - 100)
    tail = SequentialTail(api, pacing, origin=ORIGIN, troubles=troubles)
    for _ in range(40):
        tail.run(until=api.now + 50)
        if tail.is_done:
            break
    assert tail.is_done
    assert holes_of(tail.checkpoint, NOW - 100) == []
    assert all(item.reason == "page cap" for item in tail.checkpoint.gaps)
    check_found(tail, events, NOW - 100)


@settings(max_examples=50)
@given(refusing(), TROUBLES, st.integers(0, 2**16), ROWS)
def test_an_api_that_refuses_is_followed_all_the_same(
    manners: Manners, troubles: Troubles, seed: int, slice_rows: int
) -> None:
    """Given refusals of any kind, history and present are journaled, but for gaps with a reason."""
    manners = replace(manners, cursors="ends" if manners.cap < 100 else manners.cursors)
    events = history(seed, 300)
    api = MannerlyApi(manners, events, now=NOW, pace=0.1)
    tail = SequentialTail(api, Pacing(LADDER, 5, slice_rows=slice_rows), origin=ORIGIN, troubles=troubles)
    tail.run(until=NOW + 700)
    assert holes_of(tail.checkpoint, NOW + 500) == []
    check_found(tail, events, NOW + 400)
    for gap in tail.checkpoint.gaps:
        if gap.reason == "too old":
            assert manners.retention is not None
            assert gap.end <= tail.api.now - manners.retention + 62
