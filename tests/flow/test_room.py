"""What a full journal does to polling: it pauses, says so, goes on by itself, and loses nothing."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from tailer.errors import JournalError, JournalFullError
from tailer.observe import JournalCleared, JournalFilled, Report
from tailer.pipeline.fleet import FORGET_EVERY
from tailer.pipeline.room import REMIND_AFTER, RETRY_AFTER, Room
from tailer.testing.fake_clock import FakeClock
from tailer.testing.recording_sink import RecordingSink
from tests.flow.stage import FAKE_TIME, START, FullJournal, Stage, keys, keys_of, steady

pytestmark = FAKE_TIME


class Store:
    """Something to store, and whether there is room for it."""

    def __init__(self) -> None:
        self.has_room = False
        self.tries = 0
        self.error: JournalError | None = None

    async def __call__(self) -> None:
        """Store it."""
        self.tries += 1
        if self.error is not None:
            raise self.error
        if not self.has_room:
            raise JournalFullError("no room")


def _room() -> tuple[Room, list[Report]]:
    reports: list[Report] = []
    return Room(FakeClock(), reports.append), reports


async def test_while_the_journal_is_full_the_api_is_not_asked() -> None:
    """From the first refusal on no poll begins, of no connector; later everything is there, once."""
    rows = {f"c{number}": steady(60, every=10, n=number) for number in range(12)} | {"quiet": []}
    journal, sink = FullJournal(), RecordingSink()
    stage = Stage(rows, journal=journal)
    asked: list[int] = []

    async def fill() -> None:
        await asyncio.sleep(100)
        journal.is_full = True
        await asyncio.sleep(30)
        asked.append(len(stage.source.asked))
        await asyncio.sleep(300)
        asked.append(len(stage.source.asked))
        journal.is_full = False

    async with anyio.create_task_group() as group:
        group.start_soon(fill)
        await stage.serve(sink, seconds=900)

    assert asked[0] == asked[1]
    assert sorted(keys(sink.events)) == keys_of(rows)
    assert len(stage.said(JournalFilled)) == 2  # and a reminder
    (cleared,) = stage.said(JournalCleared)
    assert 300 < cleared.after < 340


async def test_a_full_disk_is_noticed_without_events() -> None:
    """When nothing but checkpoints is to be stored, polling pauses all the same."""
    journal = FullJournal()
    stage = Stage({"quiet": []}, journal=journal)
    asyncio.get_running_loop().call_later(30, setattr, journal, "is_full", True)

    await stage.serve(RecordingSink(), seconds=500)

    assert stage.said(JournalFilled)
    assert max(asked.at for asked in stage.source.asked) < START + 30 + FORGET_EVERY


async def test_it_is_said_once_and_then_from_time_to_time() -> None:
    """However many wait: one report at the beginning, one every five minutes, one at the end."""
    room, reports = _room()
    stores = [Store() for _ in range(5)]
    async with anyio.create_task_group() as group:
        for store in stores:
            group.start_soon(room.store, store)
        await asyncio.sleep(2.5 * REMIND_AFTER)
        assert room.full_since == asyncio.get_running_loop().time() - 2.5 * REMIND_AFTER
        for store in stores:
            store.has_room = True
    assert [type(one) for one in reports] == [JournalFilled] * 3 + [JournalCleared]
    assert room.full_since is None


async def test_who_gets_through_calls_the_others() -> None:
    """Those who wait do not each sit out their own time when one has found room."""
    room, _ = _room()
    early, late = Store(), Store()
    early_task = asyncio.create_task(room.store(early))
    await asyncio.sleep(RETRY_AFTER - 1)
    late_task = asyncio.create_task(room.store(late))
    await asyncio.sleep(0.5)
    early.has_room = late.has_room = True
    before = asyncio.get_running_loop().time()
    await asyncio.gather(early_task, late_task, room.wait())
    assert asyncio.get_running_loop().time() - before == pytest.approx(0.5)


async def test_who_stops_waiting_holds_nobody_up() -> None:
    """A cancelled store, or one that fails otherwise, leaves the way free."""
    room, reports = _room()
    store = Store()
    with anyio.move_on_after(5):
        await room.store(store)
    await room.wait()
    task = asyncio.create_task(room.store(store))
    await asyncio.sleep(1)
    store.error = JournalError("broken")
    with pytest.raises(JournalError, match="broken"):
        await task
    await room.wait()
    assert not [one for one in reports if isinstance(one, JournalCleared)]
