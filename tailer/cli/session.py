"""Carries a run from start to end, as signals allow.

1. SIGTERM and the first SIGINT drain: nothing new is read, what was read is delivered, then the run ends.
2. The second SIGINT ends the process at once, whatever hangs: what is durable is durable already.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

import anyio
from anyio.abc import TaskStatus

from tailer.app.exitcode import ExitCode
from tailer.app.run.failures import unwrapped
from tailer.app.run.life import Life, Task
from tailer.app.run.run import Run
from tailer.cli.signals import open_receiver
from tailer.core.durations import Seconds


class Signals:
    """What was asked of the program by signals.

    Args:
        end: Called for the first SIGTERM or SIGINT.
        leave: Called just before the process ends at once.
        hang_up: Called for every SIGHUP; ``None``: that signal is left alone.

    Attributes:
        first: The signal that asked for the end.
    """

    def __init__(
        self,
        end: Callable[[], None],
        leave: Callable[[], None],
        hang_up: Callable[[], None] | None = None,
    ) -> None:
        self.first: signal.Signals | None = None
        self._end = end
        self._leave = leave
        self._hang_up = hang_up

    def take(self, number: signal.Signals) -> None:
        """Do what a signal asks for."""
        if self._hang_up is not None and number == signal.SIGHUP:
            self._hang_up()
        elif self.first is None:
            self.first = number
            self._end()
        elif number == signal.SIGINT:
            self._leave()
            sys.stderr.flush()
            os._exit(ExitCode.INTERRUPTED)

    def exit_code(self, finished: ExitCode) -> ExitCode:
        """Give the exit code of what ended without an error: `finished`, unless a signal ended it."""
        if self.first is None:
            return finished
        return ExitCode.INTERRUPTED if self.first == signal.SIGINT else ExitCode.DONE

    async def attend(self, *, task_status: TaskStatus[None]) -> None:
        """Take signals as they come, for ever."""
        wanted = [signal.SIGINT, signal.SIGTERM] + ([signal.SIGHUP] if self._hang_up else [])
        with open_receiver(*wanted) as received:
            task_status.started()
            async for number in received:
                self.take(number)


class Session:
    """One run, and what was asked of it by signals.

    Args:
        run: Not entered yet.
        prepare: Called once the connectors are known: checks them, and attaches readers and sinks.
        on_drain: Called when a drain begins.
        on_leave: Called just before the process ends at once.
    """

    def __init__(
        self,
        run: Run,
        prepare: Task,
        *,
        on_drain: Callable[[], None],
        on_leave: Callable[[], None],
    ) -> None:
        self._life = Life(run, prepare)
        self._signals = Signals(self.drain, on_leave)
        self._on_drain = on_drain
        self.serving = self._life.serving
        self.take = self._signals.take
        self.exit_code = self._signals.exit_code

    @property
    def was_interrupted(self) -> bool:
        """Whether a signal has asked for the end."""
        return self._signals.first is not None

    async def conduct(self, *beside: Task) -> None:
        """Run to the end, with some endless tasks beside it.

        Raises:
            TailerError: What ended the run early.
        """
        with unwrapped():
            async with anyio.create_task_group() as group:
                await group.start(self._signals.attend)
                await self._life.live(*beside)
                group.cancel_scope.cancel()

    def drain(self) -> None:
        """End the run in good order."""
        self._life.end()
        if self.serving.is_set():
            self._on_drain()


def every(seconds: Seconds, action: Callable[[], None]) -> Task:
    """Make a task that does something again and again."""

    async def repeat() -> None:
        while True:
            await anyio.sleep(seconds)
            action()

    return repeat
