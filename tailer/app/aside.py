"""Work that blocks, done where it blocks nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio

from tailer.journal.worker import Worker

T = TypeVar("T")


async def in_thread(function: Callable[[], T]) -> T:
    """Call what reads files, say, in a thread of its own, and leave no thread behind."""
    worker = Worker("aside")
    try:
        return await worker.submit(function)
    finally:
        with anyio.CancelScope(shield=True):
            await worker.stop()
