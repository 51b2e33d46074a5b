from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random

import pytest

from tailer.core.ordering import Order
from tailer.core.watermarks import TELL_EVERY
from tailer.errors import ServerError
from tailer.testing.recording_sink import RecordingSink
from tailer.testing.scripted_source import Row
from tests.flow.stage import FAKE_TIME, START, FullJournal, KeptJournal, Stage, steady, unruly

pytestmark = FAKE_TIME


def assert_backed(sink: RecordingSink, rows: Mapping[str, list[Row]]) -> None:
    """Check that what was visible in time was delivered before the watermark that vouches for it."""
    for position, one in sink.marks:
        had = {event.key for batch in sink.batches[:position] for event in batch}
        known = rows[one.source.connector]
        due = {(row.t, row.n) for row in known if row.seen_from == row.t < one.whole_through}
        assert due <= had


async def deliver(stage: Stage, sink: RecordingSink, seconds: float, **reading: object) -> None:
    """Let a run with watermarks deliver for a while, then kill it."""
    run = stage.run()
    async with run:
        reader = await run.open_reader("sink", "connector", **reading)  # type: ignore[arg-type] # options
        run.deliver(sink, reader, watermarks=True)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(run.serve(), seconds)


@pytest.mark.parametrize("seed", range(3))
async def test_a_watermark_is_never_ahead_of_the_events(seed: int) -> None:
    """Through kills and a sink that is away: what was visible in time is delivered before it."""
    rows = unruly(Random(seed), 4, 200, span=900, latest=300)
    stage = Stage(rows, journal=KeptJournal(), latency=0.7)
    sink = RecordingSink()
    sink.refuse_writes(9)

    for seconds in (61, 150, 75, 190, 64, 500):
        await deliver(stage, sink, seconds, max_events=7)

    assert len(sink.marks) > 4 * 8
    assert_backed(sink, rows)
    last = {one.source.connector: one.whole_through for _, one in sink.marks}
    assert min(last.values()) > START + 900


async def test_a_quiet_connector_has_watermarks_too() -> None:
    """Silence is told from not having been read; one that advances is told at most once a minute."""
    stage = Stage({"quiet": [], "busy": steady(500)})
    sink = RecordingSink()

    await deliver(stage, sink, 10 * TELL_EVERY - 1)

    marks = [one for _, one in sink.marks if one.source.connector == "quiet"]
    assert len(marks) == 9
    assert marks[-1].whole_through >= START + 9 * TELL_EVERY - 10
    assert len(sink.marks) == 18


async def test_a_connector_that_fails_advances_no_more() -> None:
    """Its last watermark stays true, and none is told while nothing of it is read."""
    stage = Stage({"bad": [], "good": []})
    stage.source.trouble(ServerError("HTTP 500", status=500), connector="bad", start=START + 100)
    sink = RecordingSink()

    await deliver(stage, sink, 500)

    last = {one.source.connector: one.whole_through for _, one in sink.marks}
    assert last["bad"] <= START + 101
    assert last["good"] > START + 400


async def drain(stage: Stage, sink: RecordingSink, seconds: float, order: Order = "connector") -> None:
    """Let a run with watermarks deliver for a while, then end it in order."""
    run = stage.run()
    async with run:
        run.deliver(sink, await run.open_reader("sink", order), watermarks=True)
        asyncio.get_running_loop().call_later(seconds, run.drain)
        await run.serve()


async def test_a_finite_run_ends_with_watermarks_of_all_that_it_read() -> None:
    """Shorter than a minute, it tells them once: after the last event, up to the end of what was asked."""
    rows = {"busy": steady(50), "quiet": []}
    stage = Stage(rows)
    sink = RecordingSink()
    await stage.clock.sleep(40)

    run = stage.run("1h", follow=False)
    async with run:
        run.deliver(sink, await run.open_reader("sink", "global"), watermarks=True)
        await run.serve()

    assert len(sink.events) == 40
    assert [(position, one.source.connector) for position, one in sink.marks] == [
        (len(sink.batches), "busy"),
        (len(sink.batches), "quiet"),
    ]
    assert all(one.whole_through >= START + 40 for _, one in sink.marks)


@pytest.mark.parametrize("order", ["connector", "global", "arrival"])
async def test_a_drain_ends_with_watermarks_up_to_what_it_left(order: Order) -> None:
    """What is held goes to the next run, so the last watermark of its connector ends before it."""
    rows = {**unruly(Random(1), 3, 100, span=300, latest=60), "quiet": []}
    stage = Stage(rows, journal=KeptJournal())
    sink = RecordingSink()

    for seconds in (50.5, 33.2, 17.9, 95.1, 240.4):
        await drain(stage, sink, seconds, order)
        last = {one.source.connector: one.whole_through for _, one in sink.marks}
        assert sink.marks[-1][0] == len(sink.batches)
        assert min(last.values()) >= stage.clock.wall() - 10

    assert_backed(sink, rows)


async def test_a_full_journal_does_not_hold_up_the_end() -> None:
    """What can't be made durable is not vouched for; the next run tells it."""
    journal = FullJournal()
    stage = Stage({"c1": steady(20)}, journal=journal)
    sink = RecordingSink()
    asyncio.get_running_loop().call_later(30, setattr, journal, "is_full", True)

    await drain(stage, sink, 40)
    assert (len(sink.events), sink.marks) == (20, [])
    assert stage.clock.wall() < START + 50

    journal.is_full = False
    await drain(stage, sink, 10)
    assert [one.whole_through >= START + 45 for _, one in sink.marks] == [True]
