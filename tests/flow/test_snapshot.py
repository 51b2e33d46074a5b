from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec
import pytest

from tailer.app.daemon.snapshot import snapshot, this_process
from tailer.app.gaps.holes import gaps_within
from tailer.app.gaps.listing import GapReport
from tailer.app.run.run import Run
from tailer.app.status.facts import Status
from tailer.errors import JournalFullError, ServerError, SinkUnavailableError
from tailer.testing.recording_sink import RecordingSink
from tests.flow.stage import FAKE_TIME, START, KeptJournal, Stage, steady

pytestmark = FAKE_TIME

PROCESS = this_process(1.5)


async def status_after(stage: Stage, seconds: float, sink: RecordingSink, **options: object) -> Status:
    """Let a run go on for a while, and look at it then."""
    seen: list[Status] = []
    run: Run = stage.run()

    def look() -> None:
        seen.append(snapshot(run, PROCESS, "running", **options))  # type: ignore[arg-type]
        run.drain()

    async with run:
        run.deliver(sink, await run.open_reader("archive", "connector"))
        asyncio.get_running_loop().call_later(seconds, look)
        with suppress(SinkUnavailableError):
            await run.serve()
    return seen[0]


async def test_a_snapshot_tells_how_a_run_goes() -> None:
    """What was read, what was spent, what the sink has, and that all of it travels as JSON."""
    stage = Stage({"c1": steady(50, every=1), "c2": []})

    status = await status_after(stage, 63.0, RecordingSink())

    assert status.fleet.connectors == status.fleet.well == 2
    assert status.fleet.whole_through is not None
    assert START + 55 <= status.fleet.whole_through <= START + 63
    assert status.fleet.newest_at == START + 49
    (principal,) = status.principals
    assert principal.principal == "principal"
    assert [(account.account, account.connectors) for account in principal.accounts] == [("account", 2)]
    assert (principal.interval, principal.effective_interval, principal.paused_until) == (5.0, 5.0, None)
    (sink,) = status.sinks
    assert (sink.sink, sink.delivered, sink.backlog, sink.offset, sink.error) == ("archive", 50, 0, 50, None)
    assert [(one.connector, one.condition, one.keys) for one in status.connectors] == [
        ("c1", "well", 50),
        ("c2", "well", 0),
    ]
    assert status.journal.path is None
    assert status.journal.head == 50
    assert status.totals is not None
    assert status.totals.events == 50
    assert status.totals.requests == stage.source.counters.requests > 0
    assert status.process == PROCESS
    assert msgspec.json.decode(msgspec.json.encode(status), type=Status) == status


async def test_a_snapshot_names_what_fails() -> None:
    """A connector and a sink that fail are told with the reason and the times; in wall time."""
    stage = Stage({"bad": [], "good": steady(50, every=1)})
    stage.source.trouble(ServerError("HTTP 502", status=502), connector="bad")
    sink = RecordingSink()
    sink.refuse_writes(1000)

    status = await status_after(stage, 40.0, sink)

    assert (status.fleet.failing, status.fleet.well) == (1, 1)
    bad = status.connectors[0]
    assert (bad.connector, bad.condition, bad.error) == ("bad", "failing", "HTTP 502")
    assert bad.failures > 1
    assert bad.next_poll_at is not None
    assert bad.next_poll_at > status.taken_at
    (archive,) = status.sinks
    assert archive.error is not None
    assert archive.failures > 1
    assert archive.failing_since is not None
    assert START < archive.failing_since < status.taken_at
    assert archive.backlog > 0


@pytest.mark.parametrize(("limit", "patterns", "listed"), [(1, (), 1), (None, (), 3), (None, ("c[12]",), 2)])
async def test_a_snapshot_lists_what_was_asked_for(
    limit: int | None, patterns: tuple[str, ...], listed: int
) -> None:
    """However many connectors there are, the list is bounded, and the summary counts all."""
    stage = Stage({"c1": [], "c2": [], "c3": []})

    status = await status_after(stage, 10.0, RecordingSink(), limit=limit, patterns=patterns)

    assert len(status.connectors) == listed
    assert status.fleet.connectors == 3


async def test_a_snapshot_tells_a_pause_of_the_budget() -> None:
    """Whoever wonders why nothing is read sees until when, and why."""
    stage = Stage({"c1": []})
    run = stage.run()
    async with run:
        stage.source.budget.pause(120.0, stage.clock.monotonic())
        status = snapshot(run, PROCESS, "starting")

    (principal,) = status.principals
    assert principal.paused_until == pytest.approx(status.taken_at + 120.0)
    assert principal.pause_reason


async def test_a_snapshot_tells_since_when_the_journal_is_full() -> None:
    """Whoever asks why nothing comes sees that there is no room, and since when."""
    journal = KeptJournal()
    journal.commit_errors = [JournalFullError("no room")] * 100
    stage = Stage({"c1": steady(50)}, journal=journal)

    status = await status_after(stage, 63.0, RecordingSink())

    assert status.journal.full_since is not None
    assert START <= status.journal.full_since <= START + 10


async def test_open_gaps_say_why_they_are_open() -> None:
    """Of a connector that fails the last error is told; one that is read has no gap up to the present."""
    stage = Stage({"good": steady(200, every=1), "bad": steady(200, every=1)})
    stage.source.trouble(ServerError("HTTP 502", status=502), connector="bad")
    seen: list[GapReport] = []
    run = stage.run()

    def look() -> None:
        seen.append(gaps_within(run, (), None, None))
        run.drain()

    async with run:
        run.deliver(RecordingSink(), await run.open_reader("archive", "connector"))
        asyncio.get_running_loop().call_later(250.0, look)
        await run.serve()

    (report,) = seen
    assert (report.connectors, report.open, report.lost) == (2, 1, 0)
    (gap,) = report.gaps
    assert (gap.connector, gap.start, gap.state, gap.reason) == (
        "bad",
        START,
        "open",
        "read failed: HTTP 502",
    )
    assert gap.end >= START + 240
