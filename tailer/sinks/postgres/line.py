"""One connection to PostgreSQL, whose waits end."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from types import TracebackType
from typing import Any, Self, TypeAlias

import psycopg
from psycopg.conninfo import make_conninfo

from tailer.core.durations import Seconds

_GRACE: Seconds = 1.0
"""What a server has beyond its own timeout to say that it gave up."""

_Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]


class Line:
    """A connection; leave the context, or `close` it.

    Args:
        connection: Open, and without a transaction of its own around each statement.
        patience: Longest wait for an answer. Each method that waits raises ``TimeoutError`` after it.
    """

    def __init__(self, connection: _Connection, patience: Seconds) -> None:
        self._was_cut = False
        self._connection = connection
        self._patience = patience

    @classmethod
    async def connect(cls, dsn: str, patience: Seconds, **options: str) -> Self:
        """Connect.

        Args:
            dsn: As libpq takes it.
            patience: Longest wait for the connection, and for each answer.
            options: Of libpq; they outrank those in `dsn`.

        Raises:
            psycopg.Error: It can't be done.
        """
        connection = await psycopg.AsyncConnection.connect(
            make_conninfo(
                dsn,
                connect_timeout=max(2, round(patience)),  # less is not allowed
                client_encoding="UTF8",
                fallback_application_name="tailer",
                **options,
            ),
            autocommit=True,
            prepare_threshold=None,  # a pooler may give each transaction another connection
        )
        line = cls(connection, patience)
        try:
            # psycopg would look up any other zone in files, on the event loop.
            await line.run("SET timezone TO 'UTC'")
        except BaseException:
            await line.close()
            raise
        return line

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can be done with it."""
        return self._connection.closed

    @property
    def description(self) -> str:
        """Who is at the other end, and how safe the way there is."""
        info = self._connection.info
        version = f"PostgreSQL {info.server_version // 10_000}"
        way = "encrypted" if self._connection.pgconn.ssl_in_use else "not encrypted"
        return f"{version}, database {info.dbname} as {info.user}, {way}"

    async def run(self, statements: str, values: Sequence[Any] | None = None) -> None:
        """Run statements, separated by semicolons, or a single one.

        Args:
            statements: SQL.
            values: What stands for each ``%s`` of a single statement.

        Raises:
            psycopg.Error: One failed, and those behind it were not run.
        """
        with self._limited():
            await self._connection.execute(statements.encode(), values)

    async def ask(self, question: str) -> list[tuple[Any, ...]]:
        """Run one statement and give its rows; raises ``psycopg.Error``."""
        with self._limited():
            cursor = await self._connection.execute(question.encode())
            return await cursor.fetchall()

    async def copy(self, statement: str, rows: bytes) -> None:
        """Send rows to a COPY statement; raises ``psycopg.Error``."""
        with self._limited():
            async with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
                await copy.write(rows)

    @asynccontextmanager
    async def transaction(self, begin: str) -> AsyncIterator[None]:
        """Begin a transaction, which what is done inside has to commit; take it back after an error.

        Raises:
            psycopg.Error: As it came; if nothing can be taken back the line is closed.
        """
        try:
            await self.run(begin)
            yield
        except psycopg.Error:
            try:
                await self.run("ROLLBACK")
            except (psycopg.Error, TimeoutError):
                await self.close()
            raise
        except BaseException:  # out of time, or cancelled: nobody knows what was done
            await self.close()
            raise

    async def close(self) -> None:
        """Hang up; what was not committed is taken back by the server."""
        await self._connection.close()

    @contextmanager
    def _limited(self) -> Iterator[None]:
        """Cut the line if what is done inside takes too long.

        Cancelling it would be no way out: psycopg then asks the server to stop, and waits for it.
        """
        timer = asyncio.get_running_loop().call_later(self._patience + _GRACE, self._cut)
        try:
            yield
        except psycopg.Error as error:
            if self._was_cut:
                raise TimeoutError from error
            raise
        finally:
            timer.cancel()

    def _cut(self) -> None:
        self._was_cut = True
        with (
            suppress(OSError, psycopg.Error),
            socket.socket(fileno=os.dup(self._connection.fileno())) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)
