"""Reads of the past get their share of a budget that the polls alone could spend."""

from __future__ import annotations

import math
from itertools import pairwise

import anyio
import pytest

from tailer.app.daemon.snapshot import count_connectors
from tailer.core.budget import Budget
from tailer.core.ladder import RATIO, VISITS
from tailer.core.purpose import Purpose
from tailer.testing.scripted_source import Asked, Row
from tests.flow.stage import FAKE_TIME, START, KeptJournal, Stage, steady

pytestmark = FAKE_TIME

HOUR = 3600.0


@pytest.mark.parametrize("allowed", [6, 12])
async def test_levels_in_slices_are_read_however_many_polls_wait(allowed: int) -> None:
    """Given a budget that polls could spend alone, a late event of a dense connector is found in time."""
    delay = HOUR
    late = Row(START + 100.5, 0, visible_at=START + 100.5 + delay)
    rows = {"dense": [*steady(1500, every=10), late], **{f"quiet {number}": [] for number in range(8)}}
    budget = Budget(share=1.0, reserve=0.0, quota=allowed, window=300.0)
    options = {"interval": 5.0, "max_interval": 300.0, "discover": 12 * HOUR, "revisit_max": 1.5 * HOUR}
    stage = Stage(rows, journal=KeptJournal(), polling=options, budget=budget, page_rows=100)

    await stage.serve(seconds=4 * HOUR)

    journal = await stage.journal.read(0, 10_000)
    events = [event for one in journal for segment in one.segments for event in segment.events]
    seen = {event.t: event.seen for event in events}
    longest = 9 * 300.0 / allowed
    assert seen.get(late.t, math.inf) - late.seen_from <= RATIO * (delay + longest) / (VISITS - 1) + longest


async def test_a_revisit_that_waits_holds_up_no_poll() -> None:
    """Given a budget spent by others' polls, the dense connector is polled as often as the quiet ones."""
    rows = {"dense": steady(1500, every=10), **{f"quiet {number}": [] for number in range(8)}}
    budget = Budget(share=1.0, reserve=0.0, quota=12, window=300.0)
    options = {"interval": 5.0, "max_interval": 300.0, "discover": 12 * HOUR, "revisit_max": 1.5 * HOUR}
    stage = Stage(rows, journal=KeptJournal(), polling=options, budget=budget, page_rows=100)

    await stage.serve(seconds=4 * HOUR)

    polls = [one.at for one in stage.source.asked if one.connector == "dense" and one.purpose == Purpose.LIVE]
    assert max(after - before for before, after in pairwise(polls)) <= 2 * 300.0


@pytest.mark.parametrize("latency", [0.05, 20.0])
async def test_no_poll_waits_for_a_read_of_the_past(latency: float) -> None:
    """Given deep reads of several pages, polls are as regular as without, but for one request's time."""
    longest, asked = {}, list[Asked]()
    for revisit_max in (20.0, 1.5 * HOUR):
        rows = {"dense": steady(900, every=8), **{f"quiet {number}": [] for number in range(8)}}
        budget = Budget(share=1.0, reserve=0.0, quota=30, window=300.0)
        options = {"interval": 5.0, "max_interval": 60.0, "discover": 12 * HOUR, "revisit_max": revisit_max}
        stage = Stage(
            rows, journal=KeptJournal(), polling=options, budget=budget, page_rows=100, latency=latency
        )

        await stage.serve(seconds=2 * HOUR)

        asked = [one for one in stage.source.asked if one.connector == "dense"]
        polls = [one.at for one in asked if one.purpose == Purpose.LIVE and one.request.cursor is None]
        longest[revisit_max] = max(after - before for before, after in pairwise(polls[20:]))
    past = [one for one in asked if one.purpose == Purpose.REVISIT]
    assert len(past) > 30
    assert longest[1.5 * HOUR] <= longest[20.0] * 0.9 / 0.8 + latency + 1.0


async def test_the_reach_that_the_budget_does_not_hold_is_shown() -> None:
    """Given a connector too dense for its share, its deepest level is overdue, and the reach is less."""
    rows = {"dense": steady(5400, every=2), **{f"quiet {number}": [] for number in range(8)}}
    budget = Budget(share=1.0, reserve=0.0, quota=12, window=300.0)
    options = {"interval": 5.0, "max_interval": 300.0, "discover": 12 * HOUR, "revisit_max": 1.5 * HOUR}
    stage = Stage(rows, journal=KeptJournal(), polling=options, budget=budget, page_rows=100)

    fleet = count_connectors(await stage.serve(seconds=3 * HOUR))

    assert fleet.affordable_reach is not None
    assert fleet.ladder_reach == fleet.affordable_reach < 0.75 * 1.5 * HOUR
    assert (fleet.overdue, fleet.overdue_because) == (1, {"budget": 1})


async def test_overdue_reads_are_shown_with_their_reason() -> None:
    """After a downtime deep reads are overdue as the connector is behind, in a pause because of that."""
    stage = Stage({"c1": steady(60)}, journal=KeptJournal(), latency=20.0)
    await stage.serve(seconds=60)
    await stage.clock.sleep(3 * HOUR)

    run = stage.run()
    async with run, anyio.create_task_group() as group:
        group.start_soon(run.serve)
        await stage.clock.sleep(30)
        behind = count_connectors(run)
        stage.source.budget.pause(60.0, stage.clock.monotonic())
        paused = count_connectors(run)
        run.drain()

    assert (behind.overdue_because, paused.overdue_because) == ({"behind": 1}, {"paused": 1})
    assert behind.ladder_reach == behind.affordable_reach == 15.0
