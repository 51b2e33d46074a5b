"""Work beside a sink's writing that takes seconds, may fail, and may wait: who does it, and when again."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread

from tailer.core.durations import Seconds

FIRST_DELAY: Seconds = 60.0
"""Wait after a failure: what fails here (a full disk, rights) is mended by people."""

DELAY_CAP: Seconds = 3600.0
"""Longest wait, after many in a row; then the log has a line an hour."""


class Patience:
    """Spaces out the tries of something that fails; times are monotonic."""

    def __init__(self) -> None:
        self._failures = 0
        self._next_at = float("-inf")

    def is_over(self, now: float) -> bool:
        """Tell whether it may be tried."""
        return now >= self._next_at

    def fail(self, now: float) -> Seconds:
        """Note a failure; tell how long to wait."""
        delay = min(DELAY_CAP, FIRST_DELAY * 2.0 ** min(self._failures, 6))
        self._failures += 1
        self._next_at = now + delay
        return delay

    def succeed(self) -> None:
        """Forget the failures."""
        self._failures = 0
        self._next_at = float("-inf")


class Upkeep:
    """A thread that lives as long as there is work.

    Args:
        work: What it does when woken; is given what tells it to stop as soon as it can.
        name: The thread's name.
    """

    def __init__(self, work: Callable[[Callable[[], bool]], None], name: str) -> None:
        self._work = work
        self._name = name
        self._lock = Lock()
        self._is_wanted = False
        self._thread: Thread | None = None
        self._stop = Event()

    def wake(self) -> None:
        """Have the work done, once more if it is being done just now; returns at once."""
        with self._lock:
            self._is_wanted = True
            if self._thread is None:
                # A daemon: a program that ends without closing its sinks is not held up.
                self._thread = Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def close(self, patience: Seconds) -> None:
        """Wait for the work, then have it stopped; it may be woken again afterwards. Blocks.

        Args:
            patience: Seconds to wait before stopping it.
        """
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(patience)
            self._stop.set()
            thread.join()
            self._stop.clear()

    def _run(self) -> None:
        while self._is_due():
            self._work(self._stop.is_set)

    def _is_due(self) -> bool:
        with self._lock:
            is_due = self._is_wanted and not self._stop.is_set()
            self._is_wanted = False
            if not is_due:
                self._thread = None
            return is_due
