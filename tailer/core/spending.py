"""What was sent lately: counted by purpose, over the window that ends now, and remembered over a restart.

1. Sends are counted in buckets, `BUCKETS` a window, so that a quota of millions costs no memory; a bucket is
   forgotten when its last send has left the window, never earlier.
2. A record of them is journaled every `RECORD_EVERY`, with other commits, at once when a stop begins, and
   once more when the process ends; that one is *closed*. So after a kill, what was sent in the last `UNKNOWN`
   seconds may be unknown.
3. Whoever begins with a record that is not closed takes it that as much was sent since (for `UNKNOWN` seconds
   at most) as in the busiest stretch of the record that is as long, or as the share allows on average if that
   is more; but no more than was allowed at all. After a closed one nothing is unknown. What is only *assumed*
   is no measure of what follows: many kills within seconds would else use up a budget that nobody spends.
4. Records hold wall times. A send that seems to lie in the future was sent now: too much is remembered then,
   not too little.

`now` is monotonic time in seconds where nothing else is said.
"""

from __future__ import annotations

from collections import deque
from itertools import chain, repeat
from math import ceil, inf

import msgspec

from tailer.core.durations import Seconds
from tailer.core.purpose import Purpose

BUCKETS = 128
"""Buckets a window: a send blocks its place for less than one in a hundred of the window too long."""

RECORD_EVERY: Seconds = 10.0
"""Seconds between two records: as long as a commit without events may wait for its transaction."""

UNKNOWN: Seconds = 2 * RECORD_EVERY
"""Seconds before a kill of which no record may tell: until the next was made, and until it was durable."""


class SpendingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a principal had spent, as it is journaled. Times are wall time, epoch seconds.

    Attributes:
        at: When it was made.
        quota: Requests a window that the API allowed.
        window: Seconds.
        sends: By bucket, ascending: time of the last of them, and how many by purpose.
        assumed: How many in each of these buckets were assumed; missing at the end: none.
        stopped_until: End of the stop that was in force, ``None`` without one.
        reason: Why it was.
        is_closed: Nothing was sent afterwards.
    """

    at: float
    quota: int
    window: Seconds
    sends: tuple[tuple[float, tuple[int, ...]], ...]
    stopped_until: float | None
    reason: str | None
    is_closed: bool
    assumed: tuple[int, ...] = ()

    def buckets(self) -> list[tuple[float, tuple[int, ...], int]]:
        """Give `sends` with what of each was assumed."""
        assumed = chain(self.assumed, repeat(0))
        return [(at, counts, some) for (at, counts), some in zip(self.sends, assumed, strict=False)]

    def unknown(self, rate: float, wall: float) -> int:
        """Tell how many sends are taken to have followed (rule 3), but for what was allowed at all.

        Args:
            rate: Requests a second that the share allows.
            wall: The present, epoch seconds; before the record only if a clock was set back.
        """
        if self.is_closed:
            return 0
        stretch = min(UNKNOWN, wall - self.at) if wall >= self.at else UNKNOWN
        known = [(at, sum(counts) - assumed) for at, counts, assumed in self.buckets()]
        busiest = running = oldest = 0
        for at, count in known:
            running += count
            while known[oldest][0] < at - stretch:
                running -= known[oldest][1]
                oldest += 1
            busiest = max(busiest, running)
        return max(busiest, ceil(rate * stretch))


class _Bucket:
    """Sends that are counted and forgotten together."""

    __slots__ = ("assumed", "counts", "first", "last")

    def __init__(self, first: float) -> None:
        self.first = first
        self.last = first
        self.counts = [0] * len(Purpose)
        self.assumed = 0


class Spending:
    """The sends of one window.

    Args:
        window: Its length in seconds, above 0; may be changed at any time.
    """

    def __init__(self, window: Seconds) -> None:
        self.window = window
        self._buckets: deque[_Bucket] = deque()
        self._total = 0
        self._totals = [0] * len(Purpose)

    def __len__(self) -> int:
        """Count the buckets."""
        return len(self._buckets)

    def add(self, now: float, purpose: Purpose, count: int = 1) -> None:
        """Count requests that are sent now; never before those that were counted last."""
        newest = self._buckets[-1] if self._buckets else None
        if newest is None or now - newest.first >= self.window / BUCKETS:
            newest = _Bucket(now)
            self._buckets.append(newest)
        newest.last = now
        newest.counts[purpose] += count
        self._total += count
        self._totals[purpose] += count

    def assume(self, now: float, count: int) -> None:
        """Count live requests that may have been sent; never before those that were counted last."""
        self.add(now, Purpose.LIVE, count)
        self._buckets[-1].assumed += count

    def total(self, now: float) -> int:
        """Count all of the window."""
        self._forget(now)
        return self._total

    def of(self, purpose: Purpose, now: float) -> int:
        """Count those of one purpose."""
        self._forget(now)
        return self._totals[purpose]

    def since(self, then: float) -> int:
        """Count those of the buckets that began at `then` or later."""
        return sum(sum(bucket.counts) for bucket in self._buckets if bucket.first >= then)

    def sends(self, offset: float) -> tuple[tuple[float, tuple[int, ...]], ...]:
        """Give them as a record does; `offset` turns monotonic time into wall time."""
        return tuple((bucket.last + offset, tuple(bucket.counts)) for bucket in self._buckets)

    def assumed(self) -> tuple[int, ...]:
        """Give how many of each bucket of `sends` were assumed."""
        return tuple(bucket.assumed for bucket in self._buckets)

    def freed_at(self, count: int) -> float:
        """Tell when so many of them will have left the window; infinite where there are fewer."""
        for bucket in self._buckets:
            count -= sum(bucket.counts)
            if count <= 0:
                return bucket.last + self.window
        return inf

    def frees_in(self, now: float) -> Seconds:
        """Tell after how long the first of them leave the window; infinite without any."""
        self._forget(now)
        return self._buckets[0].last + self.window - now if self._buckets else inf

    def _forget(self, now: float) -> None:
        while self._buckets and self._buckets[0].last + self.window <= now:
            for purpose, count in enumerate(self._buckets.popleft().counts):
                self._totals[purpose] -= count
                self._total -= count
