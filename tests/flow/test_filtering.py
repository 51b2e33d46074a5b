"""Sinks that want a part of the events, or only what comes from now on."""

from __future__ import annotations

import asyncio
import math

import pytest

from tailer.core.filter import EventFilter
from tailer.interfaces import ReaderState
from tailer.pipeline.beginning import offset_since
from tailer.testing.recording_sink import RecordingSink
from tests.flow.stage import FAKE_TIME, START, KeptJournal, Stage, commit, segment, steady

pytestmark = FAKE_TIME


async def test_a_sink_that_wants_nothing_keeps_nothing() -> None:
    """Its place moves on with the journal's head, it is never written to, and no event is held for it."""
    stage = Stage({"c1": steady(600)})
    nothing, everything = RecordingSink(), RecordingSink()
    run = stage.run()
    async with run:
        for sink, name, wanted in ((nothing, "a", EventFilter(kinds=["Nix"])), (everything, "b", None)):
            run.deliver(sink, await run.open_reader(name, "connector", wanted=wanted))
        asyncio.get_running_loop().call_later(700, run.drain)
        await run.serve()
    assert (len(everything.events), nothing.events) == (600, [])
    states = [await stage.journal.load_reader(name) for name in "ab"]
    assert [state.offset for state in states if state] == [600, 600]
    assert await stage.journal.read(0, 1) == []  # nobody holds anything back


async def test_a_filter_passes_a_part_in_order() -> None:
    """What passes arrives whole and in order, though the rest of each batch does not."""
    rows = {"c1": steady(50), "c2": steady(50)}
    stage = Stage(rows)
    sink = RecordingSink()
    await stage.serve(sink, seconds=80, wanted=EventFilter(connectors=["c2"]), max_events=7)
    assert [(event.connector, event.t) for event in sink.events] == [("c2", row.t) for row in rows["c2"]]


@pytest.mark.parametrize(
    ("since", "begins"),
    [(-math.inf, 0), (START, 0), (START + 1, 2), (START + 2, 4), (START + 2.5, 6), (math.inf, 6)],
)
async def test_a_new_reader_begins_where_it_is_told(since: float, begins: int) -> None:
    """Earliest, now, or what was read since a time: whole entries, found without reading them all."""
    journal = KeptJournal()
    claim = await journal.claim("principal")
    for second in range(3):
        times = [(START + second, 0), (START + second, 1)]
        await journal.commit(claim, commit(segment(times, read_at=START + second)))
    assert await offset_since(journal, since) == begins


async def test_a_start_is_for_the_first_time_only() -> None:
    """A sink that the journal knows goes on where it was, whatever its start says now."""
    stage = Stage({"c1": steady(20)}, journal=KeptJournal())
    first, second, other = RecordingSink(), RecordingSink(), RecordingSink()
    await stage.serve(first, seconds=40, since=math.inf)
    assert len(first.events) == 20  # the journal was empty
    await stage.serve(second, other, seconds=10, since=math.inf)
    state = await stage.journal.load_reader("sink 1")
    assert (second.events, other.events) == ([], [])
    assert state == ReaderState(offset=20, sink=b"0")
