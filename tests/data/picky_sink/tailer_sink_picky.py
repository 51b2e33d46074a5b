"""A sink with prejudices: it appends ids and late marks to a file, but no kind that another file names.

Installed as any package is (this folder on the path, with its metadata), so that the program finds it by its
entry point. It reads its prejudices anew for each batch.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import anyio.to_thread
import msgspec

from tailer.errors import SinkRejectedError
from tailer.interfaces import Resume
from tailer.model import Batch
from tailer.sinks.options import SinkContext


class PickySink:
    """Lines of a file, at least once.

    Args:
        config: See `Config`.
        context: Not needed.
    """

    class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Options.

        Attributes:
            path: The file.
            taboo: File with the kinds that it rejects, one a line; it may be missing.
            named: Whether it says which events it rejects, and takes the others.
            trap: If this file exists, the process is killed once something was taken.
        """

        path: Path
        taboo: Path
        named: bool = True
        trap: Path | None = None

    def __init__(self, config: Config, _context: SinkContext) -> None:
        self._config = config

    async def open(self, _resume: Resume) -> bytes | None:
        """Nothing is to be made ready."""

    async def write(self, batch: Batch) -> bytes | None:
        """Append what it likes; raises `SinkRejectedError` for the rest."""
        return await anyio.to_thread.run_sync(self._write, batch)

    async def close(self) -> None:
        """Nothing is open."""

    def _write(self, batch: Batch) -> None:
        config = self._config
        taboo = config.taboo.read_text().split() if config.taboo.exists() else []
        rejected = {
            index: f"{event.k} is not to be spoken of; token=abcdefgh"
            for index, event in enumerate(batch.events)
            if event.k in taboo
        }
        if rejected and not config.named:
            raise SinkRejectedError("something in it is not to be spoken of")
        taken = [event for index, event in enumerate(batch.events) if index not in rejected]
        with config.path.open("a", encoding="utf-8") as file:
            file.writelines(f"{event.id} {event.late}\n" for event in taken)
        if taken and config.trap is not None and config.trap.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        if rejected:
            raise SinkRejectedError("some of it is not to be spoken of", rejected=rejected)
