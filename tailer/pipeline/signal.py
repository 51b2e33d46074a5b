"""A wake-up for whoever waits for a change, without remembering what changed."""

from __future__ import annotations

import anyio


class Signal:
    """Wakes all that wait at the moment; who comes later waits for the next time."""

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    def notify(self) -> None:
        """Wake everyone who waits."""
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait(self, seconds: float | None = None) -> None:
        """Return at the next `notify`, or after `seconds`."""
        if self._event is None:
            self._event = anyio.Event()
        with anyio.move_on_after(seconds):
            await self._event.wait()
