"""API time: what the clock of Cloudflare shows, told from the ``Date`` headers of its answers.

Rules:

1. API time is our monotonic clock plus an *offset*. At first the offset is what our wall clock says; after
   that the wall clock is never asked again, so that it may step as it likes.
2. A ``Date`` header has whole seconds. The answer that carried it was on its way between `sent` and
   `received`, so at some moment in between, API time was in ``[date, date + 1)``. Hence the offset lies in
   ``[date - received, date + 1 - sent]``.
3. An offset within these bounds stays; one outside moves to the nearest bound. Answers shortly before and
   after the edge of a second have narrow bounds to one side, so the estimate sharpens by itself, to about
   half of a round trip.
4. A step of the other clock, or a machine that slept, is no special case: rule 3 absorbs it with the first
   answer. A move by more than `STEP` is told to the caller, who logs it.
"""

from __future__ import annotations

from tailer.core.durations import Seconds

STEP: Seconds = 2.0
"""Moves up to this are the resolution of the header and the time on the wire; more is news."""


class ApiTime:
    """Tells API time, epoch seconds UTC, from monotonic time."""

    def __init__(self, wall: float, monotonic: float) -> None:
        """Start from our own wall clock, until the API has told the time.

        Args:
            wall: Epoch seconds UTC as this machine sees them.
            monotonic: Monotonic time of the same moment.
        """
        self._offset = wall - monotonic

    def now(self, monotonic: float) -> float:
        """Return the API time, epoch seconds UTC, at a monotonic time. May step back from call to call."""
        return monotonic + self._offset

    def observe(self, date: float, sent: float, received: float) -> Seconds | None:
        """Learn from an answer.

        Args:
            date: Its ``Date`` header, finite epoch seconds.
            sent: Monotonic time before its request was sent.
            received: Monotonic time after its headers were read, not before `sent`.

        Returns:
            By how much API time stepped (positive: forward), ``None`` when it was by `STEP` or less.
        """
        offset = max(self._offset, date - received)
        offset = min(offset, date + 1 - sent)
        step = offset - self._offset
        self._offset = offset
        return step if abs(step) > STEP else None
