"""Whether polling is alive, judged by what it does: the answer decides whether a supervisor kills us.

Rules:

1. Whoever asks the API or ends a poll is alive, whatever came of it: an API that is away is no reason to be
   killed, for a new process would find it away as well.
2. Whoever has nothing to do, or waits for what it must wait for (the budget, room in the journal), is alive.
3. What remains is work that does not get on. After `patience` of it polling counts as stuck.
"""

from __future__ import annotations

from tailer.core.durations import Seconds

PATIENCE: Seconds = 120.0
"""Beyond the time limit of one request: a commit on a slow disk and a retry's delay take seconds."""


class Liveness:
    """The judge; it is shown the state of things every few seconds.

    Args:
        patience: Seconds without progress after which polling counts as stuck.
        now: Monotonic time, as everywhere here.
    """

    def __init__(self, patience: Seconds, now: float) -> None:
        self._patience = patience
        self._progress = -1
        self._well_at = now

    def observe(self, progress: int, now: float, *, may_wait: bool) -> None:
        """Take note of the present state.

        Args:
            progress: A number that changes whenever something gets on.
            now: Monotonic time.
            may_wait: Whether there is nothing to do, or a good reason to wait (rule 2).
        """
        if may_wait or progress != self._progress:
            self._well_at = now
        self._progress = progress

    def stuck_for(self, now: float) -> Seconds | None:
        """Tell for how long nothing has got on; ``None`` while that is no reason to worry."""
        silent = now - self._well_at
        return silent if silent > self._patience else None
