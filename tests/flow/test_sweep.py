"""A closed span read once, in slices side by side: exact, in order, whatever fails on the way."""

from __future__ import annotations

from random import Random

import anyio
import pytest

from tailer.app.backfill import Meter, verdict_of
from tailer.app.exitcode import ExitCode
from tailer.app.run.ask import Ask
from tailer.app.run.run import Run
from tailer.core.ordering import Order
from tailer.core.purpose import Purpose
from tailer.errors import ServerError
from tailer.testing.recording_sink import RecordingSink
from tests.flow.stage import FAKE_TIME, START, KeptJournal, Stage, keys, keys_of, steady, unruly

pytestmark = FAKE_TIME

SPAN = 40_000


async def sweep(
    stage: Stage, sink: RecordingSink, *, order: Order = "connector", seconds: float | None = None
) -> Run:
    """Read all of the history, to the end, or until the process is killed after some seconds."""
    run = Run(
        stage.config,
        Ask(start=str(START), until=str(START + SPAN), follow=False, sweep=True),
        journal=stage.journal,
        observe=stage.reports.append,
        clock=stage.clock,
        connect=lambda *_: stage.source,
    )
    async with run:
        run.deliver(sink, await run.open_reader("sink", order))
        with anyio.move_on_after(seconds):
            await run.serve()
    return run


@pytest.mark.parametrize(
    "seed", [*range(2), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 6))]
)
@pytest.mark.parametrize("order", ["connector", "global"])
async def test_every_event_once_and_in_order(seed: int, order: Order) -> None:
    """Slices end out of order, fail, runs are killed: events come once, and in order but for marked ones."""
    random = Random(seed)
    rows = unruly(random, random.choice([1, 2, 5]), 1500, span=SPAN - 20, latest=0)
    stage = Stage(
        rows,
        journal=KeptJournal(),
        page_rows=random.choice([7, 30]),
        newest_first=random.random() < 0.5,
        filter_by=random.choice(["t", "a"]),
        latency=0.1,
    )
    await stage.clock.sleep(SPAN + 100)
    for _ in range(8):
        begin = START + SPAN + 100 + random.uniform(0, 30)
        error = ServerError("HTTP 502", status=502)
        stage.source.trouble(error, connectors=rows, start=begin, end=begin + 5, times=1)
    sink = RecordingSink()

    for _ in range(3):
        await sweep(stage, sink, order=order, seconds=random.uniform(0.5, 5))
    verdict = verdict_of(await sweep(stage, sink, order=order))
    while not verdict.is_read:  # a connector was given up
        assert verdict.outcome.unread
        verdict = verdict_of(await sweep(stage, sink, order=order))

    assert sorted(keys(sink.events)) == keys_of(rows)
    for connector in rows:
        times = [event.t for event in sink.events if event.connector == connector and not event.late]
        assert times == sorted(times)
    assert verdict.is_complete
    assert verdict.outcome.exit_code == ExitCode.DONE


async def test_one_connector_is_read_by_several_at_once() -> None:
    """Given one connector and eight polls in flight, its history takes a fraction of the time in turn."""
    stage = Stage({"c1": steady(8000, every=5)}, page_rows=20, latency=0.1)
    await stage.clock.sleep(SPAN + 100)
    before = stage.clock.monotonic()

    run = await sweep(stage, RecordingSink())

    took = stage.clock.monotonic() - before
    assert run.tally.events == 8000
    assert stage.source.counters.purposes == {Purpose.LIVE: 1, Purpose.BACKFILL: run.requests - 1}
    assert {one.purpose for one in stage.source.asked} == {Purpose.BACKFILL}
    assert 1 < run.requests * 0.1 / took < 8.1
    assert took < run.requests * 0.1 / 4


async def test_a_connector_that_fails_is_left_to_the_next_run() -> None:
    """What could not be read is told as unread, is not taken for complete, and comes with the next run."""
    rows = {"bad": steady(2000, every=20), "good": steady(2000, every=20)}
    stage = Stage(rows, journal=KeptJournal(), page_rows=50, latency=0.1)
    await stage.clock.sleep(SPAN + 100)
    stage.source.trouble(
        ServerError("HTTP 502", status=502), connector="bad", start=START + SPAN + 101, end=START + SPAN + 600
    )
    sink = RecordingSink()

    verdict = verdict_of(await sweep(stage, sink))

    assert not verdict.is_read
    assert [one.connector for one in verdict.outcome.unread] == ["bad"]
    assert verdict.outcome.exit_code == ExitCode.INCOMPLETE
    await stage.clock.sleep(600)
    assert verdict_of(await sweep(stage, sink)).is_complete
    assert sorted(keys(sink.events)) == keys_of(rows)


async def test_the_progress_goes_from_nothing_to_all() -> None:
    """Given a span half read, the meter says so, and how long the rest will take."""
    stage = Stage({"c1": steady(4000, every=10)}, journal=KeptJournal(), page_rows=20, latency=0.1)
    await stage.clock.sleep(SPAN + 100)
    run = Run(
        stage.config,
        Ask(start=str(START), until=str(START + SPAN), follow=False, sweep=True),
        journal=stage.journal,
        clock=stage.clock,
        connect=lambda *_: stage.source,
    )
    async with run:
        run.deliver(RecordingSink(), await run.open_reader("sink", "connector"))
        meter = Meter(run)
        first = meter.read()
        assert (first.share, first.events, first.left) == (0.0, 0, None)
        async with anyio.create_task_group() as group:
            group.start_soon(run.serve)
            await stage.clock.sleep(2)
            middle = meter.read()
        assert 0.1 < middle.share < 1
        assert middle.left is not None
        assert 0 < middle.left < 60
        last = meter.read()
        assert (last.share, last.events, last.left) == (1.0, 4000, 0.0)
