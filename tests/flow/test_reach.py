"""What happens to a run whose keys would not fit into memory."""

from __future__ import annotations

import asyncio
import math

import msgspec
import pytest

from tailer.app.daemon.snapshot import snapshot, this_process
from tailer.app.run.run import Run
from tailer.observe import ReachCut, ReachRestored
from tailer.testing.recording_sink import RecordingSink
from tests.flow.stage import FAKE_TIME, Stage, keys, keys_of, steady

pytestmark = FAKE_TIME


@pytest.mark.long
async def test_a_flood_cuts_its_own_reach_until_it_is_over() -> None:
    """The connector that floods is read less far back, which is said, and again in full later."""
    rows = {"flood": steady(9000, every=0.2), "quiet": steady(300, every=20)}
    stage = Stage(rows, polling={"revisit_max": 1200.0, "interval": 10.0})
    stage.config = msgspec.structs.replace(
        stage.config, journal=msgspec.structs.replace(stage.config.journal, max_keys=3000)
    )
    sink, most, told = RecordingSink(), [0], []

    def watch(run: Run) -> None:
        most[0] = max(most[0], sum(len(poller.book.keys) for poller in run.pollers))
        status = snapshot(run, PROCESS, "running")
        told.append({one.connector: one.reach for one in status.connectors})
        assert status.fleet.shortest_reach == told[-1]["flood"]
        assert status.fleet.cut == (told[-1]["flood"] is not None)
        asyncio.get_running_loop().call_later(60, watch, run)

    run = stage.run()
    async with run:
        run.deliver(sink, await run.open_reader("sink", "connector"))
        watch(run)
        asyncio.get_running_loop().call_later(6500, run.drain)
        await run.serve()

    assert sorted(keys(sink.events)) == keys_of(rows)
    assert most[0] < 4000
    (first, *_) = stage.said(ReachCut)
    assert (first.connectors, first.name, first.max_keys) == (1, "flood", 3000)
    assert "max_keys = 3000" in str(first)
    assert len(stage.said(ReachCut)) < 4
    assert len(stage.said(ReachRestored)) == 1
    assert min(one["flood"] or math.inf for one in told) == first.reach
    assert {one["quiet"] for one in told} == {None} == {told[-1]["flood"]}


PROCESS = this_process(1.5)
