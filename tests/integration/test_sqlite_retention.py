"""What the SQLite journal drops, and what it keeps for ever."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tailer.core.progress import Gap
from tailer.core.spans import Spans
from tailer.errors import JournalFullError
from tailer.interfaces import Commit, ReaderState
from tailer.journal import retention
from tailer.journal.sqlite import SqliteJournal
from tailer.testing.journal_contract import ACCOUNT, checkpoint, commit_of, keys_of, numbers_of, rows_of

Open = Callable[..., Awaitable[SqliteJournal]]


def _query(path: Path, sql: str) -> Any:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchone()[0]


async def test_the_bound_spares_what_is_not_taken(open_sqlite: Open) -> None:
    """Above ``max_size_bytes`` commits with events are refused until readers accept; readers always pass."""
    journal = await open_sqlite(max_size_bytes=400_000)
    claim = await journal.claim("shard")
    await journal.load_reader("r")
    while journal.used_bytes <= 400_000:
        await journal.commit(claim, commit_of("a", [(journal.head, n) for n in range(2000)], floor=1e9))
    head = journal.head
    with pytest.raises(JournalFullError, match=r"max_size of 390\.6KiB, with some 36000 events"):
        await journal.commit(claim, commit_of("a", [(head, 1)], floor=1e9))
    assert len(numbers_of(await journal.read(0, 10**6))) == journal.head == head
    await journal.commit_reader("r", ReaderState(offset=journal.head))
    await journal.commit(claim, commit_of("a", [(head, 1)], floor=1e9))
    assert journal.used_bytes < 400_000
    assert rows_of(await journal.read(0, 10**6))[-1][4:6] == (head, 1)


async def test_a_full_journal_waits_for_a_tenth_of_room(open_sqlite: Open) -> None:
    """Once full, it takes events again below nine tenths of the bound, so that it does not flutter."""
    journal = await open_sqlite(max_size_bytes=400_000)
    claim = await journal.claim("shard")
    await journal.load_reader("r")

    async def has_room(events: int) -> bool:
        try:
            await journal.commit(claim, commit_of("a", [(journal.head, n) for n in range(events)], floor=1e9))
        except JournalFullError:
            return False
        return True

    offsets = []
    while await has_room(500):
        offsets.append(journal.head)
    refused = 0
    for offset in offsets:
        await journal.commit_reader("r", ReaderState(offset=offset))
        if await has_room(1):
            break
        refused += 1
    assert 0.9 * 400_000 - 20_000 < journal.used_bytes <= 0.9 * 400_000 + 5_000
    assert 0.05 * len(offsets) < refused < 0.2 * len(offsets)


async def test_keys_alone_keep_nobody_waiting(open_sqlite: Open) -> None:
    """When all is taken and only keys are left, the bound is no reason to wait for ever."""
    journal = await open_sqlite(max_size_bytes=100_000)
    claim = await journal.claim("shard")
    for t in range(0, 200_000, 2000):
        await journal.commit(claim, commit_of("a", [(t + n, n * 2**40) for n in range(2000)]))
        await journal.commit_reader("r", ReaderState(offset=journal.head))
    assert journal.used_bytes > 100_000
    assert sum(entry.end - entry.offset for entry in await journal.read(0, 10**6)) <= 2000
    assert len(await keys_of(journal, claim, "a")) == 200_000


async def test_a_bound_in_bytes_is_one_in_events(open_sqlite: Open) -> None:
    """So many events as the capacity says fit, even if each was journaled alone, with long names."""
    journal = await open_sqlite(max_size_bytes=2**20)
    claim = await journal.claim("a" * 32)
    await journal.load_reader("r")
    assert journal.capacity == 2048
    for t in range(journal.capacity):
        commit = commit_of("c" * 32, [(1_800_000_000 + t, t)])
        await journal.commit(claim, commit._replace(name="n" * 64, serial="s" * 32))
    assert journal.head == journal.capacity


async def test_retention_goes_by_the_time_of_reading(open_sqlite: Open) -> None:
    """Of accepted events those read before the given wall time go, in slices, whatever their offset."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    seen_at = [5.0, 6.0, 2_000_000_000.0, 7.0, 8.0, 9.0]  # the third while the clock was wrong
    for t, seen in enumerate(seen_at):
        await journal.commit(claim, commit_of("a", [(t, n) for n in range(15_000)], seen=seen, floor=1e9))
    above = Spans(((60_000, 75_000),))
    await journal.commit_reader("r", ReaderState(offset=50_000, above=above))
    await journal.retain(9.0)
    left = [entry.segments[0].source.seen for entry in await journal.read(0, 10**6)]
    assert left == [2_000_000_000.0, 7.0, 9.0]


async def test_a_month_of_load_keeps_the_file_bounded(open_sqlite: Open, tmp_path: Path) -> None:
    """With steady load, retention and a floor that moves on, file, log, keys and blocks stop growing."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    path, sizes, hour = tmp_path / "j.db", [], 3600
    for step in range(30 * 4):
        now = step * 6 * hour
        floor = max(0, now - 50 * hour)
        for connector in "abc":
            keys = [(now + n // 3, n) for n in range(200)]
            await journal.commit(
                claim, commit_of(connector, keys, floor=floor, read_at=now + 100, seen=float(now))
            )
        await journal.commit_reader("r", ReaderState(offset=journal.head))
        await journal.retain(now - 12 * hour)
        sizes.append(path.stat().st_size + path.with_name("j.db-wal").stat().st_size)
    settled = max(sizes[20:40])
    assert max(sizes[80:]) <= 1.1 * settled
    assert len(numbers_of(await journal.read(0, 10**6))) == 3 * 200 * 3
    assert _query(path, "SELECT count(*) FROM key_blocks") <= 3 * 2 * retention.FAN_IN
    stored = await journal.load(claim)
    assert all(9 * 200 <= len(one.keys) <= 11 * 200 for one in stored.values())


async def test_key_blocks_are_merged(open_sqlite: Open, tmp_path: Path) -> None:
    """However many slices a connector's keys came from, they lie in few rows and none is missing."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    for t in range(100):
        await journal.commit(claim, commit_of("a", [(t, 1), (t, 2**65)]))
        await journal.commit_reader("r", ReaderState(offset=journal.head))
        await journal.retain(1.0)
    assert _query(tmp_path / "j.db", "SELECT count(*) FROM key_blocks") <= 3 * retention.FAN_IN
    assert await keys_of(journal, claim, "a") == {(t, n) for t in range(100) for n in (1, 2**65)}
    assert await journal.read(0, 10) == []


async def test_a_gap_keeps_a_block_of_keys(open_sqlite: Open, tmp_path: Path) -> None:
    """A block whose keys all lie below the floor stays while a gap holds one of them, and goes after it."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    await journal.commit(claim, commit_of("a", [(1, 1), (5, 1)]))
    await journal.commit_reader("r", ReaderState(offset=journal.head))
    await journal.retain(1.0)
    for gaps, blocks in (((Gap(4, 6, "page cap"),), 1), ((Gap(30, 31, "page cap"),), 0)):
        await journal.commit(claim, Commit(ACCOUNT, "a", checkpoint(20.0, gaps=gaps)))
        await journal.flush()
        await journal.retain(1.0)
        assert _query(tmp_path / "j.db", "SELECT count(*) FROM key_blocks") == blocks


async def test_a_numberless_stretch_is_read_over(open_sqlite: Open) -> None:
    """Reading from a number that retention has dropped begins with the next entry that is left."""
    journal = await open_sqlite(tail_events=0)
    claim = await journal.claim("shard")
    for t in range(4):
        await journal.commit(claim, commit_of("a", [(t, 1), (t, 2)], seen=float(t)))
    await journal.commit_reader("r", ReaderState(offset=2, above=Spans(((4, 6),))))
    await journal.retain(3.0)
    found = [[entry.offset for entry in await journal.read(offset, 1)] for offset in range(8)]
    assert found == [[2]] * 4 + [[6]] * 4


async def test_keys_that_come_late_are_loaded_in_order(open_sqlite: Open) -> None:
    """Entries that go back in time, thousands of keys among them, give the same set as ordered ones."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    expected = set()
    for t in range(10, 0, -1):
        keys = [(t, n) for n in range(1000)]
        expected |= set(keys)
        await journal.commit(claim, commit_of("a", keys))
    assert await keys_of(journal, claim, "a") == expected
    await journal.commit(claim, Commit(ACCOUNT, "a", checkpoint(5.0)))
    await journal.flush()
    assert await keys_of(journal, claim, "a") == {key for key in expected if key[0] + 1 >= 5}


async def test_a_reader_that_is_gone_holds_nothing_back(open_sqlite: Open) -> None:
    """A stored reader that no longer shows up is still named, but keeps nothing beyond the retention."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    await journal.commit_reader("gone", ReaderState(offset=0))
    await journal.commit(claim, commit_of("a", [(1, 0), (1, 1)], seen=5.0, floor=1e9))
    await journal.commit_reader("here", ReaderState(offset=2))
    await journal.retain(9.0)
    assert len(await journal.read(0, 10)) == 1  # both are about
    await journal.close()

    journal = await open_sqlite()
    assert list(journal.readers) == ["gone", "here"]
    await journal.load_reader("here")
    await journal.retain(9.0)
    assert await journal.read(0, 10) == []
