"""The clock: the one place that reads the machine's time and sleeps.

Everything above takes `now` as an argument or a `Clock` as a value, so that tests bring their own.
"""

from __future__ import annotations

import time
from typing import Protocol

import anyio


class Clock(Protocol):
    """Time as the pipeline sees it."""

    def wall(self) -> float:
        """Epoch seconds UTC of this machine; may be wrong and may step."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment; never steps back."""

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` (0 or less: at the next turn of the loop)."""


class SystemClock:
    """The machine's clocks and the event loop's timers."""

    def wall(self) -> float:
        """Epoch seconds UTC of this machine; may be wrong and may step."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment; never steps back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` (0 or less: at the next turn of the loop)."""
        await anyio.sleep(max(0.0, seconds))
