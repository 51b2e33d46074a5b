"""An appliance that was away: what it recorded meanwhile arrives bit by bit, so its absence is read again.

Rules (API time):

1. An appliance was away when its heartbeat has stopped and is heard again (`tailer.core.heartbeat`), or when
   an event was collected more than `AWAY` after it was recorded. Then its absence reaches from `MARGIN`
   before the earliest such event to the latest collection; one that has ended before all of rule 2 is past.
2. An absence is read `STEPS` after it has ended, and again `FOLLOW` after a read that brought something new,
   as long as that goes on.
3. One that is noticed before the reads of another are over is joined to it: one span, whose steps begin anew;
   but a read begins no less than `FOLLOW` after the one before.
4. If half of a connector's events are collected more than `AWAY` late, that is its habit (a slow uplink, a
   clock that is behind), not an absence: the ladder finds them.
5. Nothing of this is stored. After a restart the levels of the ladder find what is still to come, later.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from tailer.core.durations import Seconds
from tailer.core.lateness import Histogram
from tailer.core.spans import Span
from tailer.model import Event

AWAY: Seconds = 120.0
"""Twelve heartbeats: no queue on the way is as long."""

MARGIN: Seconds = 60.0
"""What is uploaded first need not be what was recorded first."""

STEPS: tuple[Seconds, ...] = (0.0, *(60.0 * 2**exponent for exponent in range(7)))
"""0, 1, 2, 4 ... 64 minutes."""

FOLLOW: Seconds = 60.0
"""Seconds between two reads while they find something."""

HABIT_EVENTS = 20
"""Events that show a habit; fewer may all stem from one absence."""


class Absence:
    """The absence of one connector's appliance, if there is one that has to be read again."""

    def __init__(self) -> None:
        self._start = self._end = self._position = 0
        self._ended_at = 0.0
        self._read_at = -math.inf
        self._has_found = False
        self.next_at = math.inf

    @property
    def span(self) -> Span | None:
        """What is read again; ``None``: nothing."""
        return None if math.isinf(self.next_at) else (self._start, self._end)

    def begin(self, span: Span, ended_at: float, now: float) -> None:
        """Take note of an absence.

        Args:
            span: When it was, whole seconds.
            ended_at: When the appliance was heard again.
            now: API time.
        """
        start, end = span[0], min(span[1], math.floor(now))
        if start >= end or not _steps_after(ended_at, now - FOLLOW):
            return
        if self.span is None:
            self._start, self._end, self._position = start, end, start
        else:
            if start < self._start:
                self._start = self._position = start
            self._end = max(end, self._end)
        self._ended_at = ended_at
        self.next_at = min(self.next_at, max(now, self._read_at + FOLLOW))

    def due(self, now: float) -> Span | None:
        """Give what is left to be read of it now; ``None`` when nothing is."""
        return (self._position, self._end) if self.next_at <= now else None

    def read(self, through: int, now: float, *, has_found: bool) -> None:
        """Take note of a read of what was due.

        Args:
            through: Its end; what was due may be read in slices.
            now: API time.
            has_found: Whether it brought anything new.
        """
        self._has_found = self._has_found or has_found
        if through < self._end:
            self._position = through
            return
        steps = _steps_after(self._ended_at, now)
        if self._has_found:
            self.next_at = now + FOLLOW
        else:
            self.next_at = max(steps[0], now + FOLLOW) if steps else math.inf
        self._position, self._read_at, self._has_found = self._start, now, False


def absence_of(events: Iterable[Event], before: Histogram, longest: Seconds) -> tuple[Span, float] | None:
    """Tell from a read's new events that their appliance was away, and when it was heard again.

    Args:
        events: In any order.
        before: How late this connector's events were collected until now.
        longest: Lateness in seconds beyond which a device's clock is more likely to be wrong.
    """
    late = [event for event in events if AWAY < event.a - event.t <= longest]
    if not late:
        return None
    if before.total >= HABIT_EVENTS and (before.quantile(0.5) or 0.0) > AWAY:
        return None
    ended_at = max(event.a for event in late)
    return (math.floor(min(event.t for event in late) - MARGIN), math.ceil(ended_at)), ended_at


def _steps_after(ended_at: float, now: float) -> list[float]:
    """List when an absence is still to be read, as things stand."""
    return [ended_at + step for step in STEPS if ended_at + step > now]
