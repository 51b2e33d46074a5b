"""Writes to standard output: JSON Lines for programs, aligned lines for people.

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
import select
import threading
from typing import BinaryIO, Literal

import anyio.to_thread
import msgspec

from tailer.errors import SinkClosedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch
from tailer.sinks.formats import JsonlFormat
from tailer.sinks.options import SinkContext
from tailer.sinks.pretty import PrettyFormat

_LOOK_UP_MS = 100  # how often a waiting thread looks whether it is still wanted
_GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.EBADF, errno.EIO})  # EIO: the terminal was closed


class StdoutSink:
    """Standard output. Delivery is at least once: after a crash the last batch may appear again.

    Args:
        config: See `Config`.
        context: Its ``stdout`` is written to; ``NO_COLOR`` and ``TERM`` of its ``environ`` are respected.
    """

    class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Options.

        Attributes:
            format: "jsonl", "pretty", or "auto": pretty on a terminal, jsonl into a pipe or file.
            utc: Whether pretty times are UTC; else they are local. Either way the zone is shown.
            color: "always", "never", or "auto": on a terminal, unless NO_COLOR is set.
        """

        format: Literal["auto", "jsonl", "pretty"] = "auto"
        utc: bool = False
        color: Literal["auto", "always", "never"] = "auto"

    def __init__(self, config: Config, context: SinkContext) -> None:
        self._config = config
        self._context = context
        self._format: JsonlFormat | PrettyFormat = _choose_format(config, context)
        self._unsent = memoryview(b"")
        self._ended = threading.Event()

    async def check(self) -> str:
        """Say what standard output is and what would be written there.

        Raises:
            SinkUnavailableError: It is closed.
        """
        if self._context.stdout.closed:
            raise SinkUnavailableError("Standard output is closed; lead it somewhere")
        kind = "a terminal" if _is_terminal(self._context.stdout) else "a pipe or a file"
        style = "JSON Lines" if isinstance(self._format, JsonlFormat) else "pretty lines"
        return f"standard output is {kind} now and gets {style}"

    async def open(self, resume: Resume) -> bytes | None:  # noqa: ARG002 - what was read is gone
        """Do nothing: standard output is there, or the first write finds out."""
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
        try:
            await anyio.to_thread.run_sync(self._send, abandon_on_cancel=True)
        except anyio.get_cancelled_exc_class():
            self._ended.set()
            raise
        return None

    async def close(self) -> None:
        """Let a waiting thread go; the stream itself belongs to the program."""
        self._ended.set()

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


def _choose_format(config: StdoutSink.Config, context: SinkContext) -> JsonlFormat | PrettyFormat:
    """Decide what the lines look like, by the options and by what standard output is."""
    is_terminal = _is_terminal(context.stdout)
    if config.format == "jsonl" or (config.format == "auto" and not is_terminal):
        return JsonlFormat()
    # Source: no-color.org (set and not empty), and the terminals that can't.
    may_color = not context.environ.get("NO_COLOR") and context.environ.get("TERM") != "dumb"
    color = config.color == "always" or (config.color == "auto" and is_terminal and may_color)
    return PrettyFormat(color=color, width=_width(context.stdout) if is_terminal else None, utc=config.utc)


def _file_number(stream: BinaryIO) -> int | None:
    """Give the file behind a stream, ``None`` for one that lives in memory."""
    try:
        return stream.fileno()
    except OSError:  # io.UnsupportedOperation
        return None


def _is_terminal(stream: BinaryIO) -> bool:
    """Tell whether a person looks at it."""
    return not stream.closed and stream.isatty()


def _width(stream: BinaryIO) -> int | None:
    """Ask the terminal for its columns; 0 means that it does not know."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except OSError:
        return None
