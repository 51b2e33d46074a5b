"""The SQLite file: how it is opened, what makes it a journal, how an older one becomes the present one.

1. ``application_id`` says that the file is a journal.
2. It is migrated as every file of ours (`tailer.sqlite_file`); a newer one is refused.
3. ``entries`` has one row a group commit. Its offset is the number of its first event; no number is used
   twice, because ``meta.head`` remembers the end of what retention has deleted.
4. ``entries_seen`` is what retention asks; it works where the wall clock stepped, which offsets would not.
5. ``entries.crc`` is the CRC-32 of the payload, for SQLite notices damage to its own structure only, not to
   what it holds; NULL in an entry that was stored before schema 3.
6. ``key_blocks`` holds the keys of deleted events, packed, as long as they may be met again.
7. ``meta.dropped`` is the highest ``read_at`` of what retention has deleted, NULL before the first: whatever
   happened two seconds after it or later is in ``entries``.
8. ``spending`` holds what each principal had spent of its quota, as `tailer.pipeline.spending` encodes it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tailer import sqlite_file
from tailer.errors import JournalError, SchemaVersionError

APPLICATION_ID = 0x7461_6C72
"""``talr``."""

_FIRST = """
CREATE TABLE meta (head INTEGER NOT NULL);
INSERT INTO meta VALUES (0);
CREATE TABLE claims (shard TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE entries (
    offset INTEGER PRIMARY KEY, count INTEGER NOT NULL, seen REAL NOT NULL, read_at REAL NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX entries_seen ON entries (seen);
CREATE TABLE connectors (
    id INTEGER PRIMARY KEY, shard TEXT NOT NULL, account TEXT NOT NULL, connector TEXT NOT NULL,
    checkpoint BLOB NOT NULL, UNIQUE (account, connector)
);
CREATE INDEX connectors_shard ON connectors (shard);
CREATE TABLE key_blocks (
    id INTEGER PRIMARY KEY, connector INTEGER NOT NULL, tier INTEGER NOT NULL, newest INTEGER NOT NULL,
    block BLOB NOT NULL
);
CREATE INDEX key_blocks_connector ON key_blocks (connector, tier, newest);
CREATE TABLE readers (name TEXT PRIMARY KEY, offset INTEGER NOT NULL, above BLOB NOT NULL, sink BLOB);
CREATE TABLE reader_marks (
    reader TEXT NOT NULL, connector TEXT NOT NULL, highest BLOB NOT NULL, PRIMARY KEY (reader, connector)
) WITHOUT ROWID
"""

_NAMES = """
ALTER TABLE connectors ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE connectors ADD COLUMN serial TEXT NOT NULL DEFAULT ''
"""

_CHECKSUMS = "ALTER TABLE entries ADD COLUMN crc INTEGER"

# Of what was deleted before, nobody has noted it; it is older than what is there.
_DROPPED = """
ALTER TABLE meta ADD COLUMN dropped REAL;
UPDATE meta SET dropped = coalesce((SELECT max(read_at) FROM entries), strftime('%s', 'now')) WHERE head > 0
"""

_SPENDING = "CREATE TABLE spending (principal TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID"

MIGRATIONS: Mapping[int, str] = {1: _FIRST, 2: _NAMES, 3: _CHECKSUMS, 4: _DROPPED, 5: _SPENDING}
"""Statements, parted by semicolons, that lead to each schema from the one before."""

_BUSY_SECONDS = 5.0
"""How long a statement waits for a foreign program (a backup, a shell) that holds the file; SQLite's own
default."""


def prepare(path: Path) -> None:
    """Check the place and create an empty file of mode 0600 unless there is one.

    SQLite gives its ``-wal`` and ``-shm`` files the mode of the file itself.

    Raises:
        JournalError: There is no such folder, or the path is one.
    """
    if path.is_dir():
        raise JournalError(f"the journal {path} is a folder: give the path of a file")
    if not path.parent.is_dir():
        raise JournalError(f"the journal {path} can't be created: there is no folder {path.parent}")
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def connect(path: Path) -> sqlite3.Connection:
    """Open a journal for writing; check it and migrate it first.

    Raises:
        SchemaVersionError: It is newer than this program, or no journal; it is left untouched.
    """
    _refuse_foreign(path)
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        migrate(connection)
        _set_up(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path, mode: str = "mode=ro") -> sqlite3.Connection:
    """Open a journal for reading only; it need not be the owner's process that does.

    Args:
        path: Absolute.
        mode: ``immutable=1`` for a file that nobody has open: SQLite then makes no ``-wal`` beside it.
    """
    address = f"{path.as_uri()}?{mode}"
    return sqlite3.connect(
        address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )


def migrate(connection: sqlite3.Connection, migrations: Mapping[int, str] = MIGRATIONS) -> None:
    """Bring an empty or older file to the newest schema."""
    sqlite_file.migrate(connection, APPLICATION_ID, migrations)


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    if not sqlite_file.keep_durably(connection):
        raise JournalError(f"the journal {path} needs a local disk: this file system can't share memory")


def _refuse_foreign(path: Path) -> None:
    """Raise unless the file is empty or a journal that this program can read.

    Through a read-only connection, which leaves a file alone even if its last owner crashed.
    """
    if not path.stat().st_size:
        return
    with closing(connect_reader(path)) as connection:
        check_schema(connection, path)


def check_schema(connection: sqlite3.Connection, path: Path) -> int:
    """Give the number of a journal's schema, 0 in an empty database.

    Raises:
        SchemaVersionError: It is newer than this program, or no journal.
    """
    identity = sqlite_file.identify(connection)
    if identity.application != APPLICATION_ID and any(identity):
        raise SchemaVersionError(
            f"{path} is a database of another program (application id {identity.application}), no journal of"
            " tailer; it was left untouched: choose another path"
        )
    newest = max(MIGRATIONS)
    if identity.version > newest:
        raise SchemaVersionError(
            f"the journal {path} has schema {identity.version}, this program knows up to {newest}: it was"
            " written by a newer tailer and was left untouched; use that version, or another journal"
        )
    return identity.version
