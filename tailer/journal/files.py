"""The open files of a SQLite journal: lock, a connection to write, a connection to read."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path

from tailer.interfaces import ReaderState
from tailer.journal.failures import translated
from tailer.journal.lock import locked
from tailer.journal.reading import load_epochs, load_head, load_readers
from tailer.journal.schema import connect, connect_reader, prepare
from tailer.journal.store import used_bytes


class Files:
    """Everything that is open while a journal is, and what was found at its start.

    All of it happens in the writer's thread, but for what is read through `reader`.

    Args:
        path: The journal's path as its user wrote it.

    Raises:
        JournalError: As `tailer.interfaces.Journal.open` says; nothing is left open.
    """

    def __init__(self, path: str) -> None:
        # One file has one lock, whatever links lead to it.
        self.path = Path(path).resolve()
        with translated(self.path), ExitStack() as undo:
            prepare(self.path)
            undo.enter_context(locked(self.path))
            self.writer: sqlite3.Connection = undo.enter_context(closing(connect(self.path)))
            self.reader: sqlite3.Connection = undo.enter_context(closing(connect_reader(self.path)))
            self.head: int = load_head(self.writer)
            self.epochs: Mapping[str, int] = load_epochs(self.writer)
            self.readers: Mapping[str, ReaderState] = load_readers(self.writer)
            self.used_bytes: int = used_bytes(self.writer)
            self._close = undo.pop_all()

    def close(self) -> None:
        """Close the reader, then the writer, whose going folds the log into the file, then the lock."""
        with translated(self.path):
            self._close.close()
