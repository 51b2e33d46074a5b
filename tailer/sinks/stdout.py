"""Writes to standard output: aligned lines for people, records for programs.

Rules:

1. Nothing but data goes here; words go to stderr.
2. A batch is written at once and flushed, so nothing looks stuck in a pipe.
3. Whoever reads may be slow (a pager) or gone (``| head``). A thread waits for a slow one, never the event
   loop; and it never enters a write that could block, so that the program can end while the reader sleeps.
4. A reader who is gone ends this sink quietly.
"""

from __future__ import annotations

import errno
import os
import re
import select
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import BinaryIO, Literal

import anyio.to_thread
import msgspec

from tailer.errors import SinkClosedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Watermark
from tailer.sinks import zones
from tailer.sinks.formats.choice import (
    Expression,
    FormatName,
    Showable,
    Template,
    check_show,
    check_template,
    make_format,
    why_no_fields,
)
from tailer.sinks.formats.chosen import ChosenField
from tailer.sinks.formats.format import Format
from tailer.sinks.formats.watermarks import NEEDS_JSONL, render_watermarks
from tailer.sinks.options import SinkContext

_LOOK_UP_MS = 100  # how often a waiting thread looks whether it is still wanted
_GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.EBADF, errno.EIO})  # EIO: the terminal was closed
if os.name == "nt":
    _GONE |= {errno.EINVAL}  # a closed pipe, as the C library of Windows has it


class StdoutSink:
    """Standard output; delivery is at least once: after a crash the last batch may appear again.

    Args:
        config: See `Config`.
        context: Its ``stdout`` is written to; ``NO_COLOR``, ``FORCE_COLOR``, ``TERM`` and ``COLUMNS`` of its
            ``environ`` are respected.
    """

    class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Options.

        Attributes:
            format: "pretty", "jsonl", "logfmt", "csv", "template", or "auto": template if there is one,
                else pretty on a terminal or with `show`, else jsonl.
            template: What a line looks like, such as "{time:%H:%M} {name!c:<20} {k}". See
                `tailer.sinks.formats.template`.
            show: Fields that pretty lines show besides; "e", the payload, adds a column to "csv".
            highlight: Regular expressions; what matches them in a pretty or template line is marked, where
                there are colours.
            utc: Whether times in pretty and template lines are UTC; else they are local, or of `time_zone`.
            time_zone: A zone by its name in the tz database, such as "Europe/Oslo".
            color: "always", "never", or "auto": on a terminal, unless NO_COLOR is set; anywhere if
                FORCE_COLOR is set.
        """

        format: Literal["auto", "pretty", "jsonl", "logfmt", "csv", "template"] = "auto"
        template: Template | None = None
        show: tuple[Showable, ...] = ()
        highlight: tuple[Expression, ...] = ()
        utc: bool = False
        time_zone: str | None = None
        color: Literal["auto", "always", "never"] = "auto"

        def __post_init__(self) -> None:
            """Compare options; raises ``ValueError``."""
            check_template(self.format, self.template)
            zones.choose(self.time_zone, utc=self.utc)
            check_show("template" if self.template is not None else self.format, self.show)

        @property
        def no_fields(self) -> str | None:
            """Why fields can't be chosen; ``None``: they can."""
            return why_no_fields(self.format)

        @property
        def no_watermarks(self) -> str | None:
            """Why watermarks can't be written; ``None``: they can."""
            return None if self.format == "jsonl" else NEEDS_JSONL

    def __init__(self, config: Config, context: SinkContext) -> None:
        self._config = config
        self._context = context
        self._format = choose_format(config, context.stdout, context.environ, context.fields)
        self._unsent = memoryview(self._format.header)
        self._ended = threading.Event()

    async def check(self) -> str:
        """Say what standard output is and what would be written there.

        Raises:
            SinkUnavailableError: It is closed.
        """
        if self._context.stdout.closed:
            raise SinkUnavailableError("Standard output is closed; lead it somewhere")
        is_terminal = _is_terminal(self._context.stdout)
        kind = "a terminal" if is_terminal else "a pipe or a file"
        name = _format_name(self._config, is_terminal=is_terminal)
        return f"standard output is {kind} now and gets format {name}"

    async def open(self, resume: Resume) -> bytes | None:  # noqa: ARG002 - what was read is gone
        """Write the format's header, if it has one.

        Raises:
            SinkClosedError: The reader is gone.
            SinkUnavailableError: The file that standard output is redirected to can't grow.
        """
        await self._send_unsent()
        return None

    async def write(self, batch: Batch) -> bytes | None:
        """Write a batch whole; waits for as long as the reader does.

        After `SinkUnavailableError` the same batch goes on where it stopped, so no line is torn.

        Raises:
            SinkClosedError: The reader is gone.
            SinkUnavailableError: The file that standard output is redirected to can't grow.
        """
        if not self._unsent:
            self._unsent = memoryview(self._format.render(batch.events))
        await self._send_unsent()
        return None

    async def mark(self, watermarks: Sequence[Watermark]) -> bytes | None:
        """Write watermarks as `write` does a batch.

        Raises:
            SinkClosedError: The reader is gone.
            SinkUnavailableError: The file that standard output is redirected to can't grow.
        """
        if not self._unsent:
            self._unsent = memoryview(render_watermarks(watermarks))
        await self._send_unsent()
        return None

    async def close(self) -> None:
        """Let a waiting thread go; the stream itself belongs to the program."""
        self._ended.set()

    async def _send_unsent(self) -> None:
        if not self._unsent:
            return
        try:
            await anyio.to_thread.run_sync(self._send, abandon_on_cancel=True)
        except anyio.get_cancelled_exc_class():
            self._ended.set()
            raise

    def _send(self) -> None:
        """Write what is unsent; runs in a thread."""
        stream = self._context.stdout
        try:
            number = _file_number(stream)
            if number is None:
                stream.write(self._unsent)
                stream.flush()
                self._unsent = memoryview(b"")
            else:
                self._send_to(number)
        except (OSError, ValueError) as error:  # ValueError: the stream object was closed
            if isinstance(error, OSError) and error.errno not in _GONE:
                raise SinkUnavailableError(f"Standard output can't be written: {error.strerror}") from error
            raise SinkClosedError("Nobody reads standard output any more") from error

    def _send_to(self, number: int) -> None:
        """Write to a file number in portions that a ready pipe takes without blocking (POSIX: PIPE_BUF)."""
        ready = select.poll()
        ready.register(number, select.POLLOUT)
        while self._unsent and not self._ended.is_set():
            if ready.poll(_LOOK_UP_MS):
                written = os.write(number, self._unsent[: select.PIPE_BUF])
                self._unsent = self._unsent[written:]


def choose_format(
    config: StdoutSink.Config,
    stdout: BinaryIO,
    environ: Mapping[str, str],
    fields: Sequence[ChosenField] = (),
) -> Format:
    """Decide what the lines look like, by the options and by what standard output is."""
    is_terminal = _is_terminal(stdout)
    return make_format(
        _format_name(config, is_terminal=is_terminal),
        template=config.template or "",
        zone=zones.choose(config.time_zone, utc=config.utc),
        color=_has_colors(config.color, environ, is_terminal=is_terminal),
        width=partial(_width, stdout if is_terminal else None, environ),
        show=config.show,
        highlight=[re.compile(expression) for expression in config.highlight],
        fields=fields,
    )


def _format_name(config: StdoutSink.Config, *, is_terminal: bool) -> FormatName:
    if config.format != "auto":
        return config.format
    if config.template is not None:
        return "template"
    return "pretty" if is_terminal or config.show else "jsonl"


def _has_colors(
    wish: Literal["auto", "always", "never"], environ: Mapping[str, str], *, is_terminal: bool
) -> bool:
    """Decide about colours. Source: no-color.org and force-color.org (set and not empty)."""
    if wish != "auto" or environ.get("NO_COLOR"):
        return wish == "always"
    return bool(environ.get("FORCE_COLOR")) or (is_terminal and environ.get("TERM") != "dumb")


def _file_number(stream: BinaryIO) -> int | None:
    """Give the file behind a stream, ``None`` for one that lives in memory or can't be asked for room."""
    if not hasattr(select, "poll"):  # Windows, where a console takes UTF-8 from the stream alone anyway
        return None
    try:
        return stream.fileno()
    except OSError:  # io.UnsupportedOperation
        return None


def _is_terminal(stream: BinaryIO) -> bool:
    """Tell whether a person looks at it."""
    return not stream.closed and stream.isatty()


def _width(terminal: BinaryIO | None, environ: Mapping[str, str]) -> int | None:
    """Ask the terminal for its columns, else the variable; 0 means that it does not know."""
    columns = 0
    if terminal is not None:
        with suppress(OSError, ValueError):
            columns = os.get_terminal_size(terminal.fileno()).columns
    written = environ.get("COLUMNS", "")
    return columns or (int(written) if written.isdecimal() and len(written) < 5 else 0) or None
