"""Looks after a run from beside it, and tells the service manager how it is."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from tailer.app.daemon.health import BEAT, Health
from tailer.app.daemon.notify import Notifier
from tailer.app.status.facts import FleetStatus
from tailer.app.status.survey import headline
from tailer.core.durations import Seconds

STATUS_EVERY: Seconds = 30.0
"""Between two status lines: counting a fleet of thousands takes a moment."""


class Vigil:
    """A watch over one run.

    Args:
        health: Of the run.
        notifier: Is pinged as long as the run is alive.
        count: Counts the connectors, for the status line.
        tell: Called with a sentence when the run gets stuck, once each time.
    """

    def __init__(
        self,
        health: Health,
        notifier: Notifier,
        count: Callable[[], FleetStatus],
        tell: Callable[[str], None],
    ) -> None:
        self._health = health
        self._notifier = notifier
        self._count = count
        self._tell = tell
        self._was_alive = True
        self._status_at = 0.0

    async def keep(self) -> None:
        """Look, tell and sleep, until cancelled."""
        period = min(BEAT, self._notifier.ping_every or BEAT)
        while True:
            self.look(anyio.current_time())
            await anyio.sleep(period)

    def look(self, now: float) -> None:
        """Look once, at a monotonic time."""
        self._health.beat()
        ailment = self._health.ailment()
        if ailment is None:
            self._notifier.ping()
        elif self._was_alive:
            self._tell(ailment)
        self._was_alive = ailment is None
        if self._notifier.is_heard and now >= self._status_at:
            self._status_at = now + STATUS_EVERY
            self._notifier.status(ailment or headline(self._count()))
