from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from tailer.core.budget import Budget
from tailer.errors import AuthError, RateLimitedError, ServerError
from tailer.observe import IntervalStretched
from tailer.testing.recording_sink import RecordingSink
from tests.flow.stage import FAKE_TIME, START, KeptJournal, Stage, keys, keys_of, steady

pytestmark = FAKE_TIME


def polls(stage: Stage) -> Counter[str]:
    """Count the first pages that were asked for, by connector."""
    return Counter(one.connector for one in stage.source.asked if one.request.cursor is None)


async def test_every_connector_is_polled_at_its_interval() -> None:
    """Twelve polls a minute at five seconds, whatever their number."""
    stage = Stage({f"c{i}": [] for i in range(20)})

    await stage.serve(RecordingSink(), seconds=59)

    assert set(polls(stage).values()) == {12}


async def test_polls_do_not_pile_up() -> None:
    """An API that is slower than the interval gets one request of a connector at a time."""
    rows = {"c1": steady(100), "c2": steady(100)}
    stage = Stage(rows, latency=12.0)
    sink = RecordingSink()

    await stage.serve(sink, seconds=200)

    assert set(stage.source.most_in_flight.values()) == {1}
    assert set(polls(stage).values()) <= {15, 16, 17}
    assert sorted(keys(sink.events)) == keys_of(rows)


async def test_places_bound_what_is_in_flight() -> None:
    """No more than `concurrency` polls are under way at once."""
    stage = Stage({f"c{i}": [] for i in range(40)}, latency=2.0, polling={"concurrency": 4})

    await stage.serve(RecordingSink(), seconds=100)

    assert stage.source.most_at_once == 4
    assert min(polls(stage).values()) >= 3


async def test_hanging_connectors_delay_nobody() -> None:
    """Those that run into the time limit move to a lane of their own; the others keep their pace."""
    rows = {f"c{i}": steady(300) for i in range(10)}
    stage = Stage(rows, polling={"concurrency": 4})
    for number in range(7):
        stage.source.hang(f"c{number}")
    sink = RecordingSink()

    await stage.serve(sink, seconds=300, order="arrival")

    # two rounds in which hanging ones may hold all four places for half a minute
    assert all(polls(stage)[f"c{number}"] > 40 for number in (7, 8, 9))
    last = [one.at for one in stage.source.asked if one.connector == "c8" and one.at > START + 70]
    assert max(b - a for a, b in pairwise(last)) < 6


async def test_a_connector_that_answers_again_leaves_the_slow_lane() -> None:
    """After a success it is polled at its interval, and has lost nothing."""
    rows = {"c1": steady(500), "c2": steady(500)}
    stage = Stage(rows)
    stage.source.hang("c1", times=3)
    sink = RecordingSink()

    await stage.serve(sink, seconds=510)

    last = [one.at for one in stage.source.asked if one.connector == "c1"][-20:]
    assert max(b - a for a, b in pairwise(last)) < 6
    assert sorted(keys(sink.events)) == keys_of(rows)


async def test_a_small_budget_stretches_the_interval_for_all() -> None:
    """Ten connectors on sixty requests in five minutes are all polled as often, and the budget is kept."""
    budget = Budget(share=0.8, reserve=0.0, quota=60, window=300.0)
    rows = {f"c{i}": steady(6, every=250, start=i) for i in range(10)}
    stage = Stage(rows, budget=budget)
    sink = RecordingSink()

    run = await stage.serve(sink, seconds=1700)

    assert run.fleets[0].pacing.interval == pytest.approx(10 / (0.9 * 48 / 300))
    assert min(polls(stage).values()) >= 1700 // run.fleets[0].pacing.interval - 1
    times = [one.at for one in stage.source.asked]
    assert all(later - earlier >= 299 for earlier, later in zip(times, times[48:], strict=False))
    assert sorted(keys(sink.events)) == keys_of(rows)


async def test_those_that_report_most_are_polled_most_often() -> None:
    """Where the budget binds, a busy connector is polled more often, and nobody is forgotten."""
    budget = Budget(share=0.8, reserve=0.0, quota=300, window=300.0)
    rows = {f"c{i:02}": steady(2, every=1500, start=100 + i) for i in range(39)}
    rows["busy"] = steady(1200, every=3)
    stage = Stage(rows, budget=budget)
    sink = RecordingSink()

    await stage.serve(sink, seconds=3660, order="arrival")

    asked = {name: [one.at for one in stage.source.asked if one.connector == name] for name in rows}
    gaps = {name: [b - a for a, b in pairwise(times) if a > START + 1200] for name, times in asked.items()}
    assert max(gaps["busy"]) < 30
    assert all(max(gaps[name]) <= 301 for name in rows)
    assert min(sum(gaps[name]) / len(gaps[name]) for name in rows if name != "busy") > 60
    times = [one.at for one in stage.source.asked]
    assert all(later - earlier >= 299 for earlier, later in zip(times, times[240:], strict=False))
    assert sorted(keys(sink.events)) == keys_of(rows)
    (stretched,) = stage.said(IntervalStretched)[:1]
    assert (stretched.shortest, stretched.longest) == (5.0, 300.0)


def starts(stage: Stage, since: float, until: float) -> list[float]:
    """List when requests were sent within a span of seconds after `START`."""
    return [one.at - START for one in stage.source.asked if since <= one.at - START < until]


async def test_a_large_fleet_begins_spread_out() -> None:
    """Beyond a twentieth of the window they begin at the budget's rate: no window passes without polls."""
    budget = Budget(share=0.8, reserve=0.0, quota=300, window=300.0)
    stage = Stage({f"c{i:03}": [] for i in range(200)}, budget=budget)

    await stage.serve(RecordingSink(), seconds=900)

    first = [one.connector for one in stage.source.asked][:200]
    assert len(set(first)) == 200
    assert 12 <= len(starts(stage, 0, 5)) <= 18
    each_minute = [len(starts(stage, start, start + 60)) for start in range(60, 900, 60)]
    assert min(each_minute) >= 20
    assert max(each_minute) <= 48


async def test_a_small_fleet_begins_at_once() -> None:
    """A fleet for which the budget has room is read within seconds, though it is stretched later."""
    budget = Budget(share=0.8, reserve=0.0, quota=300, window=300.0)
    stage = Stage({f"c{i}": [] for i in range(13)}, budget=budget)

    await stage.serve(RecordingSink(), seconds=5)

    assert set(polls(stage).values()) == {1}


async def test_after_a_pause_of_the_api_the_fleet_goes_on_spread_out() -> None:
    """Everyone is due when the probe has succeeded, and yet only a few are polled at once."""
    budget = Budget(share=0.8, reserve=0.0, quota=300, window=300.0)
    stage = Stage({f"c{i:03}": [] for i in range(200)}, budget=budget)
    stage.source.trouble(RateLimitedError("no", status=429, retry_after=300.0), start=START + 600, times=1)

    await stage.serve(RecordingSink(), seconds=1800)

    paused = next(at for at in range(600, 900) if not starts(stage, at, at + 240))
    again = next(at for at in starts(stage, paused + 240, 1800))
    assert len(starts(stage, again, again + 10)) <= 12 + 8 + 10
    each_minute = [len(starts(stage, start, start + 60)) for start in range(int(again) + 60, 1740, 60)]
    assert min(each_minute) > 0
    assert max(each_minute) <= 48 + 12


async def test_who_was_read_longest_ago_begins_first() -> None:
    """A restart goes on where the budget had brought the fleet."""
    budget = Budget(share=0.8, reserve=0.0, quota=60, window=300.0)
    names = [f"c{i:02}" for i in range(30)]
    stage = Stage({name: [] for name in names}, journal=KeptJournal(), budget=budget)
    await stage.serve(RecordingSink(), seconds=100)
    read = [one.connector for one in stage.source.asked]

    await stage.serve(RecordingSink(), seconds=100)

    then = [one.connector for one in stage.source.asked][len(read) :]
    assert set(then[3:15]) == set(names) - set(read)  # three had been read in the very first second


@pytest.mark.parametrize("error", [ServerError("HTTP 500", status=500), AuthError("no", status=403)])
async def test_a_failing_connector_does_not_stall_global_order(error: ServerError | AuthError) -> None:
    """Nobody waits for a connector that fails or is parked; the others' events flow in order."""
    stage = Stage({"bad": [], "c1": steady(200), "c2": steady(200)})
    stage.source.trouble(error, connector="bad")
    sink = RecordingSink()

    await stage.serve(sink, seconds=100, order="global")

    assert [event.t for event in sink.events] == sorted(event.t for event in sink.events)
    assert len(sink.events) >= 2 * 88


async def test_a_silent_connector_does_not_stall_global_order() -> None:
    """Polls that find nothing release what waits for their connector."""
    stage = Stage({"silent": [], "c1": steady(200)})
    sink = RecordingSink()

    await stage.serve(sink, seconds=100, order="global")

    assert len(sink.events) >= 88
    assert not any(event.late for event in sink.events)


async def test_catching_up_does_not_keep_the_others_from_their_polls() -> None:
    """A connector with a long and dense history is read in between; live polls keep their pace."""
    history = steady(30_000, start=-3600, every=0.12)
    stage = Stage({"long": history, **{f"c{i}": steady(60) for i in range(5)}}, polling={"concurrency": 2})
    sink = RecordingSink()

    await stage.serve(sink, seconds=61, start="1h")

    assert sum(1 for event in sink.events if event.connector == "long") == 30_000
    assert all(polls(stage)[f"c{i}"] >= 11 for i in range(5))


async def test_only_chosen_connectors_are_polled() -> None:
    """Patterns decide."""
    stage = Stage({"alpha": [], "beta": [], "gamma": []}, connectors=("alpha", "g*"))

    await stage.serve(RecordingSink(), seconds=12)

    assert set(polls(stage)) == {"alpha", "gamma"}


async def test_keys_do_not_grow_for_ever() -> None:
    """Once a minute what is below the durable floor is forgotten; nothing comes twice for that."""
    rows = {"c1": steady(2250, every=2)}
    stage = Stage(rows, polling={"interval": 20.0, "revisit_max": 900.0})
    sink = RecordingSink()

    run = await stage.serve(sink, seconds=4_600)

    assert keys(sink.events) == keys_of(rows)
    assert len(run.pollers[0].book.keys) < 1500
