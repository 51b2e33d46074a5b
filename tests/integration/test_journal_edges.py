"""What an operator's disk does to a journal: each is a sentence before any harm, or no trouble at all."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tailer.errors import JournalError
from tailer.journal.sqlite import SqliteJournal
from tailer.testing.journal_contract import ACCOUNT, commit_of, numbers_of

Open = Callable[..., Awaitable[SqliteJournal]]

PAGE = 4096

OPENING = """
import asyncio, sys
from tailer.errors import JournalError
from tailer.journal.sqlite import SqliteJournal

async def main():
    journal = SqliteJournal(sys.argv[1])
    try:
        await journal.open()
    except JournalError as error:
        print(type(error).__name__, error)
    else:
        await journal.close()
        print("opened")

asyncio.run(main())
"""


async def _filled(open_sqlite: Open, path: Path) -> None:
    journal = await open_sqlite(path)
    claim = await journal.claim("shard")
    for start in range(0, 40_000, 2000):
        await journal.commit(claim, commit_of("a", [(t, t) for t in range(start, start + 2000)]))
    await journal.close()


async def _crashed(open_sqlite: Open, path: Path) -> None:
    """Leave a journal as a killed owner would: with its log and its lock file."""
    await _filled(open_sqlite, path)
    journal = await open_sqlite(path)
    await journal.commit(await journal.claim("shard"), commit_of("b", [(1, 1)]))
    for name in await asyncio.to_thread(os.listdir, path.parent):
        await asyncio.to_thread(shutil.copy, path.parent / name, path.parent / f"crashed-{name}")
    await journal.close()


async def _opened_by(path: Path, *wrapper: str) -> str:
    """Open a journal in a process that may not write where its user may not, root or not; give its words."""
    if os.geteuid() == 0:
        # What lets root pass by all permissions.
        wrapper = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", *wrapper)
    process = await asyncio.create_subprocess_exec(
        *wrapper,
        sys.executable,
        "-c",
        OPENING,
        path,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    words, _ = await process.communicate()
    return words.decode().strip()


@pytest.mark.parametrize("name", ["j.db", "j.db.lock"])
async def test_a_file_without_permission_is_named(open_sqlite: Open, tmp_path: Path, name: str) -> None:
    """A journal or a lock that this user may not write is told with the file and what must be."""
    await _filled(open_sqlite, tmp_path / "j.db")
    (tmp_path / name).chmod(0)
    words = await _opened_by(tmp_path / "j.db")
    assert words.startswith(f"JournalError the journal {tmp_path / 'j.db'} can't be used: Permission denied")
    assert f"({tmp_path / name})" in words
    assert "must be writable for this user" in words


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_folder_without_permission_is_told(open_sqlite: Open, tmp_path: Path, is_there: bool) -> None:
    """Where no file may be made, be it the journal, its lock or its log, the sentence says so."""
    folder = tmp_path / "folder"
    folder.mkdir()
    if is_there:
        await _filled(open_sqlite, folder / "j.db")
    folder.chmod(0o500)
    words = await _opened_by(folder / "j.db")
    folder.chmod(0o700)
    assert words.startswith("JournalError")
    assert "must be writable for this user" in words


async def test_what_a_dead_owner_left_is_no_obstacle(open_sqlite: Open, tmp_path: Path) -> None:
    """Lock, log and index of a killed owner are taken over, even in a folder that allows no new file."""
    await _crashed(open_sqlite, tmp_path / "j.db")
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("j.db", "j.db-wal", "j.db-shm", "j.db.lock"):
        (tmp_path / f"crashed-{name}").rename(folder / name)
    (folder / "j.db.lock").write_text("1 elsewhere\n")
    folder.chmod(0o500)
    words = await _opened_by(folder / "j.db")
    folder.chmod(0o700)
    assert words == "opened"


async def test_a_read_only_file_system_is_told(open_sqlite: Open, tmp_path: Path) -> None:
    """Where nothing can be written, the sentence says that it is the file system."""
    await _filled(open_sqlite, tmp_path / "j.db")
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    wrapper = ("unshare", "--map-root-user", "--mount", "sh", "-c", script, str(tmp_path))
    words = await _opened_by(tmp_path / "j.db", *wrapper)
    if not words:
        pytest.skip("no file system may be mounted here")
    assert words.startswith(
        f"JournalError the journal {tmp_path / 'j.db'} lies on a file system that can only"
    )


async def _times_in(path: Path) -> list[float] | str:
    """Read all of a journal: the times of its events, or what it says instead."""
    journal = SqliteJournal(path, tail_events=0)
    try:
        await journal.open()
        stored = await journal.load(await journal.claim("shard"))
        entries = await journal.read(0, 10**9)
    except JournalError as error:
        return str(error)
    finally:
        with suppress(JournalError):
            await journal.close()
    assert len(stored[ACCOUNT, "a"].keys) == len(numbers_of(entries))
    return [event.t for entry in entries for event in entry.segments[0].events]


async def test_damage_anywhere_is_found_when_it_is_read(open_sqlite: Open, tmp_path: Path) -> None:
    """Whatever page turns to noise, opening and reading all ends in a sentence, or all is right."""
    path = tmp_path / "j.db"
    await _filled(open_sqlite, path)
    sound = await asyncio.to_thread(path.read_bytes)
    chance, found = random.Random(7), 0
    for page in range(0, len(sound) // PAGE, 4):
        at = page * PAGE + chance.randrange(PAGE - 300)
        noisy = sound[:at] + chance.randbytes(300) + sound[at + 300 :]
        await asyncio.to_thread(path.write_bytes, noisy)
        told = await _times_in(path)
        if isinstance(told, str):
            found += 1
            assert str(path) in told
            assert "\n" not in told
        else:
            assert told == list(range(40_000))
    assert found > 0.5 * len(sound) / PAGE / 4


async def test_damage_in_use_stops_what_needs_it(open_sqlite: Open, tmp_path: Path) -> None:
    """A page that turns to noise under a running journal is a sentence with a way out."""
    path = tmp_path / "j.db"
    await _filled(open_sqlite, path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(bytes(range(256)) * 64)
    journal = await open_sqlite(path, tail_events=0)
    with pytest.raises(JournalError, match=r"is damaged: .*move it aside"):
        await journal.read(0, 10**9)


def _delete(path: Path) -> None:
    path.unlink()


def _move(path: Path) -> None:
    path.rename(path.with_name("moved"))


def _replace(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").rename(path)


@pytest.mark.parametrize("harm", [_delete, _move, _replace])
@pytest.mark.parametrize("name", ["j.db", "j.db-wal", "j.db.lock"])
async def test_a_file_that_is_taken_away_stops_the_journal(
    open_sqlite: Open, tmp_path: Path, name: str, harm: Callable[[Path], None]
) -> None:
    """Nothing is stored into a file that nobody will find again, or that another owner may have."""
    journal = await open_sqlite()
    claim = await journal.claim("shard")
    await journal.commit(claim, commit_of("a", [(1, 1)]))
    await asyncio.to_thread(harm, tmp_path / name)
    with pytest.raises(JournalError, match=rf"moved, deleted or replaced while in use \({name} is gone"):
        await journal.commit(claim, commit_of("a", [(2, 1)]))
    assert journal.head == 1


async def test_a_journal_of_every_schema_is_brought_forward(open_sqlite: Open, tmp_path: Path) -> None:
    """Entries that were stored without a checksum are read, and new ones beside them have one."""
    path = tmp_path / "j.db"
    await _filled(open_sqlite, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE entries SET crc = NULL")
        connection.commit()
    journal = await open_sqlite(path, tail_events=0)
    claim = await journal.claim("shard")
    await journal.commit(claim, commit_of("a", [(50_000, 1)]))
    assert len(numbers_of(await journal.read(0, 10**9))) == 40_001
    assert len((await journal.load(claim))[ACCOUNT, "a"].keys) == 40_001
