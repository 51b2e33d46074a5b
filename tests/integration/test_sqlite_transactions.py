"""What the SQLite journal writes together, shows, refuses and holds back."""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from tailer.errors import FencedError, JournalError, JournalFullError
from tailer.interfaces import Commit, ReaderState
from tailer.journal.reading import read_entries
from tailer.journal.sqlite import SqliteJournal
from tailer.testing.journal_contract import ACCOUNT, checkpoint, commit_of, keys_of, numbers_of

Open = Callable[..., Awaitable[SqliteJournal]]


async def test_commits_that_wait_share_a_transaction(
    open_sqlite: Open, connections: dict[str, list[sqlite3.Connection]]
) -> None:
    """Fifty polls and a reader that commit at once cost one transaction and make one entry."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    statements: list[str] = []
    connections["writers"][0].set_trace_callback(statements.append)
    await asyncio.gather(
        journal.commit_reader("r", ReaderState(offset=0)),
        *(journal.commit(claim, commit_of(f"c{number}", [(1, 1)])) for number in range(50)),
    )
    assert statements.count("COMMIT") == 1
    assert [(entry.offset, entry.end) for entry in await journal.read(0, 1)] == [(0, 50)]


async def test_every_commit_is_synced(
    open_sqlite: Open, connections: dict[str, list[sqlite3.Connection]]
) -> None:
    """The writer runs in WAL mode with ``synchronous = FULL``."""
    await open_sqlite()
    writer = connections["writers"][0]
    assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert writer.execute("PRAGMA synchronous").fetchone() == (2,)


async def test_nothing_is_shown_before_it_is_durable(open_sqlite: Open, tmp_path: Path) -> None:
    """While the transaction can't end, head and readers see nothing of it."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    with closing(sqlite3.connect(tmp_path / "j.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        commit = asyncio.create_task(journal.commit(claim, commit_of("a", [(1, 1)])))
        await asyncio.sleep(0.05)
        assert not commit.done()
        assert (journal.head, await journal.read(0, 10)) == (0, [])
        other.execute("ROLLBACK")
    await commit
    assert (journal.head, len(await journal.read(0, 10))) == (1, 1)


async def test_near_the_head_no_sql_is_read(
    open_sqlite: Open, connections: dict[str, list[sqlite3.Connection]]
) -> None:
    """Readers within the tail are served from memory, with the very events that were committed."""
    journal = await open_sqlite(tail_events=4)
    claim = await journal.claim("shard")
    commits = [commit_of("a", [(t, 0), (t, 1)]) for t in range(4)]
    for commit in commits:
        await journal.commit(claim, commit)
    statements: list[str] = []
    connections["readers"][0].set_trace_callback(statements.append)
    assert [entry.segments[0] for entry in await journal.read(4, 10)] == [one.segment for one in commits[2:]]
    assert await journal.read(8, 10) == []
    assert statements == []
    assert numbers_of(await journal.read(3, 10)) == list(range(2, 8))
    assert statements != []


async def test_a_full_disk_stores_nothing(
    open_sqlite: Open, connections: dict[str, list[sqlite3.Connection]]
) -> None:
    """Out of room, a commit raises `JournalFullError` and leaves no trace; with room it passes."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    await journal.commit(claim, commit_of("a", [(1, 1)]))
    writer = connections["writers"][0]
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages}")
    big = commit_of("b", [(t, t) for t in range(5000)])
    with pytest.raises(JournalFullError, match=r"no room for the journal .*make room"):
        await journal.commit(claim, big)
    assert journal.head == 1
    assert list(await journal.load(claim)) == [(ACCOUNT, "a")]
    writer.execute("PRAGMA max_page_count = 1000000")
    await journal.commit(claim, big)
    assert journal.head == 5001


async def test_other_failures_name_file_and_reason(open_sqlite: Open, tmp_path: Path) -> None:
    """What SQLite refuses is a `JournalError` with the path and SQLite's words, one for each caller."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    with closing(sqlite3.connect(tmp_path / "j.db")) as other:
        other.execute("DROP TABLE entries")
    outcomes = await asyncio.gather(
        *(journal.commit(claim, commit_of(f"c{number}", [(1, 1)])) for number in range(2)),
        return_exceptions=True,
    )
    for outcome in outcomes:
        assert isinstance(outcome, JournalError)
        assert str(tmp_path / "j.db") in str(outcome)
        assert "no such table: entries" in str(outcome)
        assert isinstance(outcome.__cause__, sqlite3.Error)
    assert outcomes[0] is not outcomes[1]


async def test_a_checkpoint_that_waits_is_stored_on_close(open_sqlite: Open) -> None:
    """Closing stores the checkpoints that were handed over without events."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    await journal.commit(claim, Commit(ACCOUNT, "a", checkpoint(through=7.0)))
    await journal.close()
    journal = await open_sqlite()
    stored = await journal.load(await journal.claim("shard"))
    assert stored[ACCOUNT, "a"].checkpoint.through == 7.0


async def test_a_load_sees_what_waits(open_sqlite: Open) -> None:
    """A checkpoint that was handed over without events is in what its owner loads next."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    await journal.commit(claim, Commit(ACCOUNT, "a", checkpoint(through=7.0)))
    assert (await journal.load(claim))[ACCOUNT, "a"].checkpoint.through == 7.0


async def test_a_reader_stops_at_the_head(
    open_sqlite: Open, connections: dict[str, list[sqlite3.Connection]]
) -> None:
    """What a transaction has stored since the head was asked is left for the next read."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    for t in range(3):
        await journal.commit(claim, commit_of("a", [(t, 1)]))
    entries = await asyncio.to_thread(read_entries, connections["readers"][0], 1, 2, 10)
    assert [entry.offset for entry in entries] == [1]


async def test_a_release_stores_what_waits(open_sqlite: Open) -> None:
    """A shard is given back with its checkpoints stored."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    await journal.commit(claim, Commit(ACCOUNT, "a", checkpoint(through=7.0)))
    await journal.release(claim)
    stored = await journal.load(await journal.claim("shard"))
    assert stored[ACCOUNT, "a"].checkpoint.through == 7.0


async def test_a_connector_may_change_its_shard(open_sqlite: Open) -> None:
    """A connector belongs to the shard that committed it last, with all its keys."""
    journal = await open_sqlite()
    one, other = await journal.claim("one"), await journal.claim("other")
    await journal.commit(one, commit_of("a", [(1, 1)]))
    await journal.commit(other, commit_of("a", [(2, 2)]))
    assert await journal.load(one) == {}
    assert await keys_of(journal, other, "a") == {(1, 1), (2, 2)}


async def test_claims_end_with_their_process(open_sqlite: Open) -> None:
    """After a restart an old claim is refused and the next one has a higher epoch."""
    journal = await open_sqlite()
    old = await journal.claim("shard")
    await journal.close()
    journal = await open_sqlite()
    with pytest.raises(FencedError):
        await journal.load(old)
    assert (await journal.claim("shard")).epoch == old.epoch + 1


async def test_a_cancelled_read_leaves_no_trace(open_sqlite: Open) -> None:
    """A call that is cancelled while its thread works for it spoils nothing for the next."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    await journal.commit(claim, commit_of("a", [(t, 1) for t in range(20_000)]))
    load = asyncio.create_task(journal.load(claim))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    load.cancel()
    with pytest.raises(asyncio.CancelledError):
        await load
    assert len(await keys_of(journal, claim, "a")) == 20_000


async def test_a_cancelled_open_gives_the_lock_back(tmp_path: Path, open_sqlite: Open) -> None:
    """An ``open`` that is cancelled while its thread opens the file leaves no thread and no lock behind."""
    opening = asyncio.create_task(SqliteJournal(tmp_path / "j.db").open())
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("journal-")]
    await open_sqlite()
