"""The open files of a SQLite journal: lock, a connection to write, a connection to read."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path

from tailer.errors import JournalError
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
            self._identities = {file: _identity(file) for file in _files_of(self.path)}
            self._close = undo.pop_all()

    def check(self) -> None:
        """See that the files are still in their places; two owners, or a journal into the void, must not be.

        Raises:
            JournalError: One was deleted, or is another one now.
        """
        for file, known in self._identities.items():
            if _identity(file) != known:
                raise JournalError(
                    f"the journal {self.path} was moved, deleted or replaced while in use ({file.name} is"
                    " gone or another one): nothing more is stored; put things right and start again"
                )

    def close(self) -> None:
        """Close the reader, then the writer, whose going folds the log into the file, then the lock."""
        with translated(self.path):
            self._close.close()


def _files_of(path: Path) -> tuple[Path, ...]:
    return path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}.lock")


def _identity(path: Path) -> tuple[int, int] | None:
    """Tell one file from another of the same name; ``None`` when there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
