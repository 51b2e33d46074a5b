"""A sink that keeps one file a connector in a folder, a line an event: its t and n, its kind and its id."""

from __future__ import annotations

import os
from pathlib import Path

import anyio.to_thread
import msgspec

from tailer.errors import SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Event
from tailer.sinks.options import SinkContext


class FolderSink:
    """Files in a folder. Delivery is at least once: after a crash the last batch may appear again.

    Args:
        config: See `Config`.
        context: Gives the sink's name, for messages.
    """

    class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Options.

        Attributes:
            folder: Where the files are; relative paths count from the configuration file. It must exist.
            suffix: What the files' names end with.
        """

        folder: Path
        suffix: str = ".log"

    def __init__(self, config: Config, context: SinkContext) -> None:
        self._config = config
        self._name = context.name

    async def open(self, resume: Resume) -> bytes | None:
        """Make sure that the folder is there; there is no state to go by.

        Raises:
            SinkUnavailableError: It is not; the daemon tries again.
        """
        if not await anyio.to_thread.run_sync(self._config.folder.is_dir):
            raise SinkUnavailableError(f"Sink {self._name!r}: there is no folder {self._config.folder}")
        return None

    async def write(self, batch: Batch) -> bytes | None:
        """Append each event to its connector's file; on return all of them are on the disk.

        Raises:
            SinkUnavailableError: A file could not be written; the same batch comes again.
        """
        try:
            await anyio.to_thread.run_sync(self._append, batch)
        except OSError as error:
            raise SinkUnavailableError(f"Sink {self._name!r}: {error.filename}: {error.strerror}") from error
        return None

    async def close(self) -> None:
        """Nothing is kept open."""

    def _append(self, batch: Batch) -> None:
        by_connector: dict[str, list[Event]] = {}
        for event in batch.events:
            by_connector.setdefault(event.connector, []).append(event)
        for connector, events in by_connector.items():
            path = self._config.folder / f"{connector}{self._config.suffix}"
            with path.open("a", encoding="utf-8") as file:
                file.writelines(f"{event.t} {event.n} {event.k} {event.id}\n" for event in events)
                file.flush()
                os.fsync(file.fileno())
