"""Connectors that can't be read beside healthy ones: whose trouble it is, and who notices."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tailer.core.budget import Budget
from tailer.errors import (
    AuthError,
    ConnectorGoneError,
    RateLimitedError,
    TransportError,
    WireFormatError,
)
from tailer.observe import (
    ConnectorParked,
    ConnectorResumed,
)
from tailer.testing.recording_sink import RecordingSink
from tailer.testing.scripted_source import Row
from tests.flow.stage import FAKE_TIME, START, Stage, asked_at, keys, keys_of, longest_wait, steady

pytestmark = FAKE_TIME

FORBIDDEN = AuthError("not allowed", status=403)
GONE = ConnectorGoneError("not found", status=404)
MALFORMED = WireFormatError("no items")


def slow_down() -> RateLimitedError:
    """A 429; each is an error of its own, as it learns whose it is."""
    return RateLimitedError("slow down", retry_after=1, status=429)


async def test_five_that_can_not_be_read_cost_the_healthy_ones_two_short_pauses() -> None:
    """403, 404, hanging, malformed and 429 for ever: the others keep their interval, in global order too."""
    healthy = {f"c{number}": steady(600) for number in range(4)}
    bad = ["forbidden", "gone", "hanging", "malformed", "throttled"]
    stage = Stage({**{name: steady(0) for name in bad}, **healthy})
    stage.source.trouble(FORBIDDEN, connector="forbidden")
    stage.source.trouble(GONE, connector="gone")
    stage.source.hang("hanging")
    stage.source.trouble(MALFORMED, connector="malformed")
    stage.source.trouble(slow_down(), connector="throttled")
    sink = RecordingSink()

    run = await stage.serve(sink, seconds=604, order="global")

    for name in healthy:
        times = asked_at(stage, name)
        assert longest_wait(times) < 5 + 3  # refused with "wait for a second", and as a probe once more
        assert sum(later - earlier > 5.2 for earlier, later in pairwise(times)) <= 2
    assert sorted(keys(sink.events)) == keys_of(healthy)
    assert [event.t for event in sink.events] == sorted(event.t for event in sink.events)
    parked = {poller.connector.id for poller in run.pollers if poller.is_parked}
    assert parked == {"forbidden", "gone", "throttled"}
    assert len(stage.source.listings) <= 6  # at the start, every five minutes, and for the forbidden one
    assert all(len(asked_at(stage, name)) < 20 for name in bad)


async def test_many_that_are_refused_at_once_ask_for_one_listing() -> None:
    """A hundred third refusals, one List Connectors; the hundred are parked and the others unaffected."""
    bad = {f"b{number}": steady(0) for number in range(100)}
    stage = Stage({**bad, "good": steady(200)}, polling={"discover": 10_000.0})
    stage.source.trouble(FORBIDDEN, connectors=bad)

    run = await stage.serve(RecordingSink(), seconds=40)

    assert len(stage.source.listings) == 2
    assert sum(poller.is_parked for poller in run.pollers) == 100
    assert [report.tries for report in stage.said(ConnectorParked)].count(1) == 100
    assert longest_wait(asked_at(stage, "good")) < 5.2


async def test_parked_ones_leave_the_budget_to_the_others() -> None:
    """Each is tried less than twice an hour in the end, and the interval is fitted to those that are read."""
    bad = {f"b{number}": steady(0) for number in range(200)}
    stage = Stage({**bad, "good": steady(0)}, budget=Budget(share=0.8, reserve=0.1))
    stage.source.trouble(GONE, connectors=bad)

    run = await stage.serve(RecordingSink(), seconds=3 * 3600)

    tries = sum(one.at - START > 2 * 3600 for one in stage.source.asked if one.connector != "good")
    assert 200 <= tries < 2 * 200
    assert run.fleets[0].pacing.interval == 5
    assert longest_wait(asked_at(stage, "good", since=3600)) < 6


async def test_a_thousand_that_are_parked_together_do_not_eat_the_budget() -> None:
    """Once all were asked, which takes five minutes of budget, the one that can be read has its interval."""
    bad = {f"b{number}": steady(0) for number in range(1000)}
    stage = Stage({**bad, "good": steady(0)}, budget=Budget(share=0.8, reserve=0.1))
    stage.source.trouble(GONE, connectors=bad)

    await stage.serve(RecordingSink(), seconds=1500)

    assert longest_wait(asked_at(stage, "good", since=700)) < 6


async def test_a_throttle_that_says_403_is_over_soon_after_its_end() -> None:
    """All are refused for two minutes while listing works: nobody stays parked, and nothing is lost."""
    rows = {f"c{number}": steady(300) for number in range(20)}
    stage = Stage(rows)
    stage.source.trouble(FORBIDDEN, connectors=rows, start=START + 30, end=START + 150)
    sink = RecordingSink()

    run = await stage.serve(sink, seconds=310)

    assert len(stage.said(ConnectorResumed)) == 20
    assert not any(poller.is_parked for poller in run.pollers)
    assert all(min(asked_at(stage, name, since=150)) < 150 + 60 for name in rows)
    assert sorted(keys(sink.events)) == keys_of(rows)


@pytest.mark.parametrize("remaining", [500_000, None])
@pytest.mark.parametrize("retry_after", [1, None])
async def test_one_that_is_always_throttled_pauses_the_others_once(
    remaining: int | None, retry_after: float | None
) -> None:
    """Whether or not headers tell that quota remains; its tries in parking pause nobody."""
    rows = {f"c{number}": steady(0) for number in range(3)}
    stage = Stage({"bad": [], **rows}, budget=Budget(share=1.0, reserve=0.0, quota=1_000_000))
    stage.source.remaining = remaining
    error = RateLimitedError("slow down", retry_after=retry_after, status=429)
    stage.source.trouble(error, connector="bad", start=START + 30)
    sink = RecordingSink()

    await stage.serve(sink, seconds=1200)

    times = asked_at(stage, "c1")
    waits = [later - earlier for earlier, later in pairwise(times) if later - earlier > 5.2]
    # without any word of how long, and of what remains, Cloudflare's block has to be waited for
    pause = retry_after or (30 if remaining else 300)
    assert len(waits) <= 1
    assert sum(waits) <= pause + 5
    assert len(asked_at(stage, "bad", since=60)) >= 3
    assert stage.said(ConnectorParked)


async def test_a_limit_of_all_pauses_all() -> None:
    """Where everybody is refused nobody is parked for it: the principal waits, with one probe at a time."""
    rows = {f"c{number}": steady(400) for number in range(6)}
    stage = Stage(rows)
    stage.source.trouble(
        RateLimitedError("slow down", retry_after=20, status=429), start=START + 30, end=START + 200
    )
    sink = RecordingSink()

    await stage.serve(sink, seconds=420)

    assert stage.said(ConnectorParked) == []
    assert sum(30 < one.at - START < 200 for one in stage.source.asked) < 12
    assert sorted(keys(sink.events)) == keys_of(rows)


@pytest.mark.parametrize("remaining", [500_000, None])
@pytest.mark.parametrize("retry_after", [60, None])
async def test_a_crossing_is_met_by_what_was_under_way_and_then_by_single_probes(
    remaining: int | None, retry_after: float | None
) -> None:
    """Though headers deny it, and it lasts for longer than they say, nobody else asks or is parked."""
    budget = Budget(share=1.0, reserve=0.0, quota=1_000_000)
    stage = Stage({f"c{number}": [] for number in range(8)}, latency=0.7, budget=budget)
    stage.source.remaining = remaining
    error = RateLimitedError("slow down", retry_after=retry_after, status=429)
    stage.source.trouble(error, start=START + 100, end=START + 400)

    await stage.serve(RecordingSink(), seconds=430)

    refused = sorted(one.at - START for one in stage.source.asked if 100 <= one.at - START < 400)
    herd = [at for at in refused if at < refused[0] + 0.7]
    assert 1 < len(herd) <= stage.source.most_at_once
    pause = retry_after or (30 if remaining else 300)
    probes = refused[len(herd) :]
    assert all(later - earlier >= pause for earlier, later in pairwise([herd[-1], *probes]))
    assert len(probes) <= 3
    assert stage.said(ConnectorParked) == []


async def test_a_vanished_connector_goes_on_as_soon_as_it_is_listed_again() -> None:
    """It is parked while it is unknown; what came meanwhile is caught up on, with coverage intact."""
    rows = {"c1": steady(4000), "c2": steady(400)}
    stage = Stage(rows, polling={"discover": 60.0})
    stage.source.vanish("c1", start=START + 100, end=START + 3500)
    sink = RecordingSink()

    run = await stage.serve(sink, seconds=4010)

    assert len(asked_at(stage, "c1", since=3400)) > 60
    assert min(asked_at(stage, "c1", since=3500)) < 3500 + 60 + 6
    assert run.pollers[0].checkpoint.covered.missing(START, START + 4000) == []
    assert sorted(keys(sink.events)) == keys_of(rows)
    assert len(stage.said(ConnectorResumed)) == 1


async def test_one_that_is_no_longer_listed_is_parked_though_its_polls_succeed() -> None:
    """After two listings; it is tried now and then, and when it is back its absence is read again."""
    back = START + 3500
    rows = {
        "c1": [*steady(97), *[Row(START + t, 0, visible_at=back) for t in range(110, 3500, 40)]],
        "c2": steady(400, every=10),
    }
    stage = Stage(rows, polling={"discover": 60.0})
    stage.source.vanish("c1", start=START + 100, end=back, is_listed_only=True)
    sink = RecordingSink()

    run = await stage.serve(sink, seconds=4010)

    assert len(asked_at(stage, "c1", since=240)) - len(asked_at(stage, "c1", since=3500)) < 10
    assert "List Connectors does not have it" in stage.said(ConnectorParked)[0].reason
    assert len(stage.said(ConnectorResumed)) == 1
    found = [event.seen for event in sink.events if event.connector == "c1" and event.t >= START + 110]
    assert max(found) - back < 180
    assert sorted(keys(sink.events)) == keys_of(rows)
    assert run.pollers[0].checkpoint.covered.missing(START, START + 4000) == []


async def test_one_that_brings_events_though_it_is_not_listed_is_read_on() -> None:
    """A listing that is wrong costs no event its time."""
    rows = {"c1": steady(400, every=10)}
    stage = Stage(rows, polling={"discover": 60.0})
    stage.source.vanish("c1", start=START + 100, is_listed_only=True)
    sink = RecordingSink()

    await stage.serve(sink, seconds=4010)

    assert sorted(keys(sink.events)) == keys_of(rows)
    assert not stage.said(ConnectorParked)
    assert longest_wait(asked_at(stage, "c1")) < 6


async def test_two_that_hang_do_not_block_a_third_slow_one() -> None:
    """One that timed out once waits for its next turn half a minute, about, and is in time from then on."""
    rows = {"c1": steady(300), "h1": [], "h2": []}
    stage = Stage(rows)
    for name in ("h1", "h2"):
        stage.source.hang(name)
    stage.source.trouble(
        TransportError("late", timed_out=True), connector="c1", delay=30.0, start=START + 40, times=1
    )
    sink = RecordingSink()

    await stage.serve(sink, seconds=310)

    assert longest_wait(asked_at(stage, "c1")) < 30 + 10 + 30 + 1
    assert longest_wait(asked_at(stage, "c1", since=120)) < 5.2
    assert sorted(keys(sink.events)) == keys_of(rows)
