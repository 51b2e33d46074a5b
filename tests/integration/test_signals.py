"""Signals as a loop gets them, by either way."""

import os
import signal
from collections.abc import AsyncIterable, Callable
from contextlib import AbstractContextManager

import anyio
import anyio.lowlevel
import pytest

from tailer.cli import signals

Open = Callable[..., AbstractContextManager[AsyncIterable[signal.Signals]]]


@pytest.mark.parametrize("opened", [signals.open_receiver, signals.open_by_hand], ids=["loop", "by hand"])
async def test_signals_arrive_in_order_and_do_nothing_else(opened: Open) -> None:
    """Each signal comes out once, in the order of sending, and the process goes on."""
    wanted = [signal.SIGTERM, signal.SIGINT]
    heard: list[signal.Signals] = []
    with anyio.fail_after(10), opened(*wanted) as received:
        os.kill(os.getpid(), signal.SIGTERM)
        async for number in received:
            heard.append(number)
            if len(heard) == len(wanted):
                break
            os.kill(os.getpid(), signal.SIGINT)
    assert heard == wanted


async def test_former_handlers_come_back() -> None:
    """After the context the signals do what they did before."""
    before = signal.getsignal(signal.SIGTERM)
    with signals.open_by_hand(signal.SIGTERM):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


async def test_flood_of_signals_is_bounded() -> None:
    """Nobody who does not read is buried, and the first ones are kept."""
    with signals.open_by_hand(signal.SIGINT, signal.SIGTERM) as received:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(100):
            os.kill(os.getpid(), signal.SIGINT)
            await anyio.lowlevel.checkpoint()
        async for number in received:
            assert number == signal.SIGTERM
            break
