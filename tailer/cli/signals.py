"""Signals for an event loop, also where the loop can't take them itself (Windows)."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from types import FrameType

import anyio


@contextmanager
def open_receiver(*numbers: signal.Signals) -> Iterator[AsyncIterable[signal.Signals]]:
    """Give signals as they come; inside the context they do nothing else. In the main thread only."""
    opened = open_by_hand if os.name == "nt" else anyio.open_signal_receiver
    with opened(*numbers) as received:
        yield received


@contextmanager
def open_by_hand(*numbers: signal.Signals) -> Iterator[AsyncIterable[signal.Signals]]:
    """Do what anyio does, with the interpreter's own handlers."""
    loop = asyncio.get_running_loop()
    sender, receiver = anyio.create_memory_object_stream[signal.Signals](16)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(_offer, signal.Signals(number))

    def _offer(number: signal.Signals) -> None:
        if sender.statistics().current_buffer_used < 16:  # nobody needs more than two
            sender.send_nowait(number)

    with sender, receiver:
        before = {number: signal.signal(number, pass_on) for number in numbers}
        try:
            yield receiver
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
