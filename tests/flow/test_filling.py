"""Lost gaps read again between the polls of a run, or by a run that does nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import anyio

from tailer.app.daemon.snapshot import snapshot, this_process
from tailer.app.gaps.filling import ask_to_fill, fill_alone, fill_status
from tailer.app.gaps.holes import drop_within, gaps_within
from tailer.app.gaps.listing import FillStatus, GapReport
from tailer.app.run.run import Run
from tailer.core.purpose import Purpose
from tailer.errors import AuthError, ServerError
from tailer.testing.recording_sink import RecordingSink
from tailer.testing.scripted_source import Row
from tests.flow.stage import FAKE_TIME, START, KeptJournal, Stage, keys, keys_of, steady

pytestmark = FAKE_TIME

DROPPED = (START - 600, START - 300)

PROCESS = this_process(0.0)


async def left_with_a_gap(stage: Stage) -> GapReport:
    """Let a first run begin ten minutes back, and drop the older half of what it would read."""
    run = stage.run("10m")
    async with run:
        return await drop_within(run, ("c1",), *DROPPED)


async def served(stage: Stage, sink: RecordingSink, *moments: tuple[float, Callable[[Run], object]]) -> Run:
    """Serve a run, and do something at some moments; it drains half a minute after the last."""
    run = stage.run("10m")
    async with run:
        run.deliver(sink, await run.open_reader("sink", "connector"))
        loop = asyncio.get_running_loop()
        for at, act in moments:
            loop.call_later(at, act, run)
        loop.call_later(moments[-1][0] + 30, run.drain)
        await run.serve()
    return run


async def test_open_gaps_are_dropped_by_their_owner() -> None:
    """What was open of the connectors that are meant is lost; what was not meant is open as before."""
    stage = Stage({"c1": steady(600, start=-600), "c2": steady(600, start=-600)}, journal=KeptJournal())
    report = await left_with_a_gap(stage)
    assert [(gap.connector, gap.start, gap.end, gap.state, gap.reason) for gap in report.gaps] == [
        ("c1", *DROPPED, "lost", "dropped")
    ]
    run = stage.run("10m")
    async with run:
        found = gaps_within(run, (), *DROPPED)
    assert [(gap.connector, gap.state) for gap in found.gaps] == [("c1", "lost"), ("c2", "open")]


async def test_a_run_fills_between_its_polls() -> None:
    """Asked twice, the gap is read once, as a revisit; every event comes once, those of the gap late."""
    rows = {"c1": steady(630, start=-600), "c2": steady(630, start=-600)}
    stage = Stage(rows, journal=KeptJournal())
    await left_with_a_gap(stage)
    sink = RecordingSink()
    seen: list[FillStatus] = []

    def ask(run: Run) -> None:
        seen.append(ask_to_fill(run, ("c1",), None, None))
        seen.append(ask_to_fill(run, (), None, None))

    def look(run: Run) -> None:
        seen.append(fill_status(run, (), None, None))

    run = await served(stage, sink, (31, ask), (45, look))

    first, second, last = seen
    assert (first.left, second.left, last.left) == (300, 300, 0)
    assert (first.gaps.connectors, second.gaps.connectors) == (1, 2)
    assert (first.gaps.lost_seconds, last.gaps.lost, last.found, last.doubtful) == (
        300,
        0,
        298,
        0,
    )  # padding had brought two
    assert sorted(keys(sink.events)) == keys_of(rows)
    late = [event for event in sink.events if event.late]
    assert {event.connector for event in late} == {"c1"}
    assert len(late) == 298
    asked = [one for one in stage.source.asked if one.purpose == Purpose.REVISIT]
    assert [(one.connector, one.request.start) for one in asked].count(("c1", DROPPED[0] - 1)) == 1
    assert run.tally.events == 1260


async def test_without_a_daemon_nothing_else_is_read() -> None:
    """A run that is only entered reads the gap, through a failure that passes, and not one second more."""
    stage = Stage({"c1": steady(600, start=-600)}, journal=KeptJournal())
    await left_with_a_gap(stage)
    stage.source.trouble(ServerError("HTTP 502", status=502), connector="c1", times=1)
    run = stage.run("10m", follow=False)
    async with run:
        assert ask_to_fill(run, (), None, None).left == 300
        await fill_alone(run)
        status = fill_status(run, (), None, None)
    assert (status.left, status.gaps.lost, status.found, status.obstacles) == (0, 0, 300, ())
    assert {(one.request.start, one.request.end) for one in stage.source.asked} == {
        (DROPPED[0] - 1, DROPPED[1] + 1)
    }


async def test_who_is_refused_is_told_and_left_out() -> None:
    """A connector that is refused again and again ends the fill of it, and of nobody else."""
    rows = {"c1": steady(600, start=-600), "c2": steady(600, start=-600)}
    stage = Stage(rows, journal=KeptJournal())
    run = stage.run("10m")
    async with run:
        await drop_within(run, (), *DROPPED)
        await drop_within(run, ("c1",), START - 200, START - 100)
    stage.source.trouble(AuthError("not allowed", status=403), connector="c1")
    run = stage.run("10m", follow=False)
    async with run:
        ask_to_fill(run, (), None, None)
        await fill_alone(run)
        status = fill_status(run, (), None, None)
        again = ask_to_fill(run, (), None, None)
    assert [gap.connector for gap in status.gaps.gaps] == ["c1", "c1"]
    assert (status.left, again.left) == (0, 0)
    assert status.obstacles == ("c1: parked: not allowed",)


async def test_a_fill_waits_for_details() -> None:
    """An event that waits for its details is journaled with them, and only then the fill is over."""
    rows = {"c1": [*steady(600, start=-600), Row(START - 400, 7, "HaError")]}
    stage = Stage(rows, journal=KeptJournal(), polling={"details": ("HaError",)})
    await left_with_a_gap(stage)
    run = stage.run("10m", follow=False)
    seen: list[int] = []
    async with run, anyio.create_task_group() as group:
        ask_to_fill(run, (), None, None)

        async def look() -> None:
            while not seen or seen[-1]:
                seen.append(fill_status(run, (), None, None).left)
                await stage.clock.sleep(0.01)

        group.start_soon(look)
        await fill_alone(run)
        status = fill_status(run, (), None, None)
    assert (status.left, status.gaps.lost) == (0, 0)
    assert 1 in seen
    entries = await stage.journal.read(0, 10**6)
    events = [event for entry in entries for part in entry.segments for event in part.events]
    assert [event.key for event in events if event.e is not None] == [(START - 400, 7)]


async def test_what_is_not_listed_is_named_and_stays_lost() -> None:
    """A connector that vanished while nobody ran is none of a fill's, but its gap was asked for."""
    stage = Stage({"c1": steady(600, start=-600), "c2": []}, journal=KeptJournal())
    await left_with_a_gap(stage)
    stage.source.vanish("c1", start=START)

    run = stage.run("10m")
    async with run:
        ask_to_fill(run, (), None, None)
        await fill_alone(run)
        status = fill_status(run, (), None, None)
        other = fill_status(run, ("c2",), None, None)
        gaps = gaps_within(run, (), None, None).gaps
        (account,) = snapshot(run, PROCESS, "running").principals[0].accounts

    assert (status.left, status.gaps.lost, status.gaps.lost_seconds) == (0, 1, 300)
    assert status.obstacles == ("c1: List Connectors does not have it, so it can't be read",)
    assert (other.gaps.connectors, other.gaps.lost, other.obstacles) == (1, 0, ())
    assert [(gap.connector, gap.start, gap.end) for gap in gaps if gap.state == "lost"] == [("c1", *DROPPED)]
    assert (account.connectors, account.unlisted, account.unlisted_ids) == (1, 1, ("c1",))
