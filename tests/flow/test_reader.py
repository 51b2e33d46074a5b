from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tailer.core.ordering import Order
from tailer.errors import JournalError
from tailer.journal.memory import MemoryJournal
from tailer.model import Batch, Entry, Event
from tailer.pipeline.board import Board
from tailer.pipeline.reader import Reader, ReaderOptions
from tailer.pipeline.tally import Tally
from tailer.testing.fake_clock import FakeClock
from tests.flow.stage import FAKE_TIME, START, KeptJournal, commit, segment

pytestmark = FAKE_TIME


class Desk:
    """A reader with its journal and the polls' progress, both moved by hand."""

    def __init__(self, journal: MemoryJournal | None = None) -> None:
        self.clock = FakeClock()
        self.journal = journal or KeptJournal()
        self.board = Board()
        self.tally = Tally()

    async def reader(
        self,
        order: Order = "connector",
        *,
        name: str = "reader",
        hold: float = 7.0,
        max_events: int = 1000,
        linger: float = 0.0,
        wanted: Callable[[Event], bool] | None = None,
    ) -> Reader:
        """Open a reader."""
        options = ReaderOptions(
            name=name,
            order=order,
            hold=hold,
            max_held=1000,
            max_events=max_events,
            linger=linger,
            wanted=wanted,
        )
        reader = Reader(
            self.journal, self.board, options, clock=self.clock, api_now=self.clock.wall, tally=self.tally
        )
        await reader.open()
        return reader

    async def poll(self, *times: float, connector: str = "c1", through: float = START) -> None:
        """Commit events at seconds after `START`, and post the mark, as a poll does."""
        claim = await self.journal.claim("principal")
        if times:
            found = segment([(START + t, 0) for t in times], connector=connector, through=through)
            await self.journal.commit(claim, commit(found))
        self.board.post(f"account/{connector}", through, is_behind=False, now=self.clock.monotonic())


def told(batch: Batch | None) -> list[float]:
    """Give the times of a batch as seconds after `START`."""
    assert batch is not None
    return [event.t - START for event in batch.events]


async def is_waiting(reader: Reader, seconds: float) -> bool:
    """Tell whether the reader has no batch for so long; its wait is given up."""
    try:
        async with asyncio.timeout(seconds):
            await reader.next_batch()
    except TimeoutError:
        return True
    return False


async def test_events_wait_until_their_connector_was_read_beyond_them() -> None:
    """Under ``connector`` an event is released by the mark that passes it."""
    desk = Desk()
    reader = await desk.reader()
    await desk.poll(5, 3, 8, through=START + 5)

    assert told(await reader.next_batch()) == [3]
    await reader.accept()
    assert reader.held == 2
    await desk.poll(4, through=START + 9)
    batch = await reader.next_batch()
    assert told(batch) == [4, 5, 8]
    assert reader.held == 0


async def test_global_order_waits_for_the_slowest_connector() -> None:
    """Under ``global`` an event is released when every connector was read beyond it."""
    desk = Desk()
    desk.board.expect("account/c1", START)
    desk.board.expect("account/c2", START)
    reader = await desk.reader("global")
    await desk.poll(1, 4, connector="c1", through=START + 10)
    assert await is_waiting(reader, 5)
    await desk.poll(2, connector="c2", through=START + 3)

    assert told(await reader.next_batch()) == [1, 2]
    await reader.accept()
    given_up_at = desk.clock.monotonic()
    desk.board.give_up("account/c2", given_up_at)
    assert told(await reader.next_batch()) == [4]
    assert desk.clock.monotonic() == given_up_at


async def test_arrival_waits_for_nothing() -> None:
    """Under ``arrival`` events come as they were journaled."""
    desk = Desk()
    reader = await desk.reader("arrival")
    await desk.poll(50, through=START)
    await desk.poll(20, connector="c2", through=START)

    assert told(await reader.next_batch()) == [50, 20]


@pytest.mark.parametrize("order", ["connector", "global"])
async def test_nothing_is_held_longer_than_the_hold(order: Order) -> None:
    """Where polls stop telling, held events go after `hold` seconds, and no timer has to help."""
    desk = Desk()
    reader = await desk.reader(order, hold=7.0)
    desk.board.expect("account/silent", START)
    desk.board.give_up("account/silent", desk.clock.monotonic())
    await desk.poll(100, through=START)

    began = desk.clock.monotonic()
    assert told(await reader.next_batch()) == [100]
    assert desk.clock.monotonic() - began == pytest.approx(7.0, abs=0.6)


async def test_the_hold_is_counted_from_the_end_of_the_first_read() -> None:
    """As long as a connector catches up with the asked history, nothing is released by time."""
    desk = Desk()
    desk.board.expect("account/c1", START)
    desk.board.expect("account/behind", START)
    reader = await desk.reader("global", hold=7.0)
    await desk.poll(100, through=START + 200)

    assert await is_waiting(reader, 60)
    desk.board.post("account/behind", START, is_behind=False, now=desk.clock.monotonic())
    began = desk.clock.monotonic()
    assert told(await reader.next_batch()) == [100]
    assert desk.clock.monotonic() - began == pytest.approx(7.0, abs=0.6)


async def test_late_events_are_marked_and_counted() -> None:
    """What sorts before an accepted event is passed on at once, marked, also after a restart."""
    desk = Desk()
    reader = await desk.reader()
    await desk.poll(5, through=START + 10)
    await reader.next_batch()
    await reader.accept()
    reader = await desk.reader()
    await desk.poll(3, 6, through=START + 10)

    batch = await reader.next_batch()
    assert batch is not None
    assert [(event.t - START, event.late) for event in batch.events] == [(3, True), (6, False)]
    await reader.accept()
    assert desk.tally.late == 1


async def test_batches_are_bounded() -> None:
    """A batch has at most `max_events`; what is ready goes out in turn."""
    desk = Desk()
    reader = await desk.reader("arrival", max_events=4)
    await desk.poll(*range(10))

    sizes = []
    for _ in range(3):
        sizes.append(len(told(await reader.next_batch())))
        await reader.accept()
    assert sizes == [4, 4, 2]


async def test_a_batch_that_is_not_full_lingers() -> None:
    """It waits `linger` for more, and goes at once when it is full."""
    desk = Desk()
    reader = await desk.reader("arrival", max_events=4, linger=3.0)
    waiting = asyncio.create_task(reader.next_batch())
    await desk.clock.sleep(10)
    await desk.poll(1)
    await desk.clock.sleep(2)
    await desk.poll(2)
    assert not waiting.done()
    assert told(await waiting) == [1, 2]
    assert desk.clock.monotonic() == pytest.approx(13.0, abs=0.01)
    await reader.accept()

    waiting = asyncio.create_task(reader.next_batch())
    await desk.poll(3, 4, 5)
    await desk.clock.sleep(1)
    await desk.poll(6, 7)
    assert told(await waiting) == [3, 4, 5, 6]
    assert desk.clock.monotonic() == pytest.approx(14.0, abs=0.01)


async def test_a_restart_goes_on_with_what_was_not_accepted() -> None:
    """With accepted spans above the offset a new reader neither loses nor repeats."""
    desk = Desk()
    reader = await desk.reader(max_events=2)
    await desk.poll(1, 2, 30, 31, through=START + 10)
    await desk.poll(1, 2, 3, 40, connector="c2", through=START + 10)
    for _ in range(2):
        await reader.next_batch()
        await reader.accept()
    await reader.next_batch()  # in flight, and never accepted

    state = await desk.journal.load_reader("reader")
    assert state is not None
    assert (state.offset, state.above.items) == (2, ((4, 6),))
    again = await desk.reader()
    await desk.poll(connector="c1", through=START + 99)
    await desk.poll(connector="c2", through=START + 99)
    batch = await again.next_batch()
    assert batch is not None
    assert [(event.connector, event.t - START) for event in batch.events] == [
        ("c1", 30),
        ("c1", 31),
        ("c2", 3),
        ("c2", 40),
    ]


async def test_unwanted_events_are_accepted_without_being_given_out() -> None:
    """A filter makes batches smaller, even empty; the offset goes on all the same."""
    desk = Desk()
    reader = await desk.reader("arrival", max_events=3, wanted=lambda event: event.t >= START + 4)
    await desk.poll(*range(6))

    assert told(await reader.next_batch()) == []
    await reader.accept()
    assert told(await reader.next_batch()) == [4, 5]
    await reader.accept()
    state = await desk.journal.load_reader("reader")
    assert state is not None
    assert state.offset == 6


async def test_the_end_gives_out_what_is_ready_and_then_nothing() -> None:
    """When polling has ended without all being read, held events stay unaccepted."""
    desk = Desk()
    reader = await desk.reader(max_events=1)
    await desk.poll(1, 2, 50, through=START + 10)
    desk.board.finish(all_read=False)

    assert told(await reader.next_batch()) == [1]
    await reader.accept()
    assert told(await reader.next_batch()) == [2]
    await reader.accept()
    assert await reader.next_batch() is None
    assert await reader.next_batch() is None


async def test_the_end_of_all_that_was_asked_for_releases_what_is_held() -> None:
    """When nothing more is to come, held events have their order."""
    desk = Desk()
    reader = await desk.reader("global")
    await desk.poll(50, 1, through=START)
    await desk.poll(20, connector="c2", through=START)
    desk.board.finish(all_read=True)

    assert told(await reader.next_batch()) == [1, 20, 50]
    await reader.accept()
    assert await reader.next_batch() is None


async def test_what_broke_polling_off_is_raised_after_what_is_ready() -> None:
    """Events that are ready come first, then the error, again and again."""
    desk = Desk()
    reader = await desk.reader("arrival", max_events=1)
    await desk.poll(1, 2)
    assert told(await reader.next_batch()) == [1]
    await reader.accept()
    desk.board.fail(JournalError("disk on fire"))

    assert told(await reader.next_batch()) == [2]
    await reader.accept()
    for _ in range(2):
        with pytest.raises(JournalError, match="disk on fire"):
            await reader.next_batch()


async def test_a_waiting_reader_is_told_at_once_that_polling_broke_off() -> None:
    """It does not wait for its next look."""
    desk = Desk()
    reader = await desk.reader("arrival")
    waiting = asyncio.create_task(reader.next_batch())
    await desk.clock.sleep(10.1)
    desk.board.fail(JournalError("disk on fire"))
    with pytest.raises(JournalError):
        await waiting
    assert desk.clock.monotonic() == pytest.approx(10.1)


async def test_a_commit_that_failed_is_made_good_by_the_next() -> None:
    """Nothing of an acceptance is lost when its commit fails: neither the offset nor the highest key."""
    journal = KeptJournal()
    desk = Desk(journal)
    reader = await desk.reader("arrival")
    await desk.poll(1, 2)
    await reader.next_batch()
    journal.reader_errors.append(JournalError("disk on fire"))
    with pytest.raises(JournalError):
        await reader.accept()
    await reader.commit()

    state = await journal.load_reader("reader")
    assert state is not None
    assert state.offset == 2
    assert state.highest == {"account/c1": (START + 2, 0)}


class EmptyHandedJournal(KeptJournal):
    """Its first read finds nothing, as what was there is gone; while it looks, new events arrive."""

    arriving: Callable[[], Any] | None = None

    async def read(self, offset: int, max_events: int) -> list[Entry]:
        """Find nothing once, slowly."""
        if self.arriving is not None:
            arriving, self.arriving = self.arriving, None
            await arriving()
            return []
        return await super().read(offset, max_events)


async def test_events_that_arrive_during_a_read_in_vain_are_not_passed_over() -> None:
    """A reader that finds nothing goes on where the head was when it began to look."""
    journal = EmptyHandedJournal()
    desk = Desk(journal)
    other = await desk.reader("arrival", name="other")
    await desk.poll(1, 2)
    await other.next_batch()
    await other.accept()
    reader = await desk.reader("arrival")
    journal.arriving = lambda: desk.poll(3, 4)

    async with asyncio.timeout(100):
        assert told(await reader.next_batch()) == [3, 4]
    await reader.accept()
    state = await journal.load_reader("reader")
    assert state is not None
    assert (state.offset, state.above.items) == (4, ())
