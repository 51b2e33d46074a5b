"""What was sent lately: counted by purpose, over the window that ends now.

Sends are counted in buckets, `BUCKETS` a window, so that a quota of millions costs no memory; a bucket is
forgotten when its last send has left the window, never earlier. `now` is monotonic time in seconds.
"""

from __future__ import annotations

from collections import deque
from math import inf

from tailer.core.durations import Seconds
from tailer.core.purpose import Purpose

BUCKETS = 128
"""Buckets a window: a send blocks its place for less than one in a hundred of the window too long."""


class _Bucket:
    """Sends that are counted and forgotten together."""

    __slots__ = ("counts", "first", "last")

    def __init__(self, first: float) -> None:
        self.first = first
        self.last = first
        self.counts = [0] * len(Purpose)


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

    def add(self, now: float, purpose: Purpose) -> None:
        """Count a request that is sent now; never before the one that was counted last."""
        newest = self._buckets[-1] if self._buckets else None
        if newest is None or now - newest.first >= self.window / BUCKETS:
            newest = _Bucket(now)
            self._buckets.append(newest)
        newest.last = now
        newest.counts[purpose] += 1
        self._total += 1
        self._totals[purpose] += 1

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
