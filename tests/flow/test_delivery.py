from __future__ import annotations

import asyncio
from itertools import pairwise

import anyio
import pytest

from tailer.core.durations import Seconds
from tailer.errors import (
    JournalError,
    JournalFullError,
    SinkClosedError,
    SinkMovedError,
    SinkUnavailableError,
)
from tailer.interfaces import ReaderState, Resume
from tailer.model import Batch
from tailer.observe import JournalFilled, SinkFailed, SinkRecovered
from tailer.pipeline.handover import DELAY_CAP, LAST_TRIES
from tailer.testing.recording_sink import RecordingSink
from tests.flow.counter import Counter, filled, times
from tests.flow.stage import FAKE_TIME, START

pytestmark = FAKE_TIME


async def test_all_is_delivered_in_bounded_batches() -> None:
    """Batches have at most `max_events`, and the delivery ends with the last."""
    sink = RecordingSink()
    counter = Counter(await filled(), sink, max_events=4)

    await counter.deliver()

    assert [len(batch) for batch in sink.batches] == [4, 4, 2]
    assert counter.delivery.delivered == 10
    assert sink.closed == 1


async def test_each_batch_is_committed_before_the_next_is_written() -> None:
    """The state that `open` gave is committed before the first write, each batch's before the next."""
    journal = await filled(6)
    steps: list[str] = []

    class TellingSink(RecordingSink):
        async def write(self, batch: Batch) -> bytes | None:
            steps.append("write")
            return await super().write(batch)

    ordinary = journal.commit_reader

    async def telling(name: str, state: ReaderState) -> None:
        await asyncio.sleep(1)
        await ordinary(name, state)
        steps.append(f"commit {state.offset} {state.sink!r}")

    counter = Counter(journal, TellingSink())
    await counter.delivery.reader.open()
    journal.commit_reader = telling  # type: ignore[method-assign]
    counter.board.finish(all_read=True)
    await counter.delivery.run()

    assert steps == [
        "commit 0 b'0'",
        "write",
        "commit 2 b'1'",
        "write",
        "commit 4 b'2'",
        "write",
        "commit 6 b'3'",
    ]


async def test_a_crash_between_write_and_commit_is_cut_back() -> None:
    """A transactional sink gets the state of its last commit, and holds each event once afterwards."""
    journal, sink = await filled(), RecordingSink()
    journal.reader_errors.append(JournalError("disk on fire"))
    with pytest.raises(JournalError):
        await Counter(journal, sink).deliver()
    assert times(sink) == [0, 1]

    await Counter(journal, sink).deliver()

    assert times(sink) == list(range(10))
    assert sink.resumes == [Resume(0, None), Resume(0, b"0")]


async def test_a_crash_repeats_at_most_one_batch_elsewhere() -> None:
    """A sink that can't take anything back gets the batch that was not committed again."""
    journal, sink = await filled(), RecordingSink(transactional=False)
    journal.reader_errors.append(JournalError("disk on fire"))
    with pytest.raises(JournalError):
        await Counter(journal, sink).deliver()

    await Counter(journal, sink).deliver()

    assert times(sink) == [0, 1, *range(10)]


async def test_a_sink_that_is_away_gets_the_same_batch_later() -> None:
    """Tries go on with growing waits; failures and recovery are told; nothing is lost or repeated."""
    sink = RecordingSink()
    sink.refuse_opens(2)
    sink.refuse_writes(12)
    counter = Counter(await filled(), sink)
    async with anyio.create_task_group() as group:
        await counter.delivery.reader.open()
        group.start_soon(counter.delivery.run)
        await counter.clock.sleep(3)
        assert counter.delivery.error is not None
        await counter.clock.sleep(600)
        group.cancel_scope.cancel()

    assert times(sink) == list(range(10))
    assert counter.delivery.error is None
    failed = [report for report in counter.reports if isinstance(report, SinkFailed)]
    assert [report.failures for report in failed] == [1, 2, *range(1, 13)]
    assert max(report.delay for report in failed) == DELAY_CAP / 2
    recovered = [report.failures for report in counter.reports if isinstance(report, SinkRecovered)]
    assert recovered == [2, 12]


async def test_a_dead_sink_is_given_up_at_the_end() -> None:
    """Once polling has ended a batch is tried a few times, then the error is raised and the sink closed."""
    sink = RecordingSink()
    sink.refuse_writes(1000)
    counter = Counter(await filled(), sink)

    with pytest.raises(SinkUnavailableError):
        await counter.deliver()

    assert sink.closed == 1
    assert len([one for one in counter.reports if isinstance(one, SinkFailed)]) == LAST_TRIES - 1


async def test_a_closed_sink_ends_the_delivery() -> None:
    """What it did not take stays for the next run."""
    journal, sink = await filled(), RecordingSink()
    sink.close_after(2)

    with pytest.raises(SinkClosedError):
        await Counter(journal, sink).deliver()

    state = await journal.load_reader("sink")
    assert state is not None
    assert state.offset == 4
    assert sink.closed == 1


async def test_a_full_journal_is_waited_for_with_what_was_accepted() -> None:
    """The batch is not written again; its commit is."""
    journal, sink = await filled(), RecordingSink(transactional=False)
    journal.reader_errors += [JournalFullError("no room"), JournalFullError("no room")]
    counter = Counter(journal, sink)

    await counter.deliver()

    assert times(sink) == list(range(10))
    assert len([one for one in counter.reports if isinstance(one, JournalFilled)]) == 1
    state = await journal.load_reader("sink")
    assert state is not None
    assert state.offset == 10


@pytest.mark.parametrize("patience", [1.0, 100.0])
async def test_a_cancelled_delivery_closes_its_sink(patience: Seconds) -> None:
    """Closing is not cut off by the cancellation, but bounded in time."""

    class SlowSink(RecordingSink):
        async def close(self) -> None:
            await asyncio.sleep(patience)
            await super().close()

    sink = SlowSink()
    counter = Counter(await filled(), sink)
    with anyio.move_on_after(60):
        await counter.deliver(to_the_end=False)

    assert sink.closed == (1 if patience < 10 else 0)
    assert counter.clock.monotonic() <= 71


async def test_a_sink_that_moves_is_committed_before_it_is_written_again() -> None:
    """Where a sink goes on is committed, full journal or not, before it gets the same batch once more."""
    journal = await filled(4)
    steps: list[str] = []

    class MovingSink(RecordingSink):
        async def write(self, batch: Batch) -> bytes | None:
            steps.append(f"write {[event.t - START for event in batch.events]}")
            if steps.count("write [2]") == 1 and batch.events[0].t == START + 2:
                journal.reader_errors.append(JournalFullError("no room"))
                raise SinkMovedError("the sink was told to move", b"moved")
            return await super().write(batch)

    ordinary = journal.commit_reader

    async def telling(name: str, state: ReaderState) -> None:
        await ordinary(name, state)
        steps.append(f"commit {state.offset} {state.sink!r}")

    journal.commit_reader = telling  # type: ignore[method-assign]
    sink = MovingSink()
    await Counter(journal, sink, max_events=1).deliver()

    assert times(sink) == [0, 1, 2, 3]
    moved = steps.index("write [2]")
    assert steps[moved : moved + 4] == ["write [2]", "commit 2 b'moved'", "write [2]", "commit 3 b'3'"]


class _BusySink(RecordingSink):
    """A counterpart that asks to be left alone for a while, as often as it was told to."""

    def __init__(self, asked: list[Seconds]) -> None:
        super().__init__()
        self.asked = asked
        self.tries: list[float] = []

    async def write(self, batch: Batch) -> bytes | None:
        self.tries.append(asyncio.get_running_loop().time())
        if self.asked:
            raise SinkUnavailableError("come back later", retry_after=self.asked.pop(0))
        return await super().write(batch)


async def test_a_counterpart_is_not_asked_before_it_wants() -> None:
    """What the counterpart asks for is the least wait, longer ones than our own included; and it is told."""
    sink = _BusySink([90.0, 0.1])
    counter = Counter(await filled(2), sink)
    async with anyio.create_task_group() as group:
        await counter.delivery.reader.open()
        group.start_soon(counter.delivery.run)
        await counter.clock.sleep(600)
        group.cancel_scope.cancel()

    assert times(sink) == [0, 1]
    assert [later - sooner for sooner, later in pairwise(sink.tries)] == pytest.approx([90.0, 0.5])
    failed = [report.delay for report in counter.reports if isinstance(report, SinkFailed)]
    assert failed == [90.0, 0.5]


async def test_the_end_does_not_wait_for_a_counterpart_that_wants_to_be_left_alone() -> None:
    """A wait that is longer than any of ours is given up when nothing follows, before or while it lasts."""
    with pytest.raises(SinkUnavailableError, match="come back later"):
        await Counter(await filled(2), _BusySink([3600.0])).deliver()

    counter = Counter(await filled(2), _BusySink([3600.0]))
    await counter.delivery.reader.open()
    async with anyio.create_task_group() as group:

        async def end() -> None:
            await counter.clock.sleep(100)
            counter.board.finish(all_read=True)

        group.start_soon(end)
        with pytest.raises(SinkUnavailableError, match="come back later"):
            await counter.delivery.run()

    assert counter.clock.monotonic() < 200
