"""What is told of a connector besides its events, and when it is told: small integers as times."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from tailer.core.alerts import (
    NOTHING_KNOWN,
    AlertRules,
    AlertState,
    Derived,
    derive,
    is_derived,
    merged,
    originals,
)
from tailer.kinds import DERIVED, KINDS, WORKS, level_of
from tailer.model import Event, Source

UPGRADES = AlertRules(unfinished=10)
LOOPS = AlertRules(loop_within=10, loop_starts=3)
SILENCE = AlertRules(silent=10)
Told = list[tuple[float, str]]


def event(k: str, t: float, n: int = 0) -> Event:
    """Collected when it was recorded."""
    return Event(t=t, n=n, k=k, a=t)


def look(
    state: AlertState, rules: AlertRules, *events: Event, through: float = 0, silent: float | None = None
) -> Derived:
    """Look at one read."""
    return derive(state, rules, events, through=through, silent_since=silent)


def told(derived: Derived | Iterable[Event]) -> Told:
    """Times and names of what was told."""
    events = derived.events if isinstance(derived, Derived) else derived
    return [(one.t, one.k.removeprefix("tailer.")) for one in events]


def test_work_that_does_not_end_is_told_once() -> None:
    """Not before the time has passed and was read, at the moment at which it passed, and never again."""
    begun = look(NOTHING_KNOWN, UPGRADES, event("StartUpgrade", 5), through=6)
    waiting = look(begun.state, UPGRADES, through=15)
    over = look(waiting.state, UPGRADES, through=16)
    later = look(over.state, UPGRADES, through=1000)
    assert [told(one) for one in (begun, waiting, over, later)] == [[], [], [(15, "UnfinishedUpgrade")], []]


@pytest.mark.parametrize("end", ["Success", "Failure"])
@pytest.mark.parametrize("work", WORKS)
def test_work_that_ends_is_not_told(work: str, end: str) -> None:
    """Every work that the API has kinds for; however it ends, and in the very last second."""
    assert {f"Start{work}", f"Finish{work}Success", f"Finish{work}Failure"} <= KINDS.keys()
    begun = look(NOTHING_KNOWN, UPGRADES, event(f"Start{work}", 5))
    ended = look(begun.state, UPGRADES, event(f"Finish{work}{end}", 15), through=100)
    assert told(ended) == []


def test_works_are_told_apart() -> None:
    """The end of one is not the end of another."""
    events = [event("StartUpgrade", 1), event("StartRotatePki", 2), event("FinishUpgradeSuccess", 3)]
    assert told(look(NOTHING_KNOWN, UPGRADES, *events, through=100)) == [(12, "UnfinishedRotatePki")]


def test_one_read_decides_as_many_do() -> None:
    """Work that ended too late is told, though its end was read together with its start; so is the next."""
    events = [
        event("StartUpgrade", 0),
        event("StartUpgrade", 5),
        event("FinishUpgradeSuccess", 20),
        event("StartUpgrade", 30),
        event("StartUpgrade", 50),
    ]
    at_once = look(NOTHING_KNOWN, UPGRADES, *events, through=55)
    state, one_by_one = NOTHING_KNOWN, []
    for one in events:
        derived = look(state, UPGRADES, one, through=one.t)
        state = derived.state
        one_by_one += derived.events
    derived = look(state, UPGRADES, through=55)
    assert told(at_once) == told([*one_by_one, *derived.events])
    assert told(at_once) == [(10, "UnfinishedUpgrade"), (40, "UnfinishedUpgrade")]
    assert at_once.state == derived.state


def test_a_start_that_turns_up_after_its_end_is_settled() -> None:
    """What became visible late and lies before an end, or before what was told, tells nothing new."""
    ended = look(NOTHING_KNOWN, UPGRADES, event("FinishUpgradeSuccess", 8))
    late = look(ended.state, UPGRADES, event("StartUpgrade", 5), through=100)
    over = look(NOTHING_KNOWN, UPGRADES, event("StartUpgrade", 5), through=100)
    other = look(over.state, UPGRADES, event("StartUpgrade", 5, n=7), event("StartUpgrade", 4), through=100)
    assert [told(late), told(other)] == [[], []]


def test_an_end_that_turns_up_late_leaves_a_later_start() -> None:
    """It settles what lies before it, not what has begun since."""
    begun = look(NOTHING_KNOWN, UPGRADES, event("StartUpgrade", 9))
    late = look(begun.state, UPGRADES, event("FinishUpgradeSuccess", 5), through=15)
    assert told(look(late.state, UPGRADES, through=20)) == [(19, "UnfinishedUpgrade")]


def test_starts_that_come_close_are_a_loop() -> None:
    """The one that makes it so is told, those that follow belong to it; after a rest it may be told anew."""
    times = [0, 20, 25, 29, 33, 43, 54, 60, 64]
    derived = look(NOTHING_KNOWN, LOOPS, *(event("Init", t) for t in times))
    assert told(derived) == [(29, "CrashLoop"), (64, "CrashLoop")]
    assert derived.events[0].e == {"k": "tailer.CrashLoop", "since": 20, "within": 10, "starts": 3}


def test_a_start_of_the_process_that_turns_up_late_may_make_a_loop() -> None:
    """It is put where it belongs; far before the others, or before a loop that was told, it is none."""
    two = look(NOTHING_KNOWN, LOOPS, event("Init", 20), event("Init", 28))
    far = look(two.state, LOOPS, event("Init", 3))
    near = look(far.state, LOOPS, event("Init", 24))
    before = look(near.state, LOOPS, *(event("Init", t) for t in (1, 2, 3)))
    assert [told(far), told(near), told(before)] == [[], [(28, "CrashLoop")], []]


def test_silence_is_told_once_for_each() -> None:
    """When the time has passed; again only after another sign of life."""
    not_yet = look(NOTHING_KNOWN, SILENCE, through=14, silent=5.4)
    now = look(not_yet.state, SILENCE, through=15.5, silent=5.4)
    still = look(now.state, SILENCE, through=300, silent=5.9)
    back = look(still.state, SILENCE, through=310, silent=None)
    again = look(back.state, SILENCE, through=410, silent=400)
    silences = [told(one) for one in (not_yet, now, still, back, again)]
    assert silences == [[], [(15, "SilentConnector")], [], [], [(410, "SilentConnector")]]


def test_events_are_signs_of_life() -> None:
    """A listing that is older than what was just read does not make a connector silent."""
    assert told(look(NOTHING_KNOWN, SILENCE, event("Leave", 90), through=100, silent=5)) == []
    assert told(look(NOTHING_KNOWN, SILENCE, event("Leave", 4), through=100, silent=5)) != []


def test_what_is_not_asked_for_is_forgotten() -> None:
    """A rule that was off begins anew: it does not alarm about what it has not watched."""
    rules = AlertRules(10, 10, 10, 3)
    events = [event("StartUpgrade", 1), event("Init", 2)]
    state = look(NOTHING_KNOWN, rules, *events, through=20, silent=3).state
    assert state != NOTHING_KNOWN
    assert look(state, AlertRules(), event("Init", 3), through=100, silent=50) == (NOTHING_KNOWN, [])


def test_derived_events_can_not_be_mistaken() -> None:
    """Kind and number mark them as ours; no two kinds share a number; each has a level and a payload."""
    rules = AlertRules(10, 10, 100, 2)
    events = [event("Init", 0), *(event(f"Start{work}", 0) for work in WORKS), event("Init", 1)]
    derived = look(NOTHING_KNOWN, rules, *events, through=100, silent=20).events
    assert {one.k for one in derived} == DERIVED.keys()
    assert len({one.n for one in derived}) == len(DERIVED)
    assert all(is_derived(one.k, one.n) and one.e and one.e["k"] == one.k for one in derived)
    assert {level_of(kind) for kind in DERIVED} == {"error", "critical"}
    assert originals([*events, *derived]) == events
    assert not is_derived("tailer.CrashLoop", 3)
    assert [one.t for one in derived] == sorted(one.t for one in derived)


def test_they_take_their_place_among_the_others() -> None:
    """By (t, n), with the source of the read; where there are none, nothing changes."""
    source = Source("a", "c", "", "", 0.0)
    events = [event("Init", 1), event("Init", 15, n=2)]
    ours = look(NOTHING_KNOWN, UPGRADES, event("StartUpgrade", 5), through=100).events
    whole = merged(events, ours, source)
    assert [(one.t, one.n < 0) for one in whole] == [(1, False), (15, True), (15, False)]
    assert whole[1].source is source
    assert merged(events, [], source) == events


def test_the_state_can_be_stored() -> None:
    """What is known survives its encoding, infinities included."""
    rules = AlertRules(10, 10, 10, 3)
    events = [event("StartUpgrade", 1), event("StartRotatePki", 95.5), event("Init", 2)]
    state = look(NOTHING_KNOWN, rules, *events, through=99, silent=3).state
    data = msgspec.msgpack.encode(state)
    assert msgspec.msgpack.decode(data, type=AlertState) == state
