"""The SQLite file of the sink `sqlite`: how it is made, checked and filled. All of it blocks: use a thread.

Rules:

1. ``application_id`` says that the file is one of ours (`tailer.sqlite_file`); a database of another program
   and a newer schema are left untouched.
2. An event is known by its id, and the first that comes under one stays: written again, it changes nothing.
3. A batch is one transaction, on the disk (``synchronous = FULL``) when `insert` returns. In WAL mode whoever
   reads neither waits nor is waited for.
4. Texts are escaped as in every format, so none holds a NUL, at which SQL functions would stop. Times are
   written as SQLite's own date functions write them (UTC, a space in the middle), so that both compare. What
   has more than the 64 bits of a SQLite integer is kept as text, every digit of it.
5. The row of a connector's watermarks only ever grows: what comes again after a crash changes nothing.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

from tailer.core.durations import Seconds
from tailer.errors import SinkUnavailableError
from tailer.kinds import LEVELS, level_of
from tailer.model import Event, Source, Watermark
from tailer.sinks.formats.records import FIELDS, PAYLOAD
from tailer.sinks.formats.watermarks import COLUMNS as MARKS
from tailer.sinks.place import describe_place
from tailer.sinks.text import MinuteTexts, escaped, payload_text
from tailer.sqlite_file import identify, keep_durably, migrate, transaction

APPLICATION_ID = 0x746C_7245
"""``tlrE``."""

_SEVERITY = " ".join(f"WHEN '{level}' THEN {rank}" for rank, level in enumerate(LEVELS))
_PROBLEMS = ", ".join(f"'{level}'" for level in LEVELS[LEVELS.index("warning") :])

_EVENTS = f"""
CREATE TABLE events (
    id TEXT NOT NULL PRIMARY KEY, time TEXT, account TEXT NOT NULL, connector TEXT NOT NULL,
    name TEXT NOT NULL, serial TEXT NOT NULL, k TEXT NOT NULL, level TEXT NOT NULL,
    t NOT NULL, n NOT NULL, a NOT NULL, seen REAL NOT NULL, late INTEGER NOT NULL, e TEXT
);
CREATE INDEX events_time ON events (time);
CREATE INDEX events_level ON events (level, time);
CREATE INDEX events_connector ON events (connector, time);
CREATE VIEW events_by_level AS
    SELECT level, count(*) AS events, count(DISTINCT connector) AS connectors, sum(late) AS late,
        min(time) AS oldest, max(time) AS newest
    FROM events GROUP BY level ORDER BY CASE level {_SEVERITY} END DESC;
CREATE VIEW events_by_connector AS
    SELECT account, connector,
        (SELECT name FROM events AS one WHERE one.connector = every.connector ORDER BY time DESC LIMIT 1)
            AS name,
        count(*) AS events, sum(level IN ({_PROBLEMS})) AS problems, sum(late) AS late,
        min(time) AS oldest, max(time) AS newest
    FROM events AS every GROUP BY account, connector ORDER BY newest DESC
"""  # noqa: S608 - made of our own levels

_WATERMARKS = """
CREATE TABLE watermarks (
    account TEXT NOT NULL, connector TEXT NOT NULL, name TEXT NOT NULL, serial TEXT NOT NULL,
    read_through TEXT NOT NULL, whole_through TEXT NOT NULL, settled_through TEXT, seen REAL NOT NULL,
    PRIMARY KEY (account, connector)
) WITHOUT ROWID
"""

MIGRATIONS: Mapping[int, str] = {1: _EVENTS, 2: _WATERMARKS}
"""Statements, parted by semicolons, that lead to each schema from the one before."""

_COLUMNS = (*FIELDS, PAYLOAD)
_INSERT = (
    f"INSERT INTO events ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - as above
    " ON CONFLICT (id) DO NOTHING"
)

# Of two texts or numbers max() gives the greater; with NULL it gives NULL, so there both sides are the other.
_MARK = f"""
INSERT INTO watermarks AS known ({", ".join(MARKS)}) VALUES ({", ".join("?" * len(MARKS))})
ON CONFLICT (account, connector) DO UPDATE SET
    name = excluded.name, serial = excluded.serial,
    read_through = max(known.read_through, excluded.read_through),
    whole_through = max(known.whole_through, excluded.whole_through),
    settled_through = max(
        coalesce(known.settled_through, excluded.settled_through),
        coalesce(excluded.settled_through, known.settled_through)
    ),
    seen = max(known.seen, excluded.seen)
"""  # noqa: S608 - as above

_CACHE_KIB = 32 * 1024
"""What a full batch changes in the four indexes; with the 2 MiB of SQLite it would be written repeatedly."""

_INTEGERS = range(-(2**63), 2**63)

Value: TypeAlias = str | int | float | None


class EventTable:
    """An open file with a table of events.

    Args:
        path: The file; made with mode 0600 if it does not exist.
        timeout: How long a statement waits for another program that has locked the file.

    Raises:
        OSError: It can't be made.
        sqlite3.Error: It can't be opened.
        SinkUnavailableError: It belongs to another program, or to a newer version of this one.
    """

    def __init__(self, path: Path, timeout: Seconds) -> None:
        self._path = path
        # SQLite would make it readable by all; its -wal and -shm get the mode of the file itself.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        if path.stat().st_size:
            with closing(_connect_reader(path, timeout)) as reader:
                _check_schema(reader, path)
        self._connection = sqlite3.connect(path, timeout, isolation_level=None, check_same_thread=False)
        try:
            self._set_up()
            self._identity = _identity_of(path)
        except BaseException:
            self.close()
            raise
        self._minutes = MinuteTexts(" ")

    @property
    def is_live(self) -> bool:
        """Whether the path still leads to the file that is open; what goes to another one nobody finds."""
        return _identity_of(self._path) == self._identity

    def insert(self, events: Sequence[Event]) -> None:
        """Store events durably, all or none; those whose id is known stay as they are.

        Raises:
            sqlite3.Error: Nothing was stored.
        """
        with transaction(self._connection):
            self._connection.executemany(_INSERT, self._rows(events))

    def mark(self, watermarks: Iterable[Watermark]) -> None:
        """Store durably how far connectors were read.

        Raises:
            sqlite3.Error: Nothing was stored.
        """
        with transaction(self._connection):
            self._connection.executemany(_MARK, map(self._mark_row, watermarks))

    def close(self) -> None:
        """Let go of the file; its log is folded into it."""
        self._connection.close()

    def _set_up(self) -> None:
        connection = self._connection
        if not keep_durably(connection):
            raise SinkUnavailableError(
                f"{self._path} needs a local disk: this file system can't share memory; choose another path"
            )
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        migrate(connection, APPLICATION_ID, MIGRATIONS)

    def _mark_row(self, one: Watermark) -> tuple[Value, ...]:
        source, second = one.source, self._minutes.second
        settled = one.settled_through
        return (
            *map(escaped, (source.account, source.connector, source.name, source.serial)),
            second(one.read_through),
            second(one.whole_through),
            None if settled is None else second(settled),
            source.seen,
        )

    def _rows(self, events: Sequence[Event]) -> Iterator[tuple[Value, ...]]:
        """Give the rows of events; what a poll's events share is made ready once."""
        source: Source | None = None
        account = connector = name = serial = ""
        instant = self._minutes.instant
        for event in events:
            if event.source is not source:
                source = event.source
                shared = (source.account, source.connector, source.name, source.serial)
                account, connector, name, serial = map(escaped, shared)
            t, n = event.t, event.n
            yield (
                f"{account}/{connector}/{t}.{n}",
                instant(t),
                account,
                connector,
                name,
                serial,
                escaped(event.k),
                level_of(event.k),
                _number(t),
                _number(n),
                _number(event.a),
                source.seen,
                event.late,
                None if event.e is None else payload_text(event.e),
            )


def describe_table(path: Path, timeout: Seconds) -> str:
    """Say what is in a file that is to be written to; nothing is made or locked.

    Raises:
        OSError: It could not be made or written.
        sqlite3.Error: It can't be read.
        SinkUnavailableError: It belongs to another program, or to a newer version of this one.
    """
    told = describe_place(path, is_renamed=True)  # its -wal is made beside it, so its folder is written to
    if not path.exists() or not path.stat().st_size:
        return told
    with closing(_connect_reader(path, timeout)) as reader:
        if not _check_schema(reader, path):
            return told
        count = reader.execute("SELECT coalesce(max(rowid), 0) FROM events").fetchone()[0]
    return f"{path} has {count} events, and is added to"


def _check_schema(connection: sqlite3.Connection, path: Path) -> int:
    """Give the number of a file's schema, 0 if there is nothing in it; raises ``SinkUnavailableError``."""
    identity = identify(connection)
    if identity.application != APPLICATION_ID and any(identity):
        raise SinkUnavailableError(
            f"{path} is a database of another program and was left untouched; choose another path"
        )
    newest = max(MIGRATIONS)
    if identity.version > newest:
        raise SinkUnavailableError(
            f"{path} has schema {identity.version}, this program knows up to {newest}: it was written by a"
            " newer tailer and was left untouched; use that version, or another path"
        )
    return identity.version


def _connect_reader(path: Path, timeout: Seconds) -> sqlite3.Connection:
    """Open a file for reading; no log is made beside one that nobody has open."""
    is_open = path.with_name(f"{path.name}-wal").exists()
    address = f"{path.absolute().as_uri()}?{'mode=ro' if is_open else 'immutable=1'}"
    return sqlite3.connect(address, timeout, uri=True, isolation_level=None)


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _number(number: int | float) -> Value:
    return str(number) if isinstance(number, int) and number not in _INTEGERS else number
