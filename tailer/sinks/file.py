"""Writes JSON Lines to a file, each event exactly once, through crashes and rotation by renaming.

Rules:

1. `write` appends a batch, syncs, and returns the file's identity and length; that is committed together
   with the batch. Whatever lies beyond the committed length after a crash was never accepted: `open` cuts
   it off, in the live file or in the one it was just renamed to (same folder), and it is written again.
2. The first `open` commits identity and present length before anything is written. So does the `open` that
   finds another file under the path: that one is never cut, but appended to.
3. A file shorter than committed was cut by someone else; it is never extended, but reported and appended to.
4. Rotation by others while running (rename, then a new file or none) is noticed before a batch is written:
   identity and length of the new file are committed first (`SinkMovedError`), then the batch goes there. So
   no instant exists at which a crash would leave a batch in a file that nobody committed to, and nothing is
   written to a file that somebody may be compressing.
5. A file that is gone when a batch has just been written to it is no place to accept the batch from: it is
   written again to the new one. Only here an event may be in two files, if what removed the file was
   a program that had read it to the end.
6. ``copytruncate`` of logrotate is survived but not exact: lines that come between its copy and its cut are
   gone, and a crash right after it can repeat one batch. Let it rename instead; no signal is needed.
"""

from __future__ import annotations

import errno
from pathlib import Path

import anyio.to_thread
import msgspec

from tailer.errors import SinkMovedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch
from tailer.observe import Report
from tailer.sinks.appended import AppendedFile, FileState, find_renamed
from tailer.sinks.formats.jsonl import JsonlFormat
from tailer.sinks.options import SinkContext
from tailer.sinks.place import describe_place

_REASONS = {
    errno.ENOENT: "its folder does not exist; make it",
    errno.ENOTDIR: "its folder is no folder; correct the path",
    errno.EACCES: "no permission; allow this user to write there",
    errno.EPERM: "no permission; allow this user to write there",
    errno.EROFS: "the file system is read-only",
    errno.EISDIR: "it is a folder; name a file",
    errno.ENOSPC: "the disk is full; make room",
    errno.EDQUOT: "the disk quota is used up; make room",
    errno.EWOULDBLOCK: "another sink or process writes to it; give each its own file",
}


class FileChanged(Report, frozen=True):
    """Someone else did something to a sink's file.

    Attributes:
        sink: Name of the sink.
        path: The file.
        what: What was found and what is done about it.
    """

    sink: str
    path: str
    what: str

    def __str__(self) -> str:
        return f"Sink {self.sink!r}, file {self.path}: {self.what}"


class FileSink:
    """A JSON Lines file.

    Args:
        config: See `Config`.
        context: Its observer is told of files that others changed.
    """

    class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Options.

        Attributes:
            path: The file, made with mode 0600 if it does not exist; its folder must exist. Required.
        """

        path: Path

    def __init__(self, config: Config, context: SinkContext) -> None:
        self._path = config.path
        self._context = context
        self._format = JsonlFormat()
        self._file: AppendedFile | None = None
        self._found: list[str] = []

    async def check(self) -> str:
        """Say whether the file can be appended to or made.

        Raises:
            SinkUnavailableError: It can't; the message says why and what to do.
        """
        try:
            return await anyio.to_thread.run_sync(describe_place, self._path)
        except OSError as error:
            raise self._unavailable(error) from error

    async def open(self, resume: Resume) -> bytes | None:
        """Open the file, cut what was never accepted, and tell what to commit; writes nothing.

        Raises:
            SinkUnavailableError: The file can't be opened; the message says why and what to do.
        """
        try:
            return await anyio.to_thread.run_sync(self._open, resume.state)
        finally:
            self._tell()

    async def write(self, batch: Batch) -> bytes | None:
        """Append a batch durably.

        Raises:
            SinkUnavailableError: The disk is full or failed; the file is cut back.
            SinkMovedError: The path leads to another file now.
        """
        try:
            return await anyio.to_thread.run_sync(self._write, batch)
        finally:
            self._tell()

    async def close(self) -> None:
        """Let go of the file; all that was accepted is on the disk already."""
        await anyio.to_thread.run_sync(self._close)

    def _open(self, committed: bytes | None) -> bytes:
        self._close()
        try:
            live = AppendedFile(self._path)
        except OSError as error:
            raise self._unavailable(error) from error
        try:
            state = self._decode(committed)
            if state is not None:
                self._mend(live, state)
        except OSError as error:
            live.close()
            raise self._unavailable(error) from error
        self._file = live
        return msgspec.json.encode(live.state)

    def _mend(self, live: AppendedFile, state: FileState) -> None:
        """Cut what a crash left behind, wherever the file is by now; raises ``OSError``."""
        finding = live.compare(state)
        if finding == "same":
            live.cut(state.length)
        elif finding == "shorter":
            self._found.append(_shorter(live.length, state.length))
        elif not self._mend_renamed(live.path, state):
            self._found.append("it is not the file that was written before, which is gone; it is appended to")

    def _mend_renamed(self, live: Path, state: FileState) -> bool:
        """Mend the file if it has another name now; tell whether it was found. Raises ``OSError``."""
        renamed = find_renamed(live, state)
        if renamed is None:
            return False
        try:
            finding = renamed.compare(state)
            if finding == "same":
                renamed.cut(state.length)
            elif finding == "shorter":
                self._found.append(
                    f"renamed to {renamed.path.name}: {_shorter(renamed.length, state.length)}"
                )
            return finding != "other"
        finally:
            renamed.close()

    def _write(self, batch: Batch) -> bytes:
        if self._file is None:
            raise SinkUnavailableError(f"Sink {self._context.name!r} is not open")
        try:
            return self._append(self._file, batch)
        except OSError as error:
            raise self._unavailable(error) from error

    def _append(self, file: AppendedFile, batch: Batch) -> bytes:
        file.repair()
        if not file.is_live:
            raise self._moved(file)
        if file.was_changed:
            before = file.length
            file.measure()
            self._found.append(f"someone changed it from {before} to {file.length} bytes; it is appended to")
        data = self._format.render(batch.events)
        file.append(b"\n" + data if file.ends_within_line else data)
        if file.is_removed:
            self._found.append(
                "it was removed while a batch was written, which is written again to a new file"
            )
            raise self._moved(file)
        return msgspec.json.encode(file.state)

    def _moved(self, former: AppendedFile) -> SinkMovedError:
        """Go on in the file that the path leads to now, once it is committed; raises ``OSError``."""
        self._file = AppendedFile(self._path)
        former.close()
        return SinkMovedError(
            f"Sink {self._context.name!r} goes on in a new file {self._path}",
            msgspec.json.encode(self._file.state),
        )

    def _decode(self, committed: bytes | None) -> FileState | None:
        """Read the committed state; what another kind of sink stored under this name says nothing."""
        try:
            return None if committed is None else msgspec.json.decode(committed, type=FileState)
        except msgspec.DecodeError:
            self._found.append(
                "what was committed under this sink's name is no file's state; it is appended to"
            )
            return None

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _unavailable(self, error: OSError) -> SinkUnavailableError:
        """Say what is wrong with the file in words that help."""
        reason = _REASONS.get(error.errno or 0, error.strerror)
        return SinkUnavailableError(f"Sink {self._context.name!r} can't write {self._path}: {reason}")

    def _tell(self) -> None:
        """Report what a thread found; the observer is called on the event loop only."""
        found, self._found = self._found, []
        for what in found:
            self._context.observer(FileChanged(self._context.name, str(self._path), what))


def _shorter(length: int, committed: int) -> str:
    return f"it has {length} bytes, {committed} were committed: someone cut it; it is appended to"
