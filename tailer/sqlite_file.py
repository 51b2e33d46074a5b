"""What every SQLite file of ours does: it says whose it is, and changes as a whole or not at all.

1. ``application_id`` says whose a file is, ``user_version`` which schema it has. Both are read before
   anything is written.
2. Migration N turns schema N - 1 into schema N; each runs in a transaction of its own with the new number.
   There is no way back.
3. What was committed is on the disk, and in WAL mode whoever reads neither waits nor is waited for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NamedTuple

_MAX_WAL_BYTES = 64 * 2**20
"""What the write-ahead log is cut to once a long read or a large change had let it grow."""


class Identity(NamedTuple):
    """What a file says of itself: all 0 where there is nothing in it.

    Attributes:
        application: Whose it is.
        version: The number of its schema.
        things: How many tables, indexes and views it has.
    """

    application: int
    version: int
    things: int


def identify(connection: sqlite3.Connection) -> Identity:
    """Read what a file says of itself."""
    asked = ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
    return Identity(*(int(connection.execute(question).fetchone()[0]) for question in asked))


def migrate(connection: sqlite3.Connection, application: int, migrations: Mapping[int, str]) -> None:
    """Bring an empty or older file to the newest schema.

    Args:
        connection: To a file that is empty or ours.
        application: Its ``application_id``.
        migrations: Statements, parted by semicolons, that lead to each schema from the one before.
    """
    for number in range(identify(connection).version + 1, max(migrations) + 1):
        with transaction(connection):
            for statement in migrations[number].split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {application}")
            connection.execute(f"PRAGMA user_version = {number}")


def keep_durably(connection: sqlite3.Connection) -> bool:
    """Have what is committed on the disk, by way of a log; tell whether this file system can."""
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        return False
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {_MAX_WAL_BYTES}")
    return True


@contextmanager
def transaction(connection: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Commit what is done inside, or leave everything as it was."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with suppress(sqlite3.Error):  # the first error tells more
                connection.execute("ROLLBACK")
        raise
