"""Foreign errors of the SQLite journal, told as the journal's own."""

from __future__ import annotations

import errno
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tailer.errors import JournalError, JournalFullError, SchemaVersionError

# SHMSIZE: the index of the write-ahead log could not grow, which is how a full disk may show first.
_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})

_READ_ONLY = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM})

_WAY_OUT = (
    "restore it from a backup, or move it aside with its -wal file and start anew, with [polling] start"
    " so far back that nothing is missed"
)


@contextmanager
def translated(path: Path | str) -> Iterator[None]:
    """Raise what goes wrong inside as a `JournalError` that names the file.

    A full disk becomes `JournalFullError`, a file that is no database `SchemaVersionError`.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(path, error) from error
    except OSError as error:
        raise _told(path, error) from error
    except (msgspec.MsgspecError, zlib.error, ValueError, LookupError) as error:
        raise JournalError(
            f"the journal {path} is damaged: a stored value can't be decoded ({error}); {_WAY_OUT}"
        ) from error


def _told(path: Path | str, error: OSError) -> JournalError:
    reason = error.strerror or str(error)
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return JournalFullError(f"no room for the journal {path}: {reason}; make room on its disk")
    if error.errno in {errno.EACCES, errno.EPERM}:
        hint = "the journal, its .lock and their folder must be writable for this user"
        return JournalError(f"the journal {path} can't be used: {reason} ({error.filename}); {hint}")
    if error.errno == errno.EROFS:
        hint = "choose another path, or make it writable"
        return JournalError(f"the journal {path} lies on a file system that can only be read; {hint}")
    return JournalError(f"the journal {path} can't be used: {reason}")


def _translate(path: Path | str, error: sqlite3.Error) -> JournalError:
    code = getattr(error, "sqlite_errorcode", None)
    if code in _FULL:
        return JournalFullError(f"no room for the journal {path}: {error}; make room on its disk")
    if code == sqlite3.SQLITE_NOTADB:
        return SchemaVersionError(f"{path} is no journal of tailer: {error}; it was left untouched")
    if code is not None and code & 0xFF in _READ_ONLY:
        return JournalError(
            f"the journal {path} can't be written: {error}; the file and its folder, where its -wal and .lock"
            " lie, must be writable for this user"
        )
    if code is not None and code & 0xFF == sqlite3.SQLITE_CORRUPT:
        return JournalError(f"the journal {path} is damaged: {error}; {_WAY_OUT}")
    return JournalError(f"the journal {path} can't be used: {error}")
