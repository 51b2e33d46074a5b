"""Writes each connector's events to a file of its own in one folder, each event exactly once.

Rules:

1. Each file is kept by a `FileSink`, whose promises hold. The state that is committed has a file name and the
   file's own state for every connector that has had an event so far.
2. A file is made when the first event for it comes; its state is committed before that event is written.
3. A batch goes to several files. If one of them fails, or turns out to be another file, the others are cut
   back to what was committed before anything is written again: a batch is accepted whole or not at all.
4. `MAX_OPEN` files are open at once; one that comes back is opened at its committed state, like any other.
"""

from __future__ import annotations

import re
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from tailer.errors import SinkMovedError
from tailer.interfaces import Resume
from tailer.model import Batch, Event
from tailer.sinks.file.sink import FileSink

MAX_OPEN = 200
"""Files that are open at once: a process may have 1024 as a rule, sockets and journal included."""

MAX_NAME = 80
"""Characters of a connector's name in its file's name; file systems allow 255 bytes in all."""


class _Kept(msgspec.Struct):
    """What is committed of one file: its name, and its own state."""

    file: str
    state: bytes


class FolderSink:
    """A folder of files.

    Args:
        folder: Where they are; it exists.
        ending: Of their names, such as ``.jsonl``.
        make: Makes the sink of one file.
    """

    def __init__(self, folder: Path, ending: str, make: Callable[[Path], FileSink]) -> None:
        self._folder = folder
        self._ending = ending
        self._make = make
        self._kept: dict[str, _Kept] = {}
        self._open: OrderedDict[str, FileSink] = OrderedDict()

    async def open(self, resume: Resume) -> bytes | None:
        """Cut every file to what was committed, and tell what to commit; writes nothing.

        Raises:
            SinkUnavailableError: A file can't be opened; the message says why and what to do.
        """
        kept = {} if resume.state is None else msgspec.msgpack.decode(resume.state, type=dict[str, _Kept])
        await self.close()
        self._kept = kept
        for ref in kept:
            await self._opened(ref)
        return self._state

    async def write(self, batch: Batch) -> bytes | None:
        """Append a batch durably.

        Raises:
            SinkUnavailableError: A file can't be written; all are as before.
            SinkMovedError: A file is new, or another one now.
        """
        parts: dict[str, list[Event]] = {}
        for event in batch.events:
            parts.setdefault(f"{event.account}/{event.connector}", []).append(event)
        await self._make_ready(parts)
        written: dict[str, _Kept] = {}
        ref = ""
        try:
            for ref, events in parts.items():
                state = await (await self._opened(ref)).write(Batch(events))
                written[ref] = _Kept(self._kept[ref].file, state or b"")
        except BaseException as error:
            for each in {*written, ref}:
                if not (each == ref and isinstance(error, SinkMovedError)):
                    await self._let_go(each)  # it is cut back when it is opened again
            if isinstance(error, SinkMovedError):
                self._kept[ref] = _Kept(self._kept[ref].file, error.state)
                raise SinkMovedError(str(error), self._state) from error
            raise
        self._kept.update(written)
        return self._state

    async def close(self) -> None:
        """Let go of all files; all that was accepted is on the disk already."""
        for ref in list(self._open):
            await self._let_go(ref)

    @property
    def _state(self) -> bytes:
        return msgspec.msgpack.encode(self._kept)

    async def _make_ready(self, parts: Mapping[str, Sequence[Event]]) -> None:
        """Open the files that a batch goes to, and make those of connectors that had no event yet.

        Raises:
            SinkMovedError: There is something to be committed before the batch is written.
        """
        before = self._state
        for ref, (event, *_) in parts.items():
            if ref in self._kept:
                await self._opened(ref)
            else:
                await self._put(ref, file_name(event.source.name, event.connector, self._ending), None)
        if self._state != before:
            raise SinkMovedError(f"files in {self._folder} are new", self._state)

    async def _opened(self, ref: str) -> FileSink:
        """Give a file's sink, at its committed state."""
        sink = self._open.get(ref)
        if sink is None:
            kept = self._kept[ref]
            sink = await self._put(ref, kept.file, kept.state)
        self._open.move_to_end(ref)
        return sink

    async def _put(self, ref: str, name: str, state: bytes | None) -> FileSink:
        if len(self._open) >= MAX_OPEN:
            await self._let_go(next(iter(self._open)))
        sink = self._make(self._folder / name)
        self._kept[ref] = _Kept(name, await sink.open(Resume(0, state)) or b"")
        self._open[ref] = sink
        return sink

    async def _let_go(self, ref: str) -> None:
        sink = self._open.pop(ref, None)
        if sink is not None:
            await sink.close()


def file_name(name: str, connector: str, ending: str) -> str:
    """Give a file's name: the connector's name, as far as it suits every file system, and its id."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9]+", "-", plain)[:MAX_NAME].strip("-")
    safe_id = re.sub(r"[^A-Za-z0-9_]+", "-", connector)
    return f"{words}-{safe_id}{ending}" if words and words != safe_id else f"{safe_id}{ending}"
