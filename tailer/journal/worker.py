"""A thread that runs functions in turn and gives the event loop their results."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar, cast

T = TypeVar("T")


class Worker:
    """One thread, one function at a time, in the order of submission.

    Not an executor of the standard library: those can't be shut down without blocking the loop for a join.

    Args:
        name: The thread's name.
    """

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A daemon: if a program ends without closing its journal, a waiting thread must not hold it up.
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Have a function run; the future gets its value or its error.

        The function runs to its end even if nobody waits for the future any more.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            value: T | None = None
            error: BaseException | None = None
            try:
                value = function()
            except BaseException as caught:  # noqa: BLE001 - it belongs to whoever awaits the future
                error = caught
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, future, value, error)

        self._jobs.put(job)
        return future

    async def stop(self) -> None:
        """Finish what was submitted and end the thread."""
        self._jobs.put(None)
        # A thread can't tell that it has ended, and a join would block the loop.
        while self._thread.is_alive():  # noqa: ASYNC110 - as said
            await asyncio.sleep(0.001)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _settle(future: asyncio.Future[T], value: T | None, error: BaseException | None) -> None:
    if future.done():
        return  # cancelled meanwhile
    if error is None:
        future.set_result(cast(T, value))
    else:
        future.set_exception(error)
