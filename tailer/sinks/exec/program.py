"""A program that a sink has started: its streams as lines, its end, and how it is brought about.

Rules:

1. Nothing waits for a stream: what comes from the program is read at once and cut into lines, what goes to it
   is written as fast as it reads. So neither can block the other, however much either says.
2. Its standard input is a pipe, so that ``/dev/stdin`` can be opened by name (asyncio's own is a socket).
3. It leads a process group of its own: Ctrl-C on our terminal is not meant for it, and what it has started
   gets the same signals.
4. It has ended when it is gone and its streams are; one that leaves a child behind which holds them has ended
   a second after it is gone.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, cast

from tailer.core.durations import Seconds

MAX_LINE = 4096
"""Bytes of a line that are kept: more than any id or sentence."""

END_PATIENCE: Seconds = 5.0
"""How long a program may take to end by itself after the end of its input."""

TERM_PATIENCE: Seconds = 2.0
"""... and after SIGTERM, before SIGKILL. All three fit into a sink's time to close."""

KILL_PATIENCE: Seconds = 1.0
"""... and after SIGKILL, which only a process that hangs in the kernel outlives."""

_LINGER: Seconds = 1.0

Hear = Callable[[bytes], None]
"""Takes one line, without its end."""


class Start(NamedTuple):
    """How a program is started.

    Attributes:
        command: Path and arguments; no shell looks at them.
        folder: Where it runs; ``None``: where we do.
        environ: All the variables that it gets.
    """

    command: Sequence[str]
    folder: Path | None
    environ: Mapping[str, str]


class Lines:
    """Cuts a stream into lines. What is beyond `MAX_LINE` of one is dropped; an unended one is none."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take what came; give the lines that have ended."""
        first, *others = data.split(b"\n")
        self._rest += first[: MAX_LINE - len(self._rest)]
        if not others:
            return []
        *whole, rest = others
        lines = [bytes(self._rest), *(line[:MAX_LINE] for line in whole)]
        self._rest = bytearray(rest[:MAX_LINE])
        return lines


class Program(asyncio.SubprocessProtocol):
    """A program that runs, or has run; made by `start`.

    Args:
        hear: Is given each line of its standard output, and of its standard error, by the stream's number.
        end: Called once, when it has ended.
    """

    def __init__(self, hear: Mapping[int, Hear], end: Callable[[], None]) -> None:
        self._hear = hear
        self._tell_end = end
        self._lines = {number: Lines() for number in hear}
        self._news = asyncio.Event()
        self._has_ended = False
        self._transport: asyncio.SubprocessTransport | None = None
        self._input: asyncio.WriteTransport | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing comes from it any more."""
        return self._has_ended

    @property
    def exit_code(self) -> int | None:
        """As a shell would give it; negative: the signal that killed it; ``None``: it runs."""
        return None if self._transport is None else self._transport.get_returncode()

    @property
    def end(self) -> str:
        """How it has ended, as what follows "the program"."""
        code = self.exit_code
        if code is None or code >= 0:
            return f"ended with exit code {code}"
        with suppress(ValueError):
            return f"was killed by {signal.Signals(-code).name}"
        return f"was killed by signal {-code}"

    def send(self, data: bytes) -> None:
        """Write to its standard input; returns at once. One that does not read any more gets nothing."""
        if self._input is not None and not self._input.is_closing():
            self._input.write(data)

    def end_input(self) -> None:
        """Close its standard input, once all that was sent is read."""
        if self._input is not None:
            self._input.close()

    async def wait_until(self, condition: Callable[[], bool], patience: Seconds) -> bool:
        """Wait until a condition holds, which is looked at whenever it has said something or has ended.

        Returns:
            Whether it holds now.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        return condition()

    async def stop(self, *, is_idle: bool) -> None:
        """Have it end, and see to it that it does.

        Args:
            is_idle: All that it was sent is done with, so the end of its input is enough. Otherwise it could
                take what it has read so far for all there is; it is told by SIGTERM.
        """
        steps: list[tuple[Callable[[], None], Seconds]] = [
            (lambda: self._signal(signal.SIGTERM), TERM_PATIENCE),
            (lambda: self._signal(signal.SIGKILL), KILL_PATIENCE),
        ]
        if is_idle:
            steps.insert(0, (self.end_input, END_PATIENCE))
        for step, patience in steps:
            if self._has_ended:
                break
            step()
            await self.wait_until(lambda: self._has_ended, patience)
        self.let_go()

    def let_go(self) -> None:
        """Close all streams; kills what still runs."""
        way, self._input = self._input, None
        # One that is closing and has nothing left to write can't be aborted any more.
        if way is not None and (way.get_write_buffer_size() or not way.is_closing()):
            way.abort()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def connect_input(self, transport: asyncio.WriteTransport) -> None:
        """Keep the way to its standard input."""
        self._input = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Pass on the lines that have ended."""
        for line in self._lines[fd].feed(data):
            self._hear[fd](line)
        self._news.set()

    def process_exited(self) -> None:
        """Give what is still in its streams a moment."""
        asyncio.get_running_loop().call_later(_LINGER, self._finish)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it is gone either way
        """All streams are closed and the process is gone."""
        self._finish()

    def _finish(self) -> None:
        if not self._has_ended:
            self._has_ended = True
            self.let_go()
            self._tell_end()
            self._news.set()

    def _signal(self, number: signal.Signals) -> None:
        if self._transport is not None and self._transport.get_returncode() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._transport.get_pid(), number)


async def start(how: Start, hear: Mapping[int, Hear], end: Callable[[], None]) -> Program:
    """Start a program.

    Args:
        how: The command and what it runs in.
        hear: Is given each line of its standard output (1) and standard error (2).
        end: Called once, when it has ended.

    Raises:
        OSError: It can't be started.
    """
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    try:
        _, program = await loop.subprocess_exec(
            lambda: Program(hear, end),
            *how.command,
            stdin=reading,
            cwd=how.folder,
            env=how.environ,
            start_new_session=True,
        )
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    pipe, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(writing, "wb", 0))
    program.connect_input(pipe)
    return program
