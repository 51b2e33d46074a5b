"""Carries a run from start to end, as signals allow.

1. SIGTERM and the first SIGINT drain: nothing new is read, what was read is delivered, then the run ends.
2. A drain that takes longer than `DRAIN_TIMEOUT` is cut: a reader sleeps, a sink is away. What a durable
   journal has then, the next run delivers.
3. The second SIGINT ends the process at once, whatever hangs: what is durable is durable already.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import anyio
from anyio.abc import TaskStatus

from tailer.app.exitcode import ExitCode
from tailer.app.failures import unwrapped
from tailer.app.run import Run
from tailer.core.durations import Seconds

DRAIN_TIMEOUT: Seconds = 8.0
"""Longest drain: container engines kill ten seconds after they have asked."""

GC_THRESHOLDS = (10_000, 20, 100)
"""Far fewer collections than CPython's default (700, 10, 10): events form no cycles, and tracing what is
alive took a tenth of the time of a long history (`tests/benchmarks/history.py`)."""

Task: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""Something to do beside a run; it ends with the run."""


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
        self.run = run
        self.signal: signal.Signals | None = None
        self.serving = anyio.Event()
        self._prepare = prepare
        self._on_drain = on_drain
        self._on_leave = on_leave
        self._scope = anyio.CancelScope()

    async def conduct(self, *beside: Task) -> None:
        """Run to the end, with some endless tasks beside it.

        Raises:
            TailerError: What ended the run early.
        """
        gc.set_threshold(*GC_THRESHOLDS)
        with unwrapped():
            async with anyio.create_task_group() as group:
                await group.start(self._attend)
                for task in beside:
                    group.start_soon(task)
                with self._scope:
                    await self._serve()
                group.cancel_scope.cancel()

    def take(self, number: signal.Signals) -> None:
        """Do what a signal asks for."""
        if self.signal is None:
            self.signal = number
            if self.serving.is_set():
                self.drain()
            else:
                self._scope.cancel()
        elif number == signal.SIGINT:
            self._on_leave()
            sys.stderr.flush()
            os._exit(ExitCode.INTERRUPTED)

    def drain(self) -> None:
        """End the run in good order."""
        self.run.drain()
        self._scope.deadline = anyio.current_time() + DRAIN_TIMEOUT
        self._on_drain()

    def exit_code(self, finished: ExitCode) -> ExitCode:
        """Give the exit code of a run without an error: `finished`, unless a signal ended it."""
        if self.signal is None:
            return finished
        return ExitCode.INTERRUPTED if self.signal == signal.SIGINT else ExitCode.DONE

    async def _serve(self) -> None:
        async with self.run:
            await self._prepare()
            self.serving.set()
            await self.run.serve()

    async def _attend(self, *, task_status: TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
            task_status.started()
            async for number in received:
                self.take(number)


def every(seconds: Seconds, action: Callable[[], None]) -> Task:
    """Make a task that does something again and again."""

    async def repeat() -> None:
        while True:
            await anyio.sleep(seconds)
            action()

    return repeat
