"""How late events are: three small histograms a connector, kept with its checkpoint.

Rules:

1. Measured are ``a - t`` (from being recorded to being *collected* by Cloudflare), first seen in API time -
   ``a`` (until it was *found* here), and first seen - ``t`` (*seen*, all of it).
2. What lay there before anybody looked says nothing of the time it takes to be found: of events collected
   before this process began to read their connector only ``a - t`` counts. So neither a history that is read
   for the first time nor our own downtime counts as lateness.
3. A histogram has `PER_DOUBLING` buckets for each doubling of the duration: bucket 0 ends at a second (the
   API's times are whole seconds), bucket i at `PER_DOUBLING`-th roots of 2 to the i. Only those that hold
   something are kept.
4. When a histogram holds more than `MEMORY` events all counts are halved, rounded up: so it is a picture of
   the last few hundred thousand events, and a change of habits shows.

Bound: `Histogram.quantile` gives the upper end of the bucket that holds the event of that rank. So, up to
the last bucket's `LONGEST` seconds, it is never below the exact quantile of what was counted, and above it
by less than the 2 ** (1 / `PER_DOUBLING`)-th part, which is 19 %, or by a second where the exact one is below
that: bucket i holds what lies in (B(i - 1), B(i)], and B(i) / B(i - 1) = 2 ** (1 / 4) = 1.19. Sums of
histograms are exact, so this holds for a fleet as for one connector. Halving keeps each count within one of
half of what it was halved from, and its error is halved with it the next time: no count is ever off by one
or more.

The family is C. Masson, J. E. Rim, H. K. Lee, "DDSketch", PVLDB 12(12), 2019. The published libraries
(ddsketch, datasketches, crick) take kilobytes a sketch or need numpy; with three a connector that is more
than all else that is kept of one.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain

import msgspec

from tailer.core.durations import Seconds
from tailer.model import Event

PER_DOUBLING = 4
"""Buckets for each doubling of the duration."""

LONGEST: Seconds = 2.0**24
"""Upper end of the last bucket but one: 194 days, far beyond what any level of the ladder reaches."""

MEMORY = 200_000
"""Events after which a histogram is halved: enough for a thousandth to be hundreds."""

_BOUNDS = tuple(2 ** (index / PER_DOUBLING) for index in range(24 * PER_DOUBLING + 1))


class Histogram(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Durations by bucket, as a value; `Histogram()` is empty.

    Attributes:
        counts: Bucket, count, bucket, count ... ascending; flat, as 10,000 connectors have three each.
    """

    counts: tuple[int, ...] = ()

    @property
    def total(self) -> int:
        """How many durations are counted; after a halving less than there were."""
        return sum(self.counts[1::2])

    def with_more(self, durations: Mapping[float, int]) -> Histogram:
        """Return this histogram with more durations, each as often as its value says.

        Args:
            durations: Seconds; below 0 (a clock runs ahead) counts as 0.
        """
        buckets = dict(zip(self.counts[::2], self.counts[1::2], strict=False))
        for duration, count in durations.items():
            bucket = bisect_left(_BOUNDS, duration)
            buckets[bucket] = buckets.get(bucket, 0) + count
        while sum(buckets.values()) > MEMORY:
            buckets = {bucket: (count + 1) // 2 for bucket, count in buckets.items()}
        return _histogram(buckets)

    def quantile(self, share: float) -> Seconds | None:
        """Give a duration that at least this share of all does not exceed; ``None`` when there are none.

        Args:
            share: Above 0, at most 1.
        """
        buckets = self.counts[::2]
        if not buckets:
            return None
        rank = math.ceil(share * self.total - 1e-6)  # a share of a whole number may be a hair above another
        index = bisect_left(list(accumulate(self.counts[1::2])), rank)
        return _BOUNDS[min(buckets[index], len(_BOUNDS) - 1)]


class Lateness(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How late one connector's events are; see rule 1.

    Attributes:
        collected: ``a - t``.
        found: First seen - ``a``.
        seen: First seen - ``t``.
    """

    collected: Histogram = Histogram()
    found: Histogram = Histogram()
    seen: Histogram = Histogram()

    def with_events(self, events: Sequence[Event], *, seen_at: float, since: float) -> Lateness:
        """Return this lateness with the new events of one read.

        Args:
            events: None of them counted before.
            seen_at: API time at which they were read.
            since: API time at which this process began to read their connector (rule 2).
        """
        if not events:
            return self
        collected = self.collected.with_more(Counter([event.a - event.t for event in events]))
        watched = [event for event in events if event.a >= since]
        if not watched:
            return Lateness(collected, self.found, self.seen)
        return Lateness(
            collected,
            self.found.with_more(_until(seen_at, Counter([event.a for event in watched]))),
            self.seen.with_more(_until(seen_at, Counter([event.t for event in watched]))),
        )


def merged(all_of_them: Iterable[Lateness]) -> Lateness:
    """Add up the lateness of many connectors."""
    known = list(all_of_them)
    return Lateness(
        _sum(one.collected for one in known),
        _sum(one.found for one in known),
        _sum(one.seen for one in known),
    )


def _until(seen_at: float, times: Mapping[float, int]) -> dict[float, int]:
    """Turn times into durations until one moment."""
    return {seen_at - time: count for time, count in times.items()}


def _sum(histograms: Iterable[Histogram]) -> Histogram:
    buckets: Counter[int] = Counter()
    for counts in [one.counts for one in histograms]:
        for bucket, count in zip(counts[::2], counts[1::2], strict=False):
            buckets[bucket] += count
    return _histogram(buckets)


def _histogram(buckets: Mapping[int, int]) -> Histogram:
    return Histogram(tuple(chain.from_iterable(sorted(buckets.items()))))
