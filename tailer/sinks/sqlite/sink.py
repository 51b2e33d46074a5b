"""Writes events to a table in a SQLite file, each exactly once, for people who want to ask questions.

Rules:

1. Which events are there is told by their ids, in the same transaction that adds more. So nothing has to be
   remembered elsewhere: after a crash the last batch is written again, and what it had stored stays as it is.
2. A file that is busy with another program's transaction, full, damaged or newer than this program is away:
   the batch is kept and written again, for ever. What its own rules refuse (a trigger, a constraint that
   somebody added) is rejected; SQLite does not say which event it was, so smaller parts of the batch follow.
3. Who moves or deletes the file while it is in use is noticed after the next batch, which is written again to
   a new file under the path.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import anyio.to_thread
import msgspec
from msgspec import Meta

from tailer.config.tables import Duration
from tailer.errors import SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Watermark
from tailer.sinks.filesystem import reason_of
from tailer.sinks.formats.chosen import FIXED_COLUMNS
from tailer.sinks.options import SinkContext
from tailer.sinks.sqlite.table import EventTable, describe_table

_REASONS = {
    sqlite3.SQLITE_BUSY: "another program has locked it; end that program's transaction",
    sqlite3.SQLITE_LOCKED: "another program has locked it; end that program's transaction",
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_READONLY: "it or its folder can't be written; allow this user to",
    sqlite3.SQLITE_CANTOPEN: "it or its folder can't be written; allow this user to",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database; choose another path",
    sqlite3.SQLITE_CORRUPT: "it is damaged; move it aside with its -wal, and restore what is needed from it",
}


class SqliteSink:
    """A table of events in a SQLite file, each in it exactly once.

    Args:
        config: See `Config`.
        context: Names the sink.
    """

    class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Options.

        Attributes:
            path: The file, made with mode 0600 if it does not exist; its folder must exist. Required.
            timeout: How long a batch waits for another program that has locked the file before it counts as
                away. SQLite's own default: a backup or a report is through by then.
        """

        path: Path
        timeout: Annotated[Duration, Meta(le=60)] = 5.0

        @property
        def no_fields(self) -> str:
            """Why fields can't be chosen."""
            return FIXED_COLUMNS

    def __init__(self, config: Config, context: SinkContext) -> None:
        self._config = config
        self._name = context.name
        self._table: EventTable | None = None

    async def check(self) -> str:
        """Say what is in the file, or that it would be made.

        Raises:
            SinkUnavailableError: It could not be written to; the message says why and what to do.
        """
        return await anyio.to_thread.run_sync(self._check)

    async def open(self, resume: Resume) -> bytes | None:  # noqa: ARG002 - the table knows what it has
        """Open the file and make its table if there is none; writes no event.

        Raises:
            SinkUnavailableError: It can't be opened; the message says why and what to do.
        """
        await anyio.to_thread.run_sync(self._open)
        return None

    async def write(self, batch: Batch) -> bytes | None:
        """Add a batch durably; what is there already stays as it is.

        Raises:
            SinkUnavailableError: The file is locked, full, damaged, or another one by now.
            SinkRejectedError: A rule that somebody added to the table refuses an event; nothing was added.
        """
        await anyio.to_thread.run_sync(self._store, lambda table: table.insert(batch.events))
        return None

    async def mark(self, watermarks: Sequence[Watermark]) -> bytes | None:
        """Note durably how far connectors were read, in a table of its own with a row for each.

        Raises:
            SinkUnavailableError: The file is locked, full, damaged, or another one by now.
        """
        try:
            await anyio.to_thread.run_sync(self._store, lambda table: table.mark(watermarks))
        except SinkRejectedError as error:
            raise self._unavailable(f"a rule of its own refuses watermarks ({error}); drop it") from error
        return None

    async def close(self) -> None:
        """Let go of the file; all that was accepted is on the disk already."""
        await anyio.to_thread.run_sync(self._close)

    def _check(self) -> str:
        with self._translated():
            return describe_table(self._config.path, self._config.timeout)

    def _open(self) -> EventTable:
        self._close()
        with self._translated():
            self._table = EventTable(self._config.path, self._config.timeout)
        return self._table

    def _store(self, write: Callable[[EventTable], None]) -> None:
        table = self._table or self._open()  # none: it was moved away
        with self._translated():
            write(table)
        if not table.is_live:
            self._close()
            raise self._unavailable("it was moved or deleted while it was in use; a new one is made")

    def _close(self) -> None:
        table, self._table = self._table, None
        if table is not None:
            table.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise what goes wrong inside as what the pipeline can react to."""
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.DataError) as error:
            raise SinkRejectedError(f"{self._config.path}: {error}") from error
        except sqlite3.Error as error:
            # The first byte of an extended result code is the general one.
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            raise self._unavailable(_REASONS.get(code) or str(error)) from error
        except OSError as error:
            raise self._unavailable(reason_of(error)) from error
        except SinkUnavailableError as error:
            raise SinkUnavailableError(f"Sink {self._name!r} can't write: {error}") from error

    def _unavailable(self, reason: str) -> SinkUnavailableError:
        return SinkUnavailableError(f"Sink {self._name!r} can't write {self._config.path}: {reason}")
