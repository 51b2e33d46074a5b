"""Carries a run from its start to its end: entered, prepared, served, drained within a bound."""

from __future__ import annotations

import gc
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import anyio

from tailer.app.run.failures import unwrapped
from tailer.app.run.run import Run
from tailer.core.durations import Seconds

DRAIN_TIMEOUT: Seconds = 8.0
"""Longest drain: container engines kill ten seconds after they have asked."""

GC_THRESHOLDS = (10_000, 20, 100)
"""Far fewer collections than CPython's default (700, 10, 10): events form no cycles, and tracing what is
alive took a tenth of the time of a long history (`tests/benchmarks/history.py`)."""

Task: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""Something to do beside a run; it ends with the run."""


class Life:
    """One run, used once.

    Args:
        run: Not entered yet.
        prepare: Called once the connectors are known: checks them, and attaches readers and sinks.
    """

    def __init__(self, run: Run, prepare: Task) -> None:
        self.run = run
        self.serving = anyio.Event()
        self._prepare = prepare
        self._scope = anyio.CancelScope()

    async def live(self, *beside: Task) -> None:
        """Run to the end, with some endless tasks beside it.

        Raises:
            TailerError: What ended the run early.
        """
        gc.set_threshold(*GC_THRESHOLDS)
        with unwrapped():
            async with anyio.create_task_group() as group:
                for task in beside:
                    group.start_soon(task)
                with self._scope:
                    await self._serve()
                group.cancel_scope.cancel()

    def end(self) -> None:
        """Take nothing new, deliver what was read, and end; at once where nothing was begun.

        A drain that takes longer than `DRAIN_TIMEOUT` is cut: a reader sleeps, a sink is away. What a durable
        journal has then, the next run delivers.
        """
        if not self.serving.is_set():
            self._scope.cancel()
        elif self._scope.deadline == float("inf"):
            self.run.drain()
            self._scope.deadline = anyio.current_time() + DRAIN_TIMEOUT

    async def _serve(self) -> None:
        async with self.run:
            await self._prepare()
            self.serving.set()
            await self.run.serve()
