"""What a sink rejects is set aside, and everything else goes on as if it had not been there."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable
from random import Random

import anyio
import pytest
from anyio.abc import TaskGroup

from tailer.errors import (
    JournalError,
    SinkError,
    SinkMovedError,
    SinkRejectedError,
    SinkUnavailableError,
)
from tailer.interfaces import DeadLetter, ReaderState
from tailer.model import Batch, Event
from tailer.observe import EventsSetAside, SinkFailed, SinkRecovered
from tailer.testing.recording_sink import RecordingSink
from tests.flow.counter import Counter, LetterList, filled, times
from tests.flow.stage import FAKE_TIME, START, KeptJournal

pytestmark = FAKE_TIME

BOTH = pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])


def at(*seconds: int) -> Callable[[Event], bool]:
    """Tell events at some seconds after `START` from the others."""
    return lambda event: event.t - START in seconds


def set_aside(counter: Counter) -> list[EventsSetAside]:
    """Give the reports of what was set aside."""
    return [one for one in counter.reports if isinstance(one, EventsSetAside)]


async def offset(journal: KeptJournal) -> int:
    """Give the place of the sink's reader."""
    state = await journal.load_reader("sink")
    assert state is not None
    return state.offset


@BOTH
async def test_only_what_is_rejected_is_set_aside(named: bool) -> None:
    """One poisonous record in the middle of a batch: the others are taken in their order, it is kept."""
    journal, sink, dead = await filled(), RecordingSink(), LetterList()
    sink.reject(at(4), named=named)
    counter = Counter(journal, sink, max_events=10, dead=dead)

    await counter.deliver()

    assert times(sink) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert dead.times == [4]
    assert (counter.delivery.delivered, counter.delivery.set_aside) == (9, 1)
    assert await offset(journal) == 10
    (letter,) = dead.letters
    assert (letter.sink, letter.at) == ("sink", counter.clock.wall())
    assert "the recording sink was told to reject" in letter.reason
    assert [(one.sink, one.count, one.where) for one in set_aside(counter)] == [("sink", 1, "a list")]


@BOTH
async def test_everything_may_be_rejected(named: bool) -> None:
    """A sink that takes nothing at all stops nobody: all is set aside, in few reports, and it goes on."""
    journal, sink, dead = await filled(), RecordingSink(), LetterList()
    sink.reject(lambda _: True, named=named)
    counter = Counter(journal, sink, max_events=10, dead=dead)

    await counter.deliver()

    assert times(sink) == []
    assert dead.times == list(range(10))
    assert [one.count for one in set_aside(counter)] == [10]
    state = await journal.load_reader("sink")
    assert state is not None
    assert state.sink == b"0"
    assert await offset(journal) == 10


async def test_halving_writes_little_for_one_culprit() -> None:
    """One of 1024 events costs twice the logarithm in writes, not a write an event."""
    writes: list[int] = []

    class CountingSink(RecordingSink):
        async def write(self, batch: Batch) -> bytes | None:
            writes.append(len(batch.events))
            return await super().write(batch)

    sink, dead = CountingSink(), LetterList()
    sink.reject(at(700), named=False)

    await Counter(await filled(1024), sink, max_events=1024, dead=dead).deliver()

    assert times(sink) == [one for one in range(1024) if one != 700]
    assert dead.times == [700]
    assert len(writes) == 21


@BOTH
async def test_what_is_set_aside_is_durable_before_the_place_moves(named: bool) -> None:
    """A crash between setting aside and the commit loses nothing; the letter may be there twice."""
    journal, sink, dead = await filled(), RecordingSink(), LetterList()
    sink.reject(at(0), named=named)
    journal.reader_errors.append(JournalError("disk on fire"))
    with pytest.raises(JournalError):
        await Counter(journal, sink, dead=dead).deliver()
    assert dead.times == [0]
    assert await offset(journal) == 0

    await Counter(journal, sink, dead=dead).deliver()

    assert times(sink) == list(range(1, 10))
    assert len(dead.letters) == 2
    assert [one.event.t - START for one in await dead.read()] == [0]


@pytest.mark.parametrize("commits", range(1, 5))
async def test_a_crash_between_the_parts_of_a_batch(commits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part is committed by itself: what follows it in the batch is written after the restart, once."""
    journal, sink, dead = await filled(), RecordingSink(), LetterList()
    sink.reject(at(1, 4, 8), named=False)
    left = [*range(commits)]

    async def failing(name: str, state: ReaderState) -> None:
        if state.offset and not left:
            raise JournalError("disk on fire")
        if state.offset:
            left.pop()
        await KeptJournal.commit_reader(journal, name, state)

    with monkeypatch.context() as patch:
        patch.setattr(journal, "commit_reader", failing)
        with pytest.raises(JournalError):
            await Counter(journal, sink, max_events=10, dead=dead).deliver()
    assert 0 < await offset(journal) < 10

    await Counter(journal, sink, max_events=10, dead=dead).deliver()

    assert times(sink) == [0, 2, 3, 5, 6, 7, 9]
    assert dead.times == [1, 4, 8]


async def test_a_sink_that_has_moved_may_reject() -> None:
    """Where a rejection leaves the state as it was, that is the one that the move has brought."""

    class MovingSink(RecordingSink):
        async def write(self, batch: Batch) -> bytes | None:
            if not moved:
                moved.append(batch)
                raise SinkMovedError("the sink was told to move", b"7")
            return await super().write(batch)

    moved: list[Batch] = []
    journal, sink, dead = await filled(1), MovingSink(), LetterList()
    sink.reject(at(0), named=False)

    await Counter(journal, sink, dead=dead).deliver()

    state = await journal.load_reader("sink")
    assert state is not None
    assert (state.offset, state.sink) == (1, b"7")


async def test_letters_that_can_not_be_kept_are_insisted_on() -> None:
    """While the dead letters' disk is full the batch waits; what the sink has taken is not written again."""
    sink, dead = RecordingSink(transactional=False), LetterList()
    sink.reject(at(1))
    dead.refusals = 3
    counter = Counter(await filled(), sink, dead=dead)

    await counter.delivery.reader.open()
    async with anyio.create_task_group() as group:
        group.start_soon(counter.delivery.run)
        await counter.clock.sleep(60)
        group.cancel_scope.cancel()

    assert times(sink) == [0, *range(2, 10)]
    assert dead.times == [1]
    assert [one.reason for one in counter.reports if isinstance(one, SinkFailed)] == ["the list is full"] * 3
    assert [one.failures for one in counter.reports if isinstance(one, SinkRecovered)] == [3]


async def test_letters_that_can_not_be_kept_stay_for_the_next_run() -> None:
    """At the end of a run the events stay unaccepted instead: the next run finds them."""
    journal, sink, dead = await filled(), RecordingSink(), LetterList()
    sink.reject(at(3))
    dead.refusals = 1000
    with pytest.raises(SinkUnavailableError, match="the list is full"):
        await Counter(journal, sink, dead=dead).deliver()
    assert await offset(journal) == 2
    dead.refusals = 0

    await Counter(journal, sink, dead=dead).deliver()

    assert times(sink) == [0, 1, 2, *range(4, 10)]
    assert dead.times == [3]


async def test_a_sink_may_reject_and_then_be_away() -> None:
    """Parts that were accepted or set aside are not written again when the next one finds the sink away."""

    class FickleSink(RecordingSink):
        async def write(self, batch: Batch) -> bytes | None:
            try:
                return await super().write(batch)
            except SinkRejectedError:
                self.refuse_writes(2)
                raise

    sink, dead = FickleSink(), LetterList()
    sink.reject(at(2, 5), named=False)
    counter = Counter(await filled(), sink, max_events=10, dead=dead)

    await counter.deliver()

    assert times(sink) == [0, 1, 3, 4, 6, 7, 8, 9]
    assert dead.times == [2, 5]
    assert Counts(event.t for event in sink.events).most_common(1)[0][1] == 1
    assert counter.delivery.error is None


async def test_without_a_place_they_are_counted_and_told() -> None:
    """A run whose journal is in memory has no dead letters: it says what was left out."""
    sink = RecordingSink()
    sink.reject(at(1, 2))
    counter = Counter(await filled(), sink)

    await counter.deliver()

    assert times(sink) == [0, *range(3, 10)]
    assert counter.delivery.set_aside == 2
    assert "left out" in str(set_aside(counter)[0])


async def test_a_sink_that_names_events_it_was_not_given_is_stopped() -> None:
    """An index beyond the batch is a mistake of the sink: nothing is committed on its word."""

    class MistakenSink(RecordingSink):
        async def write(self, batch: Batch) -> bytes | None:
            raise SinkRejectedError("one too many", rejected={len(batch.events): "no such event"})

    journal, dead = await filled(), LetterList()
    with pytest.raises(SinkError, match="rejected event 2 of a batch of 2"):
        await Counter(journal, MistakenSink(), dead=dead).deliver()

    assert await offset(journal) == 0
    assert dead.letters == []


async def test_an_unwanted_tail_goes_with_the_last_part() -> None:
    """Events that the sink is not to get count as accepted, also behind one that was rejected."""
    journal, sink, dead = await filled(), RecordingSink(), LetterList()
    sink.reject(at(1), named=False)
    counter = Counter(journal, sink, max_events=10, dead=dead, wanted=lambda event: event.t < START + 3)

    await counter.deliver()

    assert times(sink) == [0, 2]
    assert dead.times == [1]
    assert await offset(journal) == 10


@pytest.mark.parametrize("seed", range(12))
async def test_each_event_is_accepted_or_set_aside(seed: int) -> None:
    """Whatever is rejected, is away or crashes: no event is in neither place, and none is taken twice."""
    random = Random(seed)
    journal, sink, dead = await filled(60), RecordingSink(), LetterList()
    poison = {number for number in range(60) if random.random() < 0.2}
    sink.reject(at(*poison), named=bool(seed % 2))
    for _ in range(8):
        sink.refuse_writes(random.choice([0, 0, 1, 2]))
        sink.lose_answers(random.choice([0, 0, 1]))
        dead.refusals = random.choice([0, 0, 2])
        journal.reader_errors[:] = [JournalError("disk on fire")] * random.choice([0, 1, 1])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tailer.pipeline.handover.LAST_TRIES", 5)
            try:
                await Counter(journal, sink, max_events=random.choice([1, 7, 60]), dead=dead).deliver()
            except JournalError:
                continue
    journal.reader_errors.clear()
    await Counter(journal, sink, dead=dead).deliver()

    assert sorted(times(sink)) == [one for one in range(60) if one not in poison]
    assert dead.times == sorted(poison)


async def started(counter: Counter, group: TaskGroup) -> None:
    """Deliver in the background until all there is was dealt with."""
    await counter.delivery.reader.open()
    group.start_soon(counter.delivery.run)
    await counter.clock.sleep(5)


async def test_letters_are_written_again_between_two_batches() -> None:
    """A sink that has changed its mind gets them marked late; its state is committed, they are forgotten."""
    journal, sink, dead = await filled(), RecordingSink(), LetterList()
    sink.reject(at(1, 4))
    counter = Counter(journal, sink, dead=dead)
    async with anyio.create_task_group() as group:
        await started(counter, group)
        sink.reject(lambda _: False)

        redriven = await counter.delivery.redrive()

        group.cancel_scope.cancel()
    assert times(sink) == [0, 2, 3, 5, 6, 7, 8, 9, 1, 4]
    assert [event.late for event in sink.events[-2:]] == [True, True]
    assert len(redriven.accepted) == 2
    assert redriven.rejected == {}
    assert dead.letters == []
    state = await journal.load_reader("sink")
    assert state is not None
    assert (state.offset, state.sink) == (10, str(len(sink.batches)).encode())


async def test_letters_that_are_rejected_again_stay() -> None:
    """Only what is accepted is forgotten; the others have the newer reason, and count once."""
    sink, dead = RecordingSink(), LetterList()
    sink.reject(at(1, 4))
    counter = Counter(await filled(), sink, dead=dead)
    async with anyio.create_task_group() as group:
        await started(counter, group)
        sink.reject(at(4))
        wanted = [letter.event.id for letter in dead.letters]

        redriven = await counter.delivery.redrive(wanted)

        group.cancel_scope.cancel()
    assert redriven.accepted == wanted[:1]
    assert list(redriven.rejected) == wanted[1:]
    assert dead.times == [4]
    assert counter.delivery.set_aside == 2


async def test_only_the_named_and_only_of_this_sink() -> None:
    """Letters of another sink, and those that were not asked for, are left alone."""
    sink, dead = RecordingSink(), LetterList()
    sink.reject(at(1, 4))
    counter = Counter(await filled(), sink, dead=dead)
    async with anyio.create_task_group() as group:
        await started(counter, group)
        sink.reject(lambda _: False)
        first, second = dead.letters
        dead.letters.append(DeadLetter("other", first.event, "", 0.0))

        await counter.delivery.redrive([first.event.id])

        group.cancel_scope.cancel()
    assert times(sink)[-1] == 1
    assert [(one.sink, one.event.id) for one in dead.letters] == [
        ("sink", second.event.id),
        ("other", first.event.id),
    ]


async def test_a_sink_that_is_away_is_not_asked_to_take_letters() -> None:
    """Who asks is told at once why nothing is written; after the end he is told that."""
    sink, dead = RecordingSink(), LetterList()
    sink.refuse_writes(10**6)
    counter = Counter(await filled(), sink, dead=dead)
    async with anyio.create_task_group() as group:
        await started(counter, group)
        with pytest.raises(SinkUnavailableError, match="told to refuse"):
            await counter.delivery.redrive()
        group.cancel_scope.cancel()
    sink.refuse_writes(0)
    counter = Counter(await filled(), sink, dead=dead)
    await counter.deliver()
    with pytest.raises(SinkUnavailableError, match="has ended"):
        await counter.delivery.redrive()


async def test_who_waits_is_told_when_the_delivery_ends() -> None:
    """A retry that was not begun when the run ends is answered, not left waiting."""
    sink, dead = RecordingSink(), LetterList()
    sink.block()
    counter = Counter(await filled(), sink, dead=dead)
    told: list[str] = []

    async def ask() -> None:
        try:
            await counter.delivery.redrive()
        except SinkUnavailableError as error:
            told.append(str(error))

    async with anyio.create_task_group() as asking, anyio.create_task_group() as group:
        await started(counter, group)
        asking.start_soon(ask)
        await counter.clock.sleep(1)
        group.cancel_scope.cancel()
    assert told == ["The delivery to sink 'sink' has ended"]


@pytest.mark.parametrize("transactional", [True, False], ids=["transactional", "plain"])
async def test_a_crash_in_the_middle_of_a_retry(transactional: bool) -> None:
    """Written but not committed: the letters are still there, and a sink that cuts back has them once."""
    journal, sink, dead = await filled(), RecordingSink(transactional=transactional), LetterList()
    sink.reject(at(1, 4))
    counter = Counter(journal, sink, dead=dead)

    async def retry() -> None:
        async with anyio.create_task_group() as group:
            await started(counter, group)
            sink.reject(lambda _: False)
            journal.reader_errors += [JournalError("disk on fire")] * 2
            await counter.delivery.redrive()

    with pytest.RaisesGroup(JournalError, SinkUnavailableError):
        await retry()
    assert dead.times == [1, 4]
    journal.reader_errors.clear()

    counter = Counter(journal, sink, dead=dead)
    async with anyio.create_task_group() as group:
        await started(counter, group)
        await counter.delivery.redrive()
        group.cancel_scope.cancel()

    assert dead.letters == []
    counts = Counts(times(sink))
    assert set(counts) == set(range(10))
    assert {one for one, count in counts.items() if count > 1} <= (set() if transactional else {1, 4})


async def test_a_retry_outlives_who_asked() -> None:
    """A sink that goes away in the middle is insisted on, as for any batch; the letters arrive in the end."""
    sink, dead = RecordingSink(), LetterList()
    sink.reject(at(1, 4))
    counter = Counter(await filled(), sink, dead=dead)
    async with anyio.create_task_group() as group:
        await started(counter, group)
        sink.reject(lambda _: False)
        sink.refuse_writes(4)
        with anyio.move_on_after(0.1) as asking:
            await counter.delivery.redrive()
        assert asking.cancelled_caught
        await counter.clock.sleep(120)
        group.cancel_scope.cancel()
    assert times(sink)[-2:] == [1, 4]
    assert dead.letters == []
