"""One connector's events, sorted for reading: what the window finds and what is visible yet.

1. Events are sorted by (the time the API filters on, t, n).
2. ``peaks[i]`` is the latest visible_at among the first i + 1 events, so one bisection tells up to which
   index everything is visible; only beyond it each event is looked at.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Literal, TypeAlias

import msgspec

from tailer.simulator.options import Bounds

Position: TypeAlias = tuple[float, float, float]
"""Where an event stands: (time filtered on, t, n)."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One row of List Events, as it is written: time collected, kind, sequence number, time recorded."""

    a: float
    k: str
    n: int | float
    t: int | float


class Shelf:
    """The events of one connector, visible and not yet visible."""

    def __init__(self, filter_on: Literal["t", "a"]) -> None:
        self.filter_on = filter_on
        self.events: list[Event] = []
        self._keys: list[float] = []
        self._visible_at: list[float] = []
        self._peaks: list[float] = []

    def position(self, event: Event) -> Position:
        """Where this event stands in ascending order."""
        return (event.a if self.filter_on == "a" else event.t, event.t, event.n)

    def add(self, told: Iterable[tuple[Event, float]]) -> None:
        """Put (event, visible_at) on the shelf, in any order."""
        fresh = sorted(told, key=lambda pair: self.position(pair[0]))
        if fresh and self.events and self.position(fresh[0][0]) < self.position(self.events[-1]):
            # Only where the API filters on `a`: what was collected late belongs among what is there.
            fresh = sorted([*self, *fresh], key=lambda pair: self.position(pair[0]))
            for column in (self.events, self._keys, self._visible_at, self._peaks):
                column.clear()
        peak = self._peaks[-1:] or [0.0]
        self._peaks.extend(accumulate((visible_at for _, visible_at in fresh), max, initial=peak[0]))
        del self._peaks[len(self.events)]  # the initial value that `accumulate` repeats
        self.events.extend(event for event, _ in fresh)
        self._keys.extend(self.position(event)[0] for event, _ in fresh)
        self._visible_at.extend(visible_at for _, visible_at in fresh)

    def __iter__(self) -> Iterator[tuple[Event, float]]:
        """Each (event, visible_at) in ascending order."""
        return zip(self.events, self._visible_at, strict=True)

    def find(self, start: float, end: float, bounds: Bounds, now: float) -> Sequence[int]:
        """Ascending indexes of the events in a window that are visible at `now`.

        Args:
            start: Lower end; whether it is included, `bounds` says.
            end: Upper end; likewise.
            bounds: Which ends are included.
            now: The server's time.
        """
        after_start = bisect_left if bounds in {"closed", "half-open"} else bisect_right
        before_end = bisect_right if bounds in {"closed", "half-open-end"} else bisect_left
        low = after_start(self._keys, start)
        high = max(low, before_end(self._keys, end))
        settled = bisect_right(self._peaks, now)
        if high <= settled:
            return range(low, high)
        middle = max(low, settled)
        return [*range(low, middle), *(i for i in range(middle, high) if self._visible_at[i] <= now)]

    def newest(self, count: int, now: float) -> list[Event]:
        """The last `count` visible events, ascending."""
        found: list[Event] = []
        for event, visible_at in zip(reversed(self.events), reversed(self._visible_at), strict=True):
            if len(found) == count:
                break
            if visible_at <= now:
                found.append(event)
        return found[::-1]

    def get(self, t: float, n: float, now: float) -> Event | None:
        """The one visible event with this identity, or ``None``."""
        for event, visible_at in self._with_t(t):
            if event.t == t and event.n == n and visible_at <= now:
                return event
        return None

    def _with_t(self, t: float) -> Iterator[tuple[Event, float]]:
        if self.filter_on == "a":
            return iter(self)
        low, high = bisect_left(self._keys, t), bisect_right(self._keys, t)
        return zip(self.events[low:high], self._visible_at[low:high], strict=True)
