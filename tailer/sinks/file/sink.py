"""Writes lines to a file, each event exactly once, through crashes and rotation, its own or others'.

Rules:

1. `write` appends a batch, syncs, and returns the file's identity and length; that is committed together
   with the batch. Whatever lies beyond the committed length after a crash was never accepted: `open` cuts
   it off, in the live file or in the one it was just renamed to (same folder), and it is written again.
2. The first `open` commits identity and present length before anything is written. So does the `open` that
   finds another file under the path: that one is never cut, but appended to.
3. A file shorter than committed was cut by someone else; it is never extended, but reported and appended to.
4. A new file, after a rotation by this sink or by others (rename, then a new file or none), is made or
   noticed before a batch is written: its identity and length are committed first (`SinkMovedError`), then
   the batch goes there. So no instant exists at which a crash would leave a batch in a file that nobody
   committed to, and the former file is complete: it may be compressed at once.
5. A file that others renamed and removed while a batch was being written to it may be gone without the batch,
   which is written again to the new one. Only here an event may be in two files without a crash: if the file
   was compressed with the batch in it. It takes a rename between two system calls next to each other.
6. ``copytruncate`` of logrotate is survived but not exact: lines that come between its copy and its cut are
   gone, and a crash right after it can repeat one batch. Let it rename instead; no signal is needed.
7. A new file begins with its format's header, which is written with the first batch. Lines of a template say
   nothing about where they come from: a file of which nothing is committed yet is not cut then (it might be
   another's, with the same number), so a crash in its first batch repeats that batch, once.
8. Who renames a file may make the new one as well (``create`` of logrotate): where there is none it is waited
   for a moment. If the sink were quicker, logrotate would rename the sink's file too, out of its own sight.
9. Rotation, compression and deletion never stop events: what fails is reported and tried again later, and
   what takes long is done beside, by a thread of its own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import anyio.to_thread
import msgspec
from msgspec import Meta

from tailer.config.tables import Duration, Size
from tailer.core.durations import Seconds
from tailer.core.rotation import COMPRESSED, Retention, Rotation
from tailer.core.sizes import format_size
from tailer.errors import SinkMovedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Watermark
from tailer.observe import Report
from tailer.sinks.appended import AppendedFile, FileState
from tailer.sinks.file.recovery import mend
from tailer.sinks.file.reports import FileChanged
from tailer.sinks.file.rotator import Moment, Rotator
from tailer.sinks.filesystem import reason_of
from tailer.sinks.formats.choice import (
    Showable,
    Template,
    beginning_of,
    check_show,
    check_template,
    make_format,
    why_no_fields,
)
from tailer.sinks.formats.watermarks import NEEDS_JSONL, render_watermarks
from tailer.sinks.options import SinkContext
from tailer.sinks.place import describe_place

SUCCESSOR_PATIENCE: Seconds = 0.25
"""Two system calls of logrotate take microseconds; a loaded machine may pause it between them."""

_LOOK_EVERY: Seconds = 0.005


class FileSink:
    """A file of lines, each event in it exactly once.

    Args:
        config: See `Config`.
        context: Its observer is told of rotation, and of files that others changed.
    """

    class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Options.

        Attributes:
            path: The file, made with mode 0600 if it does not exist; its folder must exist. Required.
            format: "jsonl", "logfmt", "csv" or "template". A file that exists keeps what is in it, so another
                format wants another path.
            template: What a line looks like, such as "{time} {name} {k}"; times are UTC. See
                `tailer.sinks.formats.template`.
            show: ["e"] adds a column for the payload to "csv"; the others have it anyway.
            rotate_size: Put the file aside before it gets larger than this. Absent: at no size. At least
                64 KiB: less is a forgotten unit.
            rotate_every: Put the file aside before the first batch of a new period: "1h" begins on the hour,
                "1d" at midnight UTC, "7d" on Mondays. Absent: at no time.
            compress: What becomes of files that were put aside: "gzip", or "none".
            keep_files: How many of them are kept; the oldest are deleted. Absent: all.
            keep_for: How long they are kept after they were last written. Absent: for ever.
        """

        path: Path
        format: Literal["jsonl", "logfmt", "csv", "template"] = "jsonl"
        template: Template | None = None
        show: tuple[Showable, ...] = ()
        rotate_size: Annotated[Size, Meta(ge=64 * 1024)] | None = None
        rotate_every: Annotated[Duration, Meta(ge=60)] | None = None
        compress: Literal["none", "gzip"] = "none"
        keep_files: Annotated[int, Meta(ge=1)] | None = None
        keep_for: Annotated[Duration, Meta(ge=60)] | None = None

        def __post_init__(self) -> None:
            check_template(self.format, self.template)
            check_show(self.format, self.show)
            if self.rotates and self.path.suffix == COMPRESSED:
                raise ValueError(
                    f"path must not end in {COMPRESSED}, for the live file is not compressed; "
                    f'compress = "gzip" adds {COMPRESSED} to what is put aside'
                )
            asked = {
                "compress": self.compress != "none",
                "keep_files": self.keep_files is not None,
                "keep_for": self.keep_for is not None,
            }
            idle = [name for name, is_asked in asked.items() if is_asked and not self.rotates]
            if idle:
                raise ValueError(f"{idle[0]} has no effect without rotate_size or rotate_every; add one")

        @property
        def no_fields(self) -> str | None:
            """Why fields can't be chosen; ``None``: they can."""
            return why_no_fields(self.format)

        @property
        def no_watermarks(self) -> str | None:
            """Why watermarks can't be written; ``None``: they can."""
            return None if self.format == "jsonl" else NEEDS_JSONL

        @property
        def rotates(self) -> bool:
            """Whether the sink puts its file aside by itself."""
            return self.rotate_size is not None or self.rotate_every is not None

    def __init__(self, config: Config, context: SinkContext) -> None:
        self._path = config.path
        self._context = context
        self._format = make_format(
            config.format, template=config.template or "", show=config.show, fields=context.fields
        )
        self._beginning = beginning_of(self._format)
        self._file: AppendedFile | None = None
        self._found: deque[Report] = deque()
        self._rotator = self._make_rotator(config) if config.rotates else None

    async def check(self) -> str:
        """Say whether the file can be appended to or made, and renamed if it is to be.

        Raises:
            SinkUnavailableError: It can't; the message says why and what to do.
        """
        look = partial(describe_place, self._path, is_renamed=self._rotator is not None)
        try:
            return await anyio.to_thread.run_sync(look)
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
        return await self._add(partial(self._format.render, batch.events))

    async def mark(self, watermarks: Sequence[Watermark]) -> bytes | None:
        """Append watermarks, as durably as a batch.

        Raises:
            SinkUnavailableError: The disk is full or failed; the file is cut back.
            SinkMovedError: The path leads to another file now.
        """
        return await self._add(partial(render_watermarks, watermarks))

    async def _add(self, render: Callable[[], bytes]) -> bytes:
        """Append what is rendered, in a thread."""
        try:
            clock = self._context.clock
            now = Moment(clock.wall(), clock.monotonic())
            return await anyio.to_thread.run_sync(self._write, render, now)
        finally:
            self._tell()

    async def close(self) -> None:
        """Let go of the file; all that was accepted is on the disk already."""
        await anyio.to_thread.run_sync(self._close)
        self._tell()

    def _make_rotator(self, config: Config) -> Rotator:
        return Rotator(
            self._context.name,
            config.path,
            Rotation(config.rotate_size, config.rotate_every),
            compressing=config.compress == "gzip",
            retention=Retention(config.keep_files, config.keep_for),
            report=self._found.append,
        )

    def _open(self, committed: bytes | None) -> bytes:
        self._close()
        try:
            if self._rotator is not None:
                self._rotator.restore()
            live = AppendedFile(self._path)
        except OSError as error:
            raise self._unavailable(error) from error
        try:
            state = self._decode(committed)
            if state is not None:
                self._note(mend(live, state, self._beginning))
            elif committed is None and live.length:
                self._note(
                    f"it has {format_size(live.length)} already and is appended to. The journal knows no sink"
                    " of this name: if another one wrote them, what the journal still holds comes again,"
                    ' unless start = "now" is set'
                )
        except OSError as error:
            live.close()
            raise self._unavailable(error) from error
        self._file = live
        return msgspec.json.encode(live.state)

    def _write(self, render: Callable[[], bytes], now: Moment) -> bytes:
        if self._file is None:
            raise SinkUnavailableError(f"Sink {self._context.name!r} is not open")
        try:
            return self._append(self._file, render(), now)
        except OSError as error:
            raise self._unavailable(error) from error

    def _append(self, file: AppendedFile, data: bytes, now: Moment) -> bytes:
        """Write lines to a file that is committed; raises ``OSError``."""
        file.repair()
        if not file.is_live:
            raise self._follow(file)
        if file.was_changed:
            before = file.length
            file.measure()
            self._note(f"someone changed it from {before} to {file.length} bytes; it is appended to")
        if file.length == 0:
            data = self._format.header + data
        elif file.ends_within_line:
            data = b"\n" + data
        if self._rotator is not None:
            self._turn(self._rotator, file, len(data), now)
        file.append(data)
        file.written_at = now.wall
        if file.is_lost:
            self._note("it was removed while a batch was written, which is written again to a new file")
            raise self._follow(file)
        return msgspec.json.encode(file.state)

    def _turn(self, rotator: Rotator, file: AppendedFile, more: int, now: Moment) -> None:
        """Put the file aside if it is time; else have the rotator look after those that were."""
        fresh = rotator.turn(file, more, now)
        if fresh is not None:
            raise self._moved(file, fresh)
        if not file.is_live:  # half-way: put aside, and no new one could be made
            raise self._follow(file)
        rotator.settle(now)

    def _follow(self, former: AppendedFile) -> SinkMovedError:
        """Go on in the file that the path leads to now; raises ``OSError``."""
        self._await_successor()
        fresh = AppendedFile(self._path)
        if self._rotator is not None:
            self._rotator.follow()
        return self._moved(former, fresh)

    def _await_successor(self) -> None:
        """Leave it to whoever renamed the file to make a new one, as long as that may be on its way."""
        deadline = time.monotonic() + SUCCESSOR_PATIENCE
        while not self._path.exists() and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY)

    def _moved(self, former: AppendedFile, fresh: AppendedFile) -> SinkMovedError:
        """Go on in another file, once that is committed."""
        self._file = fresh
        former.close()
        return SinkMovedError(
            f"Sink {self._context.name!r} goes on in a new file {self._path}",
            msgspec.json.encode(fresh.state),
        )

    def _decode(self, committed: bytes | None) -> FileState | None:
        """Read the committed state; what another kind of sink stored under this name says nothing."""
        try:
            return None if committed is None else msgspec.json.decode(committed, type=FileState)
        except msgspec.DecodeError:
            self._note("what was committed under this sink's name is no file's state; it is appended to")
            return None

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
        if self._rotator is not None:
            self._rotator.close()

    def _unavailable(self, error: OSError) -> SinkUnavailableError:
        """Say what is wrong with the file in words that help."""
        return SinkUnavailableError(
            f"Sink {self._context.name!r} can't write {self._path}: {reason_of(error)}"
        )

    def _note(self, what: str | None) -> None:
        """Keep what a thread found for `_tell`."""
        if what is not None:
            self._found.append(FileChanged(self._context.name, str(self._path), what))

    def _tell(self) -> None:
        """Report what threads found; the observer is called on the event loop only."""
        while self._found:
            self._context.observer(self._found.popleft())
