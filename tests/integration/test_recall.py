"""What a journal remembers of a connector's past, beside its owner."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from tailer.core.keys import PADDING
from tailer.core.progress import Checkpoint
from tailer.errors import JournalError
from tailer.interfaces import ReaderState
from tailer.journal.codec import CHECKPOINT
from tailer.journal.recall import Recall, recall
from tailer.journal.schema import MIGRATIONS, migrate
from tailer.journal.sqlite import SqliteJournal
from tailer.testing.journal_contract import ACCOUNT, commit_of

Open = Callable[..., Awaitable[SqliteJournal]]


async def recalled(path: Path, start: float = -math.inf, end: float = math.inf) -> Recall:
    """Look up what is known of connector ``a``."""
    return await asyncio.to_thread(recall, path, ACCOUNT, "a", start, end)


async def test_everything_is_remembered_before_anything_is_dropped(open_sqlite: Open, tmp_path: Path) -> None:
    """Of the asked span each event of this connector comes with its stamp, however far below the floor."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    await journal.commit(claim, commit_of("a", [(1, 1), (5, 2**65), (9, 1)], floor=100, read_at=10))
    await journal.commit(claim, commit_of("b", [(5, 1)], read_at=10))
    found = await recalled(tmp_path / "j.db", 2, 9)
    assert (found.stamps, found.reaches, found.checkpoint.floor) == ({(5, 2**65): 6}, -math.inf, 100)


async def test_what_was_dropped_bounds_the_memory(open_sqlite: Open, tmp_path: Path) -> None:
    """All entries from two seconds after the last one that is gone, or all keys from the floor on."""
    journal, path = await open_sqlite(), tmp_path / "j.db"
    claim = await journal.claim("shard")
    for t in (10, 20, 30):
        await journal.commit(claim, commit_of("a", [(t, 1)], floor=25, read_at=t + 1, seen=float(t)))
    await journal.commit_reader("r", ReaderState(offset=journal.head))
    await journal.retain(15.0)
    found = await recalled(path)
    assert (found.reaches, found.stamps) == (11 + 2 * PADDING, {(20, 1): 21, (30, 1): 31})
    await journal.retain(35.0)
    found = await recalled(path)
    assert (found.reaches, found.stamps) == (25 + PADDING, {(30, 1): 31})  # from a block of keys
    assert [type(t) for t, _ in found.stamps] == [int]
    await journal.close()
    assert await recalled(path) == found


def test_nothing_is_believed_of_an_older_journal(tmp_path: Path) -> None:
    """Of what an earlier version has dropped nobody knows, so that only keys count."""
    path = tmp_path / "j.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, {number: MIGRATIONS[number] for number in (1, 2, 3)})
        stored = CHECKPOINT.encode(Checkpoint(origin=1.0, floor=7.0))
        connection.execute("INSERT INTO connectors VALUES (1, 's', ?, 'a', ?, '', '')", (ACCOUNT, stored))
        connection.execute("UPDATE meta SET head = 5")
    assert recall(path, ACCOUNT, "a", -math.inf, math.inf).reaches == 7 + PADDING
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection)
        assert connection.execute("SELECT dropped FROM meta").fetchone()[0] > 1_700_000_000
    assert recall(path, ACCOUNT, "a", -math.inf, math.inf).reaches == 7 + PADDING


async def test_an_unknown_connector_is_told(open_sqlite: Open, tmp_path: Path) -> None:
    """Nobody takes a mistyped id for a connector without events."""
    await open_sqlite()
    with pytest.raises(JournalError, match="knows nothing of connector a"):
        await recalled(tmp_path / "j.db")
