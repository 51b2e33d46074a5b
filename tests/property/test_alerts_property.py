"""Derived events depend on what happened, not on how it was read."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tailer.core.alerts import NOTHING_KNOWN, AlertRules, derive
from tailer.model import Event

RULES = AlertRules(unfinished=10, loop_within=10, loop_starts=3)
KINDS = ("StartUpgrade", "FinishUpgradeSuccess", "FinishUpgradeFailure", "StartRotatePki", "Init", "Leave")
KEYS = st.tuples(st.integers(0, 60), st.integers(0, 2))
LIVES = st.dictionaries(KEYS, st.sampled_from(KINDS), max_size=25)


def events_of(life: dict[tuple[int, int], str]) -> list[Event]:
    """The events of a life, by (t, n)."""
    return [Event(t=t, n=n, k=k, a=t) for (t, n), k in sorted(life.items())]


@given(life=LIVES, cuts=st.sets(st.integers(0, 100), max_size=8))
def test_any_reads_of_a_life_lead_to_the_same_events(
    life: dict[tuple[int, int], str], cuts: set[int]
) -> None:
    """Read at once, or in any windows one after the other: the same events and the same state."""
    events = events_of(life)
    whole = derive(NOTHING_KNOWN, RULES, events, through=100, silent_since=None)
    state, parts, start = NOTHING_KNOWN, [], -1
    for end in [*sorted(cuts), 100]:
        read = [event for event in events if start < event.t <= end]
        part = derive(state, RULES, read, through=end, silent_since=None)
        state, start = part.state, end
        parts += part.events
    assert sorted(parts, key=lambda event: event.key) == whole.events
    assert state == whole.state


@given(life=LIVES, order=st.randoms())
def test_late_events_repeat_no_id(life: dict[tuple[int, int], str], order: Random) -> None:
    """However late single events become visible, no (t, n) is derived twice."""
    events = events_of(life)
    order.shuffle(events)
    state, told = NOTHING_KNOWN, []
    for at, event in enumerate(events):
        derived = derive(state, RULES, [event], through=10 * at, silent_since=None)
        state = derived.state
        told += derived.events
    assert max(Counter(event.key for event in told).values(), default=1) == 1
