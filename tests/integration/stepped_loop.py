"""An event loop whose time passes only when nothing is left to do, be it here or in a thread.

With fake time that simply runs on, hours pass while a thread writes to the disk. Here each step waits until
the files and SQLite have settled, so a month takes as long as its work.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

import anyio.to_thread
import pytest

from tailer.journal.worker import Worker


class _Selector(selectors.DefaultSelector):
    """Takes a step of time instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.busy = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for threads as long as one works; else let the time pass that was to be waited."""
        events = super().select(0)
        if events or timeout is None or timeout <= 0:
            return events or (super().select(1) if timeout is None else [])
        if self.busy:
            return super().select(1)
        self.now += timeout
        return []


class SteppedLoop(asyncio.SelectorEventLoop):
    """A loop with such a time, for one that calls `watch` before it uses threads."""

    def __init__(self) -> None:
        self._steps = _Selector()
        super().__init__(self._steps)

    def time(self) -> float:
        """Give the fake time, from 0."""
        return self._steps.now

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Count the calls that journals and sinks have their threads work on."""
        steps, submit, run_sync = self._steps, Worker.submit, anyio.to_thread.run_sync

        def end(_: object) -> None:
            steps.busy -= 1

        def submitted(worker: Worker, function: Callable[[], Any]) -> asyncio.Future[Any]:
            future = submit(worker, function)
            steps.busy += 1
            future.add_done_callback(end)
            return future

        async def run(*arguments: Any, **options: Any) -> Any:
            steps.busy += 1
            try:
                return await run_sync(*arguments, **options)
            finally:
                steps.busy -= 1

        monkeypatch.setattr(Worker, "submit", submitted)
        monkeypatch.setattr(anyio.to_thread, "run_sync", run)
