"""Derived events in a real journal: kept like any other, but no key is kept of them."""

from __future__ import annotations

from pathlib import Path

import anyio
import msgspec
import pytest

from tailer.core.alerts import AlertState
from tailer.core.progress import Checkpoint
from tailer.interfaces import Commit, ReaderState
from tailer.journal.codec import CHECKPOINT
from tailer.journal.memory import MemoryJournal
from tailer.journal.recall import recall
from tailer.journal.sqlite import SqliteJournal
from tailer.model import Event, Segment, Source

STATE = AlertState(begun=(("Upgrade", (5, 0)),), settled=(("RotatePki", (7, float("inf"))),), looped_at=8)
SOURCE = Source("acc", "c1", "gw", "", 20.0)
EVENTS = [
    Event(10, -3, "tailer.UnfinishedUpgrade", 10, SOURCE, e={"k": "tailer.UnfinishedUpgrade", "since": 5}),
    Event(10, 1, "Leave", 10, SOURCE),
    Event(11, 2, "Init", 11, SOURCE),
]
ALONE = [Event(12, -1, "tailer.SilentConnector", 12, SOURCE)]


def commit(events: list[Event]) -> Commit:
    """Of one connector that is to be read again from the beginning."""
    checkpoint = msgspec.structs.replace(Checkpoint(0.0, 0.0), alerts=STATE)
    return Commit("acc", "c1", checkpoint, Segment(SOURCE, events, 20.0, 20.0))


async def known(journal: SqliteJournal | MemoryJournal) -> list[tuple[float, float]]:
    """The keys that the journal remembers."""
    stored = await journal.load(await journal.claim("acc"))
    assert stored["acc", "c1"].checkpoint.alerts == STATE
    return sorted(stored["acc", "c1"].keys.within(0, 100))


@pytest.mark.parametrize("is_dropped", [False, True], ids=["held", "dropped"])
async def test_no_key_is_kept_of_them(tmp_path: Path, *, is_dropped: bool) -> None:
    """After a restart, and after their events were dropped, only keys of the API's events are known."""
    journal = SqliteJournal(tmp_path / "j.db")
    await journal.open()
    claim = await journal.claim("acc")
    await journal.commit(claim, commit(EVENTS))
    await journal.commit(claim, commit(ALONE))
    entries = await journal.read(0, 10)
    assert [event.e for event in entries[0].segments[0].events] == [EVENTS[0].e, None, None]
    if is_dropped:
        await journal.commit_reader("sink", ReaderState(offset=4))
        await journal.retain(1000.0)
        assert await journal.read(0, 10) == []
    await journal.close()

    journal = SqliteJournal(tmp_path / "j.db")
    await journal.open()
    assert await known(journal) == [(10, 1), (11, 2)]
    await journal.close()


def test_an_audit_does_not_look_for_them(tmp_path: Path) -> None:
    """What is compared with the API is what the API has."""

    async def fill() -> None:
        journal = SqliteJournal(tmp_path / "j.db")
        await journal.open()
        await journal.commit(await journal.claim("acc"), commit(EVENTS))
        await journal.close()

    anyio.run(fill)
    assert sorted(recall(tmp_path / "j.db", "acc", "c1", 0, 100).stamps) == [(10, 1), (11, 2)]


async def test_memory_remembers_none_either() -> None:
    """Both journals keep the same promise."""
    journal = MemoryJournal()
    claim = await journal.claim("acc")
    await journal.commit(claim, commit(EVENTS))
    await journal.commit(claim, commit(ALONE))
    assert await known(journal) == [(10, 1), (11, 2)]


def test_a_checkpoint_from_before_alerts_knows_nothing() -> None:
    """A journal that an older program wrote is read as if nothing had ever been looked for."""
    stored = CHECKPOINT.encode(msgspec.structs.replace(Checkpoint(1.0, 0.0), alerts=STATE))
    older = msgspec.msgpack.encode(msgspec.msgpack.decode(stored)[:8])
    assert CHECKPOINT.decode(older) == Checkpoint(1.0, 0.0)
    assert CHECKPOINT.decode(stored).alerts == STATE
