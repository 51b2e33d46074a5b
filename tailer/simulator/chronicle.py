"""The history of one connector, told bucket by bucket; the same seed tells the same, whenever it is asked.

1. Time is cut in buckets of `BUCKET` seconds, at another phase for each connector so that the work of a
   large fleet spreads. Each bucket has its own random generators, seeded by (seed, connector, bucket).
2. The stories that begin in a bucket depend on nothing else. Their tail may reach into the next bucket,
   never further (`stories.LONGEST` < `BUCKET`): a bucket's events come from itself and the one before.
3. `n` is given within a bucket. Bucket ends are whole seconds, so no `t` belongs to two buckets.
4. Bursts are part of the history. One at an offset from the start moves with the start, one at an absolute
   time does not.
"""

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence

from tailer.core.durations import Seconds
from tailer.simulator.fleet import Connector, absence
from tailer.simulator.options import SimulatorOptions
from tailer.simulator.shelf import Event
from tailer.simulator.stories import MEAN_EVENTS, tell

BUCKET: Seconds = 300
"""Longer than any story; short enough that what lies ahead of the clock stays small."""

BIG_N = 2**53 + 1
"""The first whole number that a float cannot hold."""

_UPLOAD: Seconds = 5.0  # how long an appliance takes to hand over what it recorded while away
_BUCKETS_PER_LIFE = 288  # an agent starts anew about once a day
_N_PER_BUCKET = 1_000_000  # room for the largest burst that fits a second
_BURST_KINDS = ("Reconcile", "RekeyStart", "RekeyAdvance", "RekeyComplete")


class Chronicle:
    """Tells one connector's events in order of time, each once."""

    def __init__(
        self, options: SimulatorOptions, connector: Connector, begins_at: int, live_from: int
    ) -> None:
        """Prepare to tell.

        Args:
            options: What to tell.
            connector: About whom.
            begins_at: Whole epoch second before which nothing exists.
            live_from: Whole epoch second from which stories are told; before it lies the even history,
                where one is wanted, else it equals `begins_at`.
        """
        self._options = options
        self._connector = connector
        self._begins_at = begins_at
        self._live_from = live_from
        self._phase = int(connector.id[:8], 16) % int(BUCKET)
        self._bursts: Sequence[tuple[int, int]] = ()
        self._bucket = self._bucket_of(live_from)
        self._tail = self._stories_of(self._bucket - 1)
        self._is_even_told = False

    def expect_bursts(self, bursts: Sequence[tuple[int, int]]) -> None:
        """Add bursts as (epoch second, events), before anything is told."""
        self._bursts = bursts

    def tell_until(self, now: float) -> Iterator[tuple[Event, float]]:
        """Tell (event, visible_at) of all that was not told yet and happened at or before `now`.

        What is told runs ahead of `now`, by less than a bucket: `visible_at` is never before it happened.
        """
        if not self._is_even_told:
            self._is_even_told = True
            yield from self._even_history()
        while self._begin_of(self._bucket) <= now:
            yield from self._tell_bucket(self._bucket)
            self._bucket += 1

    def _bucket_of(self, at: float) -> int:
        return math.floor((at + self._phase) / BUCKET)

    def _begin_of(self, bucket: int) -> float:
        return bucket * BUCKET - self._phase

    def _rng(self, purpose: str, bucket: int) -> random.Random:
        return random.Random(f"{self._options.seed}/{self._connector.id}/{purpose}/{bucket}")

    def _stories_of(self, bucket: int) -> list[tuple[float, str]]:
        """All (instant, kind) of the stories that begin in this bucket, those beyond its end included."""
        stories_per_second = self._connector.rate / MEAN_EVENTS
        told: list[tuple[float, str]] = []
        if stories_per_second <= 0:
            return told
        rng = self._rng("stories", bucket)
        at = self._begin_of(bucket) + rng.expovariate(stories_per_second)
        while at < self._begin_of(bucket + 1):
            told.extend(tell(rng, at))
            at += rng.expovariate(stories_per_second)
        return told

    def _tell_bucket(self, bucket: int) -> Iterator[tuple[Event, float]]:
        begin, end = self._begin_of(bucket), self._begin_of(bucket + 1)
        own = self._stories_of(bucket)
        told = [(at, kind) for at, kind in (*self._tail, *own) if begin <= at < end]
        self._tail = own
        for second, events in self._bursts:
            if begin <= second < end:
                told += [(second + i / events, _BURST_KINDS[i % len(_BURST_KINDS)]) for i in range(events)]
        told.sort()
        rng = self._rng("dress", bucket)
        first = bucket % _BUCKETS_PER_LIFE * _N_PER_BUCKET
        for event, visible_at, at in self._dress(rng, told, first):
            if at >= self._live_from:
                yield event, visible_at

    def _even_history(self) -> Iterator[tuple[Event, float]]:
        events = self._options.history_events
        if not events:
            return
        rng = self._rng("even", 0)
        step = (self._live_from - self._begins_at) / events
        kinds: list[str] = []
        while len(kinds) < events:
            kinds += [kind for _, kind in tell(rng, 0.0)]
        told = [(self._begins_at + i * step, kinds[i]) for i in range(events)]
        for event, visible_at, _ in self._dress(rng, told, 0):
            yield event, visible_at

    def _dress(
        self, rng: random.Random, told: Sequence[tuple[float, str]], first_n: int
    ) -> Iterator[tuple[Event, float, float]]:
        """Give (event, visible_at, instant) for each (instant, kind): numbers, collection, visibility."""
        options = self._options
        as_number = float if options.float_numbers else _plain
        base = BIG_N if options.big_n else 0
        seen: Counter[float] = Counter()
        for place, (at, kind) in enumerate(told):
            t = self._written(at + self._connector.clock_ahead)
            collected_at, visible_at = self._journey(rng, at)
            n = place + first_n if options.sequence == "agent" else seen[t]
            seen[t] += 1
            n_written = n + base if options.big_n else as_number(n)  # a float would spoil a big one
            event = Event(a=as_number(self._written(collected_at)), k=kind, n=n_written, t=as_number(t))
            yield event, visible_at, at

    def _journey(self, rng: random.Random, at: float) -> tuple[float, float]:
        """When the event was collected and when the API shows it.

        Always the same number of draws, so that one option does not shift what the others decide.
        """
        options = self._options
        delay, lateness, is_late, is_collected_late = rng.random(), rng.random(), rng.random(), rng.random()
        away = absence(options, self._connector, at)
        if away:
            collected_at = away[1] + delay * _UPLOAD
            return collected_at, collected_at + delay * options.delay
        collected_at = at + delay * options.delay / 2
        visible_at = at + delay * options.delay
        if is_late < options.late_share:
            visible_at += lateness * options.late_by
            if is_collected_late < 0.5:
                collected_at = visible_at
        return collected_at, visible_at

    def _written(self, at: float) -> float:
        """An instant as a device writes it; rounded down, so that it stays in its bucket."""
        return math.floor(at * 1000) / 1000 if self._options.fractional else math.floor(at)


def _plain(number: float) -> float:
    return number
