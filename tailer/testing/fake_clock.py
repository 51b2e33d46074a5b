"""A clock whose time is the event loop's: with a loop that skips its waits, hours pass in no time.

Wall, monotonic and sleep come from one source, the running loop, so they can't contradict each other or the
timeouts of anyio and asyncio. Bring a loop with fake time, as ``looptime`` makes one for pytest-asyncio::

    @pytest.mark.looptime(resolution=1e-9)
    async def test_an_hour() -> None:
        clock = FakeClock()
        await clock.sleep(3600)
        assert clock.wall() == FakeClock.START + 3600

The resolution matters: with the usual microsecond, a loop turns for ever before a timer that is less than
half of one away. On an ordinary loop it is a clock that runs normally, but begins at `FakeClock.START`.
"""

from __future__ import annotations

import asyncio
from typing import Final

import anyio

from tailer.core.durations import Seconds


class FakeClock:
    """Loop time as a `tailer.clock.Clock`; made and used while the loop runs.

    Args:
        start: Wall time at the moment of its making, epoch seconds UTC.
    """

    START: Final = 1_800_000_000.0
    """January 2027: after every event of today, and far from the end of any integer."""

    def __init__(self, start: float = START) -> None:
        self._offset = start - asyncio.get_running_loop().time()

    def wall(self) -> float:
        """Epoch seconds UTC; steps with `step_wall`."""
        return self._offset + asyncio.get_running_loop().time()

    def monotonic(self) -> float:
        """Loop time in seconds."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of loop time (0 or less: at the next turn of the loop)."""
        await anyio.sleep(max(0.0, seconds))

    def step_wall(self, seconds: Seconds) -> None:
        """Set the wall clock forward (or back, if negative), as somebody with a wrong watch would."""
        self._offset += seconds
