from __future__ import annotations

import asyncio
from random import Random

import pytest

from tailer.core.watermarks import TELL_EVERY
from tailer.errors import ServerError
from tailer.testing.recording_sink import RecordingSink
from tests.flow.stage import FAKE_TIME, START, KeptJournal, Stage, steady, unruly

pytestmark = FAKE_TIME


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
    for position, one in sink.marks:
        had = {event.key for batch in sink.batches[:position] for event in batch}
        known = rows[one.source.connector]
        due = {(row.t, row.n) for row in known if row.seen_from == row.t < one.whole_through}
        assert due <= had
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
