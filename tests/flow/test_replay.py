"""What a sink has had is sent to it again, while everything else goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tailer.errors import ControlError
from tailer.interfaces import Claim, Commit
from tailer.model import Entry, Event
from tailer.pipeline.reader import ReaderOptions
from tailer.pipeline.replay import Replay
from tailer.testing.recording_sink import RecordingSink
from tests.flow.stage import FAKE_TIME, START, KeptJournal, Stage, steady

pytestmark = FAKE_TIME


OPTIONS = ReaderOptions(name="a", order="connector", hold=0.0, max_held=0)


class Archive(KeptJournal):
    """A journal that drops nothing, as a file does before `retain` is over."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []

    async def commit(self, claim: Claim, commit: Commit) -> None:
        """Keep a copy."""
        offset = self.head
        await super().commit(claim, commit)
        if commit.segment is not None:
            self.entries.append(Entry(offset, (commit.segment,)))

    async def read(self, offset: int, max_events: int) -> list[Entry]:
        """Read the copies."""
        found: list[Entry] = []
        for entry in self.entries:
            if entry.end > offset and sum(len(one.segments[0].events) for one in found) < max_events:
                found.append(entry)
        return found


async def test_a_replay_runs_beside_the_delivery() -> None:
    """Asked events come again, late and in batches; new ones go on meanwhile, and the place is unharmed."""
    stage = Stage({"c1": steady(300)}, journal=Archive())
    sink = RecordingSink()
    run = stage.run()
    replays: list[Replay] = []
    ahead: set[int] = set()
    async with run:
        reader = await run.open_reader("a", "connector", max_events=5)
        run.deliver(sink, reader)
        (delivery,) = run.deliveries

        def look(event: Event) -> bool:
            if event.late:
                ahead.add(replays[0].seen - replays[0].sent)
            return False

        def begin() -> None:
            replay = Replay(run.journal, lambda event: event.t >= START + 50, reader.options, reader.offset)
            replays.append(replay)
            sink.reject(look)
            delivery.begin_replay(replay)
            with pytest.raises(ControlError, match="under way"):
                delivery.begin_replay(replay)

        loop = asyncio.get_running_loop()
        loop.call_later(200, begin)
        loop.call_later(400, run.drain)
        await run.serve()
    (replay,) = replays
    again = [event for event in sink.events if event.late]
    assert [event.t for event in sink.events if not event.late] == [START + at for at in range(300)]
    assert [event.t for event in again] == [START + at for at in range(50, replay.end)]
    assert (replay.is_over, replay.error, replay.sent) == (True, None, replay.end - 50)
    assert max(ahead) == 50 + 5  # those that are not sent, and the batch under way
    assert replay.seen == replay.end
    state = await stage.journal.load_reader("a")
    assert state is not None
    assert (state.offset, state.highest) == (300, {"account/c1": (START + 299, 0)})


async def test_a_replay_ends_with_its_delivery() -> None:
    """One that is under way at the end is broken off and says so; afterwards none begins."""
    stage = Stage({"c1": steady(300)}, journal=Archive())
    sink = RecordingSink()
    run = stage.run()
    async with run:
        reader = await run.open_reader("a", "connector", max_events=1)
        run.deliver(sink, reader)
        (delivery,) = run.deliveries
        replay = Replay(run.journal, lambda _: True, reader.options, 10**6)

        def begin_and_end() -> None:
            sink.block()
            delivery.begin_replay(replay)
            run.drain()
            asyncio.get_running_loop().call_later(5, sink.unblock)

        asyncio.get_running_loop().call_later(100, begin_and_end)
        await run.serve()
        with pytest.raises(ControlError, match="has ended"):
            delivery.begin_replay(replay)
    assert "has ended" in (replay.error or "")


async def test_what_is_rejected_again_is_counted() -> None:
    """A replay does not stop at an event that the sink will never take."""
    stage = Stage({"c1": steady(20)}, journal=Archive())
    sink = RecordingSink()
    run = stage.run()
    async with run:
        reader = await run.open_reader("a", "connector", max_events=7)
        run.deliver(sink, reader)
        (delivery,) = run.deliveries

        def begin() -> None:
            sink.reject(lambda event: event.t == START + 3)
            replay = Replay(run.journal, lambda _: True, reader.options, reader.offset)
            delivery.begin_replay(replay)

        loop = asyncio.get_running_loop()
        loop.call_later(60, begin)
        loop.call_later(100, run.drain)
        await run.serve()
    assert delivery.replay is not None
    assert (delivery.replay.sent, delivery.replay.rejected) == (19, 1)


async def test_a_stopped_replay_sends_nothing_more() -> None:
    """Whoever stops it is not told of an error."""
    replay = Replay(KeptJournal(), lambda _: True, OPTIONS, 5)
    replay.stop()
    replay.stop("too late")
    assert (replay.is_over, replay.error) == (True, None)


async def test_a_journal_that_holds_nothing_any_more() -> None:
    """What was dropped can't be sent again: the replay is over, and says that nothing was held."""
    replay = Replay(KeptJournal(), lambda _: True, OPTIONS, 5)
    nothing: Any = None  # is written
    await replay.step(nothing)
    assert (replay.is_over, replay.held_from, replay.sent) == (True, None, 0)


async def test_what_was_dropped_is_counted() -> None:
    """Who asks for more than the journal holds is told how much is missing, and from when on it is there."""
    stage = Stage({"c1": steady(30)}, journal=Archive())
    journal = stage.journal
    assert isinstance(journal, Archive)
    await stage.serve(RecordingSink(), seconds=50)
    journal.entries = [entry for entry in journal.entries if entry.offset >= 10]
    first = journal.entries[0]
    replay = Replay(journal, lambda _: False, OPTIONS, 30)
    nothing: Any = None  # is written
    while not replay.is_over:
        await replay.step(nothing)
    assert (replay.begin, replay.held_from, replay.sent) == (first.offset, first.segments[0].read_at, 0)
