"""Looks at a journal that somebody else owns, or that nobody has open."""

import asyncio
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from tailer.core.progress import Checkpoint
from tailer.core.spans import Spans
from tailer.errors import JournalError, SchemaVersionError
from tailer.interfaces import Commit, ReaderState
from tailer.journal.codec import CHECKPOINT
from tailer.journal.glance import Glance, glance
from tailer.journal.lock import Owner, locked
from tailer.journal.schema import MIGRATIONS, connect, migrate, prepare
from tailer.journal.sqlite import SqliteJournal
from tailer.testing.journal_contract import ACCOUNT, commit_of

Open = Callable[..., Awaitable[SqliteJournal]]


def _contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


async def _fill(journal: SqliteJournal) -> None:
    claim = await journal.claim("shard")
    await journal.commit(claim, commit_of("b", [(t, 1) for t in range(7)], seen=5.0))
    await journal.commit(claim, commit_of("b", [(t, 2) for t in range(3)], seen=6.0))
    moved = Checkpoint(origin=1.0, floor=2.0, covered=Spans(((1, 9),)))
    await journal.commit(claim, Commit(ACCOUNT, "a", moved, name="gw-1", serial="S1"))
    await journal.flush()
    await journal.commit_reader("slow", ReaderState(offset=2, above=Spans(((4, 6),)), sink=b"state"))
    await journal.load_reader("new")


async def test_a_look_tells_all_while_the_owner_works(open_sqlite: Open, tmp_path: Path) -> None:
    """Beside its owner: size, head, owner, connectors by name, readers with their backlog."""
    journal = await open_sqlite()
    await _fill(journal)
    found = await asyncio.to_thread(glance, tmp_path / "j.db")
    assert (found.head, found.used_bytes) == (10, journal.used_bytes)
    assert found.owner == Owner(os.getpid(), socket.gethostname(), is_present=True)
    first, second = found.connectors
    assert (first.account, first.connector, first.name, first.serial) == (ACCOUNT, "a", "gw-1", "S1")
    assert first.checkpoint.covered == Spans(((1, 9),))
    assert second.connector == "b"
    assert [(one.name, one.offset, one.backlog, one.sink) for one in found.readers] == [
        ("slow", 2, 6, b"state")
    ]


async def test_a_name_is_kept_until_a_newer_one_comes(open_sqlite: Open, tmp_path: Path) -> None:
    """A commit without a name leaves the one that is known; one with a name replaces it."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    for name, shown in (("old", "old"), ("", "old"), ("new", "new")):
        await journal.commit(claim, commit_of("a", [(len(name), ord(name[:1] or "x"))])._replace(name=name))
        found = await asyncio.to_thread(glance, tmp_path / "j.db")
        assert found.connectors[0].name == shown


async def test_a_look_is_no_owner(open_sqlite: Open, tmp_path: Path) -> None:
    """A look at a closed journal tells who had it, changes no byte, makes no file and takes no lock."""
    journal = await open_sqlite()
    await _fill(journal)
    await journal.close()
    before = await asyncio.to_thread(_contents, tmp_path)
    found = await asyncio.to_thread(glance, tmp_path / "j.db")
    assert await asyncio.to_thread(_contents, tmp_path) == before
    assert found.head == 10
    assert found.owner == Owner(os.getpid(), socket.gethostname(), is_present=False)
    await open_sqlite()


async def test_looking_keeps_no_owner_out(open_sqlite: Open, tmp_path: Path) -> None:
    """However often somebody looks, a daemon gets its journal."""
    await (await open_sqlite()).close()
    program = (
        "import sys; from pathlib import Path; from tailer.journal.glance import glance\n"
        "print(flush=True)\nwhile True: glance(Path(sys.argv[1]))"
    )
    looking = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, tmp_path / "j.db", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert looking.stdout is not None
        await looking.stdout.readline()
        for _ in range(10):
            await (await open_sqlite()).close()
        assert looking.returncode is None
    finally:
        looking.kill()
        await looking.wait()


async def test_a_copy_is_looked_at(open_sqlite: Open, tmp_path: Path) -> None:
    """A copy without log and lock, in a folder that can't be written, tells the same, but no owner."""
    journal = await open_sqlite()
    await _fill(journal)
    await journal.close()
    folder = tmp_path / "copy"
    folder.mkdir()
    await asyncio.to_thread(shutil.copy, tmp_path / "j.db", folder)
    folder.chmod(0o500)
    found = await asyncio.to_thread(glance, folder / "j.db")
    assert (found.head, found.owner) == (10, None)
    assert [one.name for one in folder.iterdir()] == ["j.db"]


async def test_a_log_that_a_crash_left_is_read(open_sqlite: Open, tmp_path: Path) -> None:
    """What a killed owner had made durable is seen, though it only lies in the log."""
    await _fill(await open_sqlite())
    folder = tmp_path / "crashed"
    folder.mkdir()
    for name in ("j.db", "j.db-wal"):
        await asyncio.to_thread(shutil.copy, tmp_path / name, folder)
    found = await asyncio.to_thread(glance, folder / "j.db")
    assert (found.head, len(found.connectors)) == (10, 2)


def test_an_older_journal_is_looked_at(tmp_path: Path) -> None:
    """A journal of an earlier schema is told about, not brought forward."""
    path = tmp_path / "j.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, {1: MIGRATIONS[1]})
        stored = CHECKPOINT.encode(Checkpoint(origin=1.0, floor=2.0))
        connection.execute("INSERT INTO connectors VALUES (1, 's', 'x', 'a', ?)", (stored,))
    (found,) = glance(path).connectors
    assert (found.account, found.connector, found.name, found.checkpoint.floor) == ("x", "a", "", 2.0)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_nobody_knows_an_owner_without_its_words(tmp_path: Path) -> None:
    """A lock file with other words in it tells at least whether the lock is held."""
    path = tmp_path / "j.db"
    prepare(path)
    connect(path).close()
    with locked(path):
        (tmp_path / "j.db.lock").write_text("?")
        assert glance(path).owner == Owner(None, None, is_present=True)


def _newer(path: Path) -> None:
    prepare(path)
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (x)")


def _damaged(path: Path) -> None:
    prepare(path)
    connect(path).close()
    os.truncate(path, 3 * 4096)


def _without_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda path: None, JournalError, "there is no journal .*`tailer run` makes it"),
        (Path.mkdir, JournalError, "is a folder"),
        (Path.touch, JournalError, "is empty"),
        (_without_tables, JournalError, "is empty"),
        (lambda path: path.write_text("text " * 999), SchemaVersionError, "no journal of tailer"),
        (_foreign, SchemaVersionError, "database of another program"),
        (_newer, SchemaVersionError, "schema 99"),
        (_damaged, JournalError, "is damaged: .*move it aside"),
    ],
)
def test_what_can_not_be_looked_at_is_told(
    tmp_path: Path, make: Callable[[Path], object], kind: type[JournalError], words: str
) -> None:
    """Missing, a folder, empty, something else, newer, damaged: one sentence each, that names the file."""
    path = tmp_path / "j.db"
    make(path)
    with pytest.raises(JournalError, match=words) as caught:
        glance(path)
    assert type(caught.value) is kind
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_changes_meanwhile_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An owner that opens the file during a look makes it be repeated, not fail or tell half of it."""
    path = tmp_path / "j.db"
    prepare(path)
    connect(path).close()
    opened: list[sqlite3.Connection] = []

    class Meddling(sqlite3.Connection):
        def execute(self, sql: str, *arguments: object) -> sqlite3.Cursor:
            if "FROM meta" in sql and not opened:
                opened.append(connect(path))
                raise sqlite3.DatabaseError("malformed")
            return super().execute(sql, *arguments)  # type: ignore[arg-type]

    real = sqlite3.connect
    monkeypatch.setattr(
        sqlite3,
        "connect",
        lambda address, **options: real(
            address, factory=Meddling if "immutable" in str(address) else sqlite3.Connection, **options
        ),
    )
    found = glance(path)
    opened[0].close()
    assert isinstance(found, Glance)
    assert found.head == 0
