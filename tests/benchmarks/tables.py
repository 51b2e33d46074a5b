"""Plain scripts that fill tables, for `sinks.py`: executemany, one transaction a batch, the same indexes."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tailer.model import Event

_SCHEMA = """
CREATE TABLE plain (
    id text PRIMARY KEY, time {time}, account text, connector text, name text, serial text, k text,
    level text, t {number}, n {number}, a {number}, seen double precision, late boolean
);
CREATE INDEX plain_time ON plain (time);
CREATE INDEX plain_level ON plain (level, time);
CREATE INDEX plain_connector ON plain (connector, time)
"""

Rows = Callable[[Sequence[Event]], list[tuple[Any, ...]]]


def fill_sqlite(folder: str, events: Sequence[Event], rows: Rows, most: int) -> None:
    """Fill a table in a SQLite file."""
    insert = f"INSERT INTO plain VALUES ({', '.join('?' * 13)}) ON CONFLICT DO NOTHING"  # noqa: S608 - ours
    with closing(sqlite3.connect(Path(folder) / "plain.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_SCHEMA.format(time="text", number="numeric"))
        for first in range(0, len(events), most):
            connection.execute("BEGIN")
            connection.executemany(insert, rows(events[first : first + most]))
            connection.execute("COMMIT")


def fill_postgres(dsn: str, events: Sequence[Event], rows: Rows, most: int) -> None:
    """Fill a table in PostgreSQL."""
    import psycopg  # noqa: PLC0415 - an extra

    marks = ", ".join(["%s"] * 13)
    insert = f"INSERT INTO plain VALUES ({marks}) ON CONFLICT DO NOTHING".encode()  # noqa: S608 - ours
    with psycopg.connect(dsn, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(_SCHEMA.format(time="timestamptz", number="numeric").encode())
        for first in range(0, len(events), most):
            with connection.transaction():
                cursor.executemany(insert, rows(events[first : first + most]))


@contextmanager
def postgres() -> Iterator[str]:
    """Run a private server, and give the way to a database in it."""
    sys.path.append(str(Path(__file__).parents[2]))  # a script finds its own folder only
    from tests.servers.postgres import postgres_server  # noqa: PLC0415 - as said

    with postgres_server() as server:
        yield server.dsn()
