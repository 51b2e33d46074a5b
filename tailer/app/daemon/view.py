"""One run as it is shown to others: its health, and its status once there is something to tell."""

from __future__ import annotations

from collections.abc import Callable

from tailer.app.daemon.health import Health
from tailer.app.daemon.snapshot import count_connectors, snapshot
from tailer.app.run.run import Run
from tailer.app.status.facts import FleetStatus, Phase, ProcessStatus, Status
from tailer.core.durations import Seconds

FRESH_FOR: Seconds = 1.0
"""Age at which a status is taken anew: with thousands of connectors that holds the event loop up for a tenth
of a second, and clients may ask as often as they like."""


class View:
    """A look at one run; cheap to make, asked again and again.

    Args:
        run: May not have been entered yet.
        process: Who runs it.
        phase: Tells where it stands.
    """

    def __init__(self, run: Run, process: ProcessStatus, phase: Callable[[], Phase]) -> None:
        self.health = Health(run, phase)
        self._run = run
        self._process = process
        self._phase = phase
        self._status: Status | None = None
        self._taken_at = 0.0

    def ailment(self) -> str | None:
        """Say why the run is not alive; ``None`` when it is."""
        return self.health.ailment()

    def obstacles(self) -> list[str]:
        """Say what keeps it from being ready; nothing when it is."""
        return self.health.obstacles()

    def status(self) -> Status | None:
        """Tell all that is known, at most `FRESH_FOR` old; ``None`` before the journal is open."""
        if not self._run.fleets:
            return None
        now = self._run.clock.monotonic()
        if self._status is None or now - self._taken_at >= FRESH_FOR:
            self._status = snapshot(self._run, self._process, self._phase())
            self._taken_at = now
        return self._status

    def count(self) -> FleetStatus:
        """Count the connectors."""
        return count_connectors(self._run)
