import math
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from tailer.kinds import LEVEL_OF_KIND
from tailer.simulator.chronicle import BIG_N, BUCKET
from tailer.simulator.fleet import LICENSE_MARK, Connector, absence, build_fleet, last_heartbeat
from tailer.simulator.options import SimulatorOptions
from tailer.simulator.rules import Burst, Newcomers, Vanishing
from tailer.simulator.shelf import Event
from tailer.simulator.stories import KINDS, LONGEST, MEAN_EVENTS, STORIES
from tailer.simulator.world import World

START = 1_790_000_000.0

Told = list[tuple[str, Event, float]]


def tell(now: float = START, started_at: float = START, **chosen: Any) -> Told:
    """Everything that a world with these options has told by `now`: (connector, event, visible_at)."""
    told: Told = []

    def witness(connector: Connector, event: Event, visible_at: float) -> None:
        told.append((connector.id, event, visible_at))

    World(SimulatorOptions(**chosen), started_at, witness).tell_all(now)
    return told


def identities(told: Told) -> list[tuple[str, float, float]]:
    """What makes each told event this one and no other."""
    return [(connector, event.t, event.n) for connector, event, _ in told]


def test_same_seed_and_epoch_tell_the_same_at_any_later_start() -> None:
    """A simulator that is started again later tells the same history, and what has come since."""
    chosen = {
        "epoch": START - 3600,
        "rate": 2.0,
        "delay": 3.0,
        "late_share": 0.1,
        "offline_share": 0.5,
        "bursts": (Burst(events=50, offset=START + 100),),
    }
    before = set(tell(now=START, started_at=START, **chosen))
    after = set(tell(now=START + 5000, started_at=START + 4000, **chosen))
    assert len(after) > len(before) > 5000
    assert before <= after
    # What the later start has besides is younger than what the earlier one had to show.
    assert min(visible_at for *_, visible_at in after - before) > START


def test_later_epoch_cuts_the_history_and_changes_nothing_after() -> None:
    """What happens after an epoch does not depend on where the history begins."""
    whole = tell(epoch=START - 3600, rate=5.0)
    epoch = START - 1800
    assert set(tell(epoch=epoch, rate=5.0)) == {told for told in whole if told[1].t >= epoch}


def test_asking_often_tells_the_same_as_asking_once() -> None:
    """The history does not depend on when it was asked for."""
    told: Told = []

    def witness(connector: Connector, event: Event, visible_at: float) -> None:
        told.append((connector.id, event, visible_at))

    world = World(SimulatorOptions(), START, witness)
    for step in range(100):
        world.tell_all(START + step * 17.3)
    assert sorted(identities(told)) == sorted(identities(tell(now=START + 99 * 17.3)))


def test_another_seed_tells_another_history() -> None:
    """The seed decides who is there and what happens."""
    assert not set(identities(tell(seed=1))) & set(identities(tell(seed=2)))


@pytest.mark.parametrize("sequence", ["dense", "agent"])
@pytest.mark.parametrize("fractional", [False, True])
def test_identities_are_unique(sequence: str, fractional: bool) -> None:
    """No two events of one connector share (t, n), across stories, buckets and bursts."""
    told = tell(
        rate=4.0, sequence=sequence, fractional=fractional, bursts=(Burst(events=2000, offset=-90.0),)
    )
    assert len(set(identities(told))) == len(told) > 20_000


def test_dense_numbers_count_from_zero_within_each_time() -> None:
    """With dense numbering the events of one second are numbered without a hole."""
    seconds: dict[tuple[str, float], list[float]] = {}
    for connector, event, _ in tell(rate=10.0):
        seconds.setdefault((connector, event.t), []).append(event.n)
    assert all(sorted(ns) == list(range(len(ns))) for ns in seconds.values())
    assert max(len(ns) for ns in seconds.values()) > 3


def test_agent_numbers_grow_with_time_until_the_agent_starts_anew() -> None:
    """With agent numbering `n` grows from event to event, except about once a day."""
    told = tell(connectors=1, rate=0.2, history=2 * 86400.0, sequence="agent")
    numbers = [event.n for _, event, _ in told]
    falls = sum(later <= earlier for earlier, later in pairwise(numbers))
    assert 1 <= falls <= 3


def test_rate_is_that_of_the_whole_fleet_and_differs_by_connector() -> None:
    """The mean rate is met by the fleet, some of whose connectors are far busier than others."""
    told = tell(connectors=10, rate=5.0, history=4 * 3600.0)
    assert len(told) == pytest.approx(5.0 * 4 * 3600, rel=0.05)
    counts = sorted(Counter(connector for connector, *_ in told).values())
    assert counts[-1] > 5 * counts[0] > 0


def test_quiet_fleet_has_no_events() -> None:
    """A rate of 0 means none at all."""
    assert tell(rate=0.0) == []


def test_stories_fit_into_a_bucket() -> None:
    """No story can reach beyond the bucket that follows its own."""
    assert all(sum(step.most for step in story.steps) < LONGEST for story in STORIES)
    assert LONGEST < BUCKET
    assert 1 < MEAN_EVENTS < 3


def test_stories_are_told_in_their_order() -> None:
    """An upgrade finishes after it has started, and each does, also across the end of a bucket."""
    told = tell(connectors=1, rate=0.02, history=20 * 86400.0)
    started: list[float] = []
    for _, event, _ in told:
        if event.k == "StartUpgrade":
            started.append(event.t)
        elif event.k.startswith("FinishUpgrade"):
            assert event.t - started.pop(0) < LONGEST
    # What has begun lately may finish beyond what was told.
    assert not [t for t in started if t < START - LONGEST]
    assert Counter(event.k for _, event, _ in told)["StartUpgrade"] > 50


def test_every_documented_kind_is_told_and_one_that_is_not() -> None:
    """A client meets every kind of the documentation, and one that no documentation has."""
    assert set(LEVEL_OF_KIND) < KINDS
    assert {event.k for _, event, _ in tell(rate=10.0)} == KINDS


def test_nothing_is_visible_before_it_happened() -> None:
    """Times grow along an event's journey: recorded, collected, visible."""
    told = tell(rate=5.0, delay=10.0, late_share=0.2, offline_share=0.6, fractional=True)
    assert all(event.t <= event.a <= visible_at for _, event, visible_at in told)


def test_late_share_and_bound_are_kept() -> None:
    """The asked share of the events is late, at most by the asked time, some collected late and some not."""
    told = tell(rate=5.0, late_share=0.1, late_by=3600.0)
    late = [
        (event.a - event.t, visible_at - event.t) for _, event, visible_at in told if visible_at - event.t > 2
    ]
    assert len(late) == pytest.approx(0.1 * len(told), rel=0.15)
    assert max(lateness for _, lateness in late) <= 3601
    collected_late = sum(collected > 2 for collected, _ in late)
    assert 0.3 < collected_late / len(late) < 0.7


def test_offline_appliance_uploads_at_the_end_of_its_absence() -> None:
    """Events of an absence are collected and visible only after it, and the heartbeat stands still."""
    options = SimulatorOptions(connectors=1, rate=2.0, offline_share=1.0, offline_for=600.0, fractional=True)
    connector = build_fleet(options, START)[0]
    away = [
        (event, visible_at, span)
        for _, event, visible_at in tell(connectors=1, rate=2.0, offline_share=1.0, fractional=True)
        if (span := absence(options, connector, event.t))
    ]
    assert len(away) > 500
    for event, visible_at, (start, end) in away:
        assert start <= event.t < end
        assert end - 0.001 <= event.a <= visible_at <= end + 6
    start, end = away[0][2]
    assert last_heartbeat(options, connector, end - 0.001) == start // 10 * 10
    assert last_heartbeat(options, connector, end + 0.001) == end // 10 * 10


def test_only_the_last_connectors_clock_runs_ahead() -> None:
    """A device clock ahead moves t of one connector before its own a."""
    told = tell(device_ahead=600.7, rate=5.0)
    last = build_fleet(SimulatorOptions(), START)[-1].id
    leads: dict[str, set[float]] = {connector: set() for connector, *_ in told}
    for connector, event, _ in told:
        leads[connector].add(event.t - event.a)
    assert leads.pop(last) == {600}
    assert all(lead == {0} for lead in leads.values())


def test_numbers_take_the_asked_form() -> None:
    """Numbers are whole, or floats, or beyond what a float can hold."""
    assert all(isinstance(event.t, int) and isinstance(event.n, int) for _, event, _ in tell())
    floats = tell(float_numbers=True)
    assert all(isinstance(x, float) for _, event, _ in floats for x in (event.t, event.n, event.a))
    big = tell(big_n=True, float_numbers=True)
    assert min(event.n for _, event, _ in big) == BIG_N
    assert all(isinstance(event.n, int) for _, event, _ in big)
    assert any(event.t != math.floor(event.t) for _, event, _ in tell(fractional=True))


def test_ten_thousand_events_fit_one_second() -> None:
    """A burst is that many events of the first connector with one and the same t."""
    told = tell(now=START + 60, rate=0.0, bursts=(Burst(events=10_000, offset=30.0),))
    first = build_fleet(SimulatorOptions(), START)[0].id
    assert {(connector, event.t) for connector, event, _ in told} == {(first, START + 30)}
    assert sorted(event.n for _, event, _ in told) == list(range(10_000))
    assert all(START + 30 <= visible_at < START + 31 for *_, visible_at in told)


def test_fixed_history_is_even_and_exact() -> None:
    """A fixed history has that many events per connector, evenly over its span; live ones follow."""
    told = tell(now=START + 600, connectors=3, history_events=720, history=7200.0, rate=3.0)
    past = [event.t for _, event, _ in told if event.t < START]
    assert Counter(past) == Counter({START - 7200 + 10 * i: 3 for i in range(720)})
    assert len(told) > 3 * 720 + 600


def test_nothing_exists_before_the_epoch() -> None:
    """History begins at the epoch, to the second."""
    times = [event.t for _, event, _ in tell(epoch=START - 100, rate=50.0)]
    assert min(times) == START - 100


def test_history_beyond_a_year_is_refused() -> None:
    """A mistyped epoch is refused rather than told for an hour."""
    with pytest.raises(ValueError, match="--epoch"):
        World(SimulatorOptions(epoch=0.0), START)


def test_newcomers_turn_up_when_due() -> None:
    """The last connectors are unknown before their time and listed from then on."""
    world = World(SimulatorOptions(connectors=4, newcomers=Newcomers(connectors=1, offset=30.0)), START)
    newcomer = world.connectors[-1]
    assert newcomer not in world.listed(START + 29.9)
    assert world.connector(newcomer.id, START + 29.9) is None
    assert world.listed(START + 30)[-1] is world.connector(newcomer.id, START + 30) is newcomer


def test_vanished_ones_come_back_with_their_history() -> None:
    """For a while the first connectors are unknown; what they did meanwhile is there afterwards."""
    gone = Vanishing(connectors=1, start=30.0, end=60.0)
    world = World(SimulatorOptions(connectors=3, rate=9.0, vanish=gone), START)
    first = world.connectors[0]
    assert [first in world.listed(START + at) for at in (29.9, 30, 59.9, 60)] == [True, False, False, True]
    assert world.connector(first.id, START + 30) is None
    assert world.place_of(first.id) == 0
    assert [event for event in world.shelf(first, START + 60).events if START + 30 <= event.t < START + 60]


def test_fleet_is_believable_and_difficult() -> None:
    """Ids are unique, notes empty, multi-line or with control characters, secrets recognisable."""
    fleet = build_fleet(SimulatorOptions(connectors=40), START)
    assert len({connector.id for connector in fleet}) == 40
    assert all(len(connector.id) == 32 and int(connector.id, 16) for connector in fleet)
    notes = [connector.notes for connector in fleet]
    assert "" in notes
    assert any("\n" in text for text in notes)
    assert any("\x1b" in text for text in notes)
    assert all(connector.license_key.startswith(LICENSE_MARK) for connector in fleet)
    # A larger fleet begins with the same ones.
    assert [c.id for c in build_fleet(SimulatorOptions(connectors=5), START)] == [c.id for c in fleet[:5]]
