"""Whether a run is alive, and whether it is ready: what supervisors, probes and load balancers ask.

Alive means that it really polls, as far as it can tell (`tailer.core.liveness`); who is not gets killed and
started again. Ready means that it does all that it is there for; who is not is left alone, but looked at.
An API that is away makes a run neither dead nor unready: nobody could do better, and its status shows it.
"""

from __future__ import annotations

from collections.abc import Callable

from tailer.app.run.run import Run
from tailer.app.status.facts import Phase
from tailer.core.durations import Seconds, format_duration
from tailer.core.liveness import PATIENCE, Liveness
from tailer.pipeline.fleet import Fleet

BEAT: Seconds = 5.0
"""How often the state of things is looked at; `Health.beat` is to be called as often."""

STORED_WITHIN: Seconds = 30.0
"""A commit takes milliseconds, on a bad disk seconds; whoever waits longer waits for room."""


class Health:
    """The health of one run.

    Args:
        run: Its connectors may still be unknown.
        phase: Tells where it stands.
    """

    def __init__(self, run: Run, phase: Callable[[], Phase]) -> None:
        self._run = run
        self._phase = phase
        self._judges: dict[Fleet, Liveness] = {}

    def beat(self) -> None:
        """Look at what has got on since the last time."""
        now = self._run.clock.monotonic()
        for fleet in self._run.fleets:
            if fleet not in self._judges:
                self._judges[fleet] = Liveness(PATIENCE + self._run.config.api.timeout, now)
            waits = fleet.is_idle or fleet.storing_since is not None or fleet.client.budget.wait(now) > 0
            waits = waits or self._run.room.full_since is not None
            self._judges[fleet].observe(fleet.steps, now, may_wait=waits)

    def ailment(self) -> str | None:
        """Say why the run is not alive; ``None`` when it is."""
        now = self._run.clock.monotonic()
        for fleet, judge in self._judges.items():
            stuck = judge.stuck_for(now)
            if stuck is not None:
                return f"no poll of account {fleet.accounts} has got on for {format_duration(round(stuck))}"
        return None

    def obstacles(self) -> list[str]:
        """Say what keeps the run from being ready; nothing when it is."""
        found: list[str] = []
        phase = self._phase()
        if phase == "starting":
            found.append("the connectors have not been listed yet")
        elif phase == "draining":
            found.append("it is ending")
        for fleet in self._run.fleets:
            found += [f"account {account} is not read: {error}" for account, error in fleet.stopped.items()]
        waits = self._storing()
        if waits > STORED_WITHIN:
            found.append(f"the journal has taken nothing for {format_duration(round(waits))}")
        ailment = self.ailment()
        if ailment is not None:
            found.append(ailment)
        return found

    def _storing(self) -> Seconds:
        """Tell for how long polls have been waiting for the journal."""
        since = [self._run.room.full_since, *(fleet.storing_since for fleet in self._run.fleets)]
        now = self._run.clock.monotonic()
        return max((now - one for one in since if one is not None), default=0.0)
