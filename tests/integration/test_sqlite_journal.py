"""The journal in a SQLite file: its place, its lock, its schema."""

import asyncio
import hashlib
import os
import shutil
import socket
import sqlite3
import stat
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tailer.errors import JournalError, JournalLockedError, SchemaVersionError
from tailer.journal.schema import APPLICATION_ID, MIGRATIONS, connect, migrate, prepare
from tailer.journal.sqlite import SqliteJournal
from tailer.testing.journal_contract import commit_of

Open = Callable[..., Awaitable[SqliteJournal]]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _query(path: Path, sql: str) -> Any:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchone()[0]


def _modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def _handles() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def _our_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("journal-")]


async def test_all_files_are_private(open_sqlite: Open, tmp_path: Path) -> None:
    """Journal, log, index and lock have mode 0600 from their first moment, whatever the umask."""
    former = os.umask(0)
    try:
        journal = await open_sqlite()
        claim = await journal.claim("shard")
        await journal.commit(claim, commit_of("a", [(1, 1)]))
        modes = _modes(tmp_path)
    finally:
        os.umask(former)
    assert modes == dict.fromkeys(("j.db", "j.db-wal", "j.db-shm", "j.db.lock"), 0o600)


async def test_a_second_owner_is_refused(open_sqlite: Open) -> None:
    """A journal that is open can't be opened again; the error names pid and host of its owner."""
    await open_sqlite()
    with pytest.raises(JournalLockedError, match=f"process {os.getpid()} on {socket.gethostname()}"):
        await open_sqlite()


async def test_a_link_leads_to_the_same_lock(open_sqlite: Open, tmp_path: Path) -> None:
    """A journal that is reached by another name is locked all the same."""
    await open_sqlite()
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "j.db")
    with pytest.raises(JournalLockedError):
        await open_sqlite(link)


async def test_another_process_is_refused(open_sqlite: Open, tmp_path: Path) -> None:
    """The lock holds between processes."""
    await open_sqlite()
    program = (
        "import asyncio, sys; from tailer.journal.sqlite import SqliteJournal;"
        "asyncio.run(SqliteJournal(sys.argv[1]).open())"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, tmp_path / "j.db", stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert f"in use by process {os.getpid()}" in errors.decode()


@pytest.mark.parametrize("left", ["", "1 elsewhere\n", "\xff garbage"])
async def test_a_stale_lock_file_is_harmless(open_sqlite: Open, tmp_path: Path, left: str) -> None:
    """Whatever a dead owner left in the lock file, the next one opens the journal and writes itself in."""
    lock = tmp_path / "j.db.lock"
    lock.write_text(left, encoding="latin-1")
    await open_sqlite()
    assert lock.read_text() == f"{os.getpid()} {socket.gethostname()}\n"


async def test_an_unreadable_owner_is_another_process(open_sqlite: Open, tmp_path: Path) -> None:
    """If the lock's text tells no owner, the error says so and nothing else goes wrong."""
    await open_sqlite()
    (tmp_path / "j.db.lock").write_text("?")
    with pytest.raises(JournalLockedError, match="in use by another process"):
        await open_sqlite()


async def test_nothing_is_left_open(open_sqlite: Open, tmp_path: Path) -> None:
    """After close there is no thread and no file handle of the journal, and the log is folded in."""
    handles = _handles()
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    await journal.commit(claim, commit_of("a", [(1, 1)]))
    assert sorted(_our_threads()) == ["journal-reader", "journal-writer"]
    await journal.close()
    assert _our_threads() == []
    assert _handles() == handles
    assert sorted(_modes(tmp_path)) == ["j.db", "j.db.lock"]
    await journal.close()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none/j.db", "there is no folder"), ("folder", "is a folder"), ("/proc/self/j.db", "can't be used")],
)
async def test_a_wrong_place_is_told(open_sqlite: Open, tmp_path: Path, name: str, reason: str) -> None:
    """A missing folder, a folder in the file's place, a folder that can't be written: one sentence each."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(JournalError, match=reason) as caught:
        await open_sqlite(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value) or name.startswith("/proc")
    assert "\n" not in str(caught.value)
    assert _our_threads() == []


async def test_a_closed_journal_refuses(open_sqlite: Open) -> None:
    """Before open and after close, work ends in a `JournalError`."""
    journal = await open_sqlite()
    await journal.close()
    with pytest.raises(JournalError, match="not open"):
        await journal.load_reader("r")


def _text(path: Path) -> None:
    path.write_text("no database, but a text of some length " * 20)


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (x)")


def _foreign_with_log(path: Path) -> None:
    with closing(sqlite3.connect(path.with_name("source"))) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (x)")
        shutil.copy(path.with_name("source"), path)
        shutil.copy(path.with_name("source-wal"), path.with_name(f"{path.name}-wal"))


def _newer(path: Path) -> None:
    prepare(path)
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_text, ["no journal of tailer", "not a database"]),
        (_foreign, ["database of another program"]),
        (_foreign_with_log, ["database of another program"]),
        (_newer, ["schema 99", f"up to {max(MIGRATIONS)}", "newer tailer"]),
    ],
)
async def test_what_is_no_journal_of_ours_stays_untouched(
    open_sqlite: Open, tmp_path: Path, make: Callable[[Path], None], words: list[str]
) -> None:
    """Another file, another program's database, a newer journal: refused in words, not a byte changed."""
    path = tmp_path / "j.db"
    await asyncio.to_thread(make, path)
    before, modified = _digest(path), path.stat().st_mtime_ns
    with pytest.raises(SchemaVersionError) as caught:
        await open_sqlite()
    assert all(word in str(caught.value) for word in [str(path), *words])
    assert (_digest(path), path.stat().st_mtime_ns) == (before, modified)
    with pytest.raises(SchemaVersionError):  # and not JournalLockedError: the lock was given back
        await open_sqlite()


async def test_an_empty_file_becomes_a_journal(open_sqlite: Open, tmp_path: Path) -> None:
    """A file without a byte, as ``mktemp`` makes it, is taken."""
    path = tmp_path / "j.db"
    path.touch()
    await open_sqlite()
    assert _query(path, "PRAGMA application_id") == APPLICATION_ID
    assert _query(path, "PRAGMA user_version") == max(MIGRATIONS)


@pytest.mark.parametrize("keep", [0.5, 0.1])
async def test_a_truncated_journal_is_refused(open_sqlite: Open, tmp_path: Path, keep: float) -> None:
    """A file that lost its end is a `JournalError` with SQLite's own words and a way out."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    await journal.commit(claim, commit_of("a", [(t, t) for t in range(5000)]))
    await journal.close()
    path = tmp_path / "j.db"
    os.truncate(path, int(path.stat().st_size * keep))
    with pytest.raises(JournalError, match=r"j\.db is damaged: .*malformed.*move it aside"):
        await open_sqlite()


async def test_a_damaged_payload_is_told(open_sqlite: Open, tmp_path: Path) -> None:
    """An entry that can't be decoded is a `JournalError`, not an event less."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    await journal.commit(claim, commit_of("a", [(1, 1)]))
    await journal.close()
    with closing(sqlite3.connect(tmp_path / "j.db")) as connection:
        connection.execute("UPDATE entries SET payload = x'c1'")
        connection.commit()
    journal = await open_sqlite()
    with pytest.raises(JournalError, match="is damaged"):
        await journal.read(0, 10)


def test_migrations_run_in_turn(tmp_path: Path) -> None:
    """An older file is brought forward by each number that it lacks, and keeps what it holds."""
    with closing(sqlite3.connect(tmp_path / "j.db", isolation_level=None)) as connection:
        steps = {1: "CREATE TABLE t (x); INSERT INTO t VALUES (1)"}
        migrate(connection, steps)
        steps[2] = "ALTER TABLE t ADD COLUMN y DEFAULT 2"
        steps[3] = "UPDATE t SET y = y + x"
        migrate(connection, steps)
        migrate(connection, steps)
        assert connection.execute("SELECT x, y FROM t").fetchall() == [(1, 3)]
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)


def test_a_failed_migration_leaves_the_step_before(tmp_path: Path) -> None:
    """A migration that fails in its middle changes nothing, number included."""
    with closing(sqlite3.connect(tmp_path / "j.db", isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, {1: "CREATE TABLE t (x)", 2: "DROP TABLE t; DROP TABLE nothing"})
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


async def test_a_file_system_without_shared_memory_is_refused(
    open_sqlite: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where SQLite can't keep a write-ahead log, the journal says that it needs a local disk."""

    class Stubborn(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            return super().execute("SELECT 'delete'" if "journal_mode" in sql else sql, *arguments)

    monkeypatch.setattr(sqlite3, "connect", Stubborn)
    with pytest.raises(JournalError, match="needs a local disk"):
        await open_sqlite()
