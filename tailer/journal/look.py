"""A look at a journal without owning it, beside a running daemon or after it.

1. Nothing is written and no lock is kept: not the file, not its log, not the lock file. A read holds back
   only the shrinking of the log, for as long as it lasts.
2. A file with a ``-wal`` beside it is read through it. Without one nobody has the file open (or it is a
   copy), and SQLite is told that it does not change, or it would make a log and an index beside it. Should
   somebody open it meanwhile, the look is repeated.
3. All of it is of one moment, but for the owner.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeAlias, TypeVar

from tailer.errors import JournalError
from tailer.journal.failures import translated
from tailer.journal.schema import check_schema, connect_reader
from tailer.sqlite_file import transaction

T = TypeVar("T")

Read: TypeAlias = Callable[[sqlite3.Connection, Path, int], T]
"""Reads what it wants through a connection, given the file and the number of its schema."""

_TRIES = 5
"""Looks at a file that is opened or closed by its owner at that very moment."""


def look_at(path: Path, read: Read[T]) -> T:
    """Look at a journal; blocks.

    Args:
        path: The file; an owner may be at work on it.
        read: Called inside a transaction, perhaps several times.

    Raises:
        SchemaVersionError: It is newer than this program, or no journal.
        JournalError: It is missing, empty, damaged, or can't be read.
    """
    place = path.resolve()
    with translated(place):
        _check_place(place)
        for _ in range(_TRIES):
            found = _look(place, read)
            if found is not None:
                return found[0]
    raise JournalError(f"the journal {place} is being opened or closed again and again: try once more")


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise JournalError(f"the journal {path} is a folder: give the path of a file")
    if not path.exists():
        raise JournalError(f"there is no journal {path}: `tailer run` makes it at its first start")
    if not (path.stat().st_size or _log_of(path).exists()):
        raise JournalError(f"the journal {path} is empty: no run has used it yet")


def _look(path: Path, read: Read[T]) -> tuple[T] | None:
    """Read everything once; ``None`` when the file was opened or changed under a look that can't stand it."""
    if _log_of(path).exists():
        with closing(connect_reader(path)) as connection:
            return (_read(connection, path, read),)
    before = _state_of(path)
    try:
        with closing(connect_reader(path, "immutable=1")) as connection:
            found = _read(connection, path, read)
    except sqlite3.Error:
        if _state_of(path) == before:
            raise
        return None
    return (found,) if _state_of(path) == before else None


def _read(connection: sqlite3.Connection, path: Path, read: Read[T]) -> T:
    with transaction(connection, "BEGIN"):
        version = check_schema(connection, path)
        if not version:
            raise JournalError(f"the journal {path} is empty: no run has used it yet")
        return read(connection, path, version)


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _state_of(path: Path) -> tuple[bool, int, int, int]:
    """Give what differs after somebody has opened or written the file."""
    status = path.stat()
    return _log_of(path).exists(), status.st_ino, status.st_size, status.st_mtime_ns
