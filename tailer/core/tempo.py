"""How often each connector is polled when the budget does not hold everyone at the shortest interval.

An event waits from the moment it happens until the next poll. With events at rate L and polls every T seconds
the waiting that builds up between two polls is L * T**2 / 2 on average, so the waiting of all connectors
together, per second, is the sum of L * T / 2. Under a bound on the polls a second (the sum of 1 / T) it is
least where the waiting built up at each poll is the same for all: its *price*. So T = sqrt(2 * price / L),
and the poll rate is proportional to the square root of the event rate.

Rules:

1. A connector is polled when the waiting expected to have built up since its last poll has reached the price,
   but not before the shortest interval and not after the longest.
2. The price is the one at which all polls together take the allowed rate. Where everyone fits at the shortest
   interval it is nothing; where even the longest is too short, the longest is stretched for all.
3. What is expected of a connector is its long-run rate plus its *heat*: events make events likely for a
   while (an upgrade, a failover, a flapping tunnel), so that one that just spoke is polled sooner.
4. The long-run rate is a count that is forgotten with a time constant of `MEMORY`, drawn towards the
   fleet's mean while little is known (the mean of a gamma distribution with shape `SHAPE`).
5. How much of the traffic is heat is learnt from the fleet: events that come independently have counts
   whose variance is their mean; what is beyond that is heat.
6. A connector whose appliance is silent (`tailer.core.heartbeat`) is polled at the longest interval, whatever
   the budget holds.
7. The price is found for the long-run rates, and corrected by what the intervals really take.

Sources: the square-root rule under bounds is the water-filling of Lagrange multipliers; the family of
problems is that of J. Cho and H. Garcia-Molina, "Effective page refresh policies for web crawlers", ACM TODS
28(4), 2003. Heat is the exponential kernel of A. G. Hawkes, "Spectra of some self-exciting and mutually
exciting point processes", Biometrika 58(1), 1971: the variance of its counts over long spans is
mean / (1 - n)**2, where n is the share of the events that others have set off.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from tailer.core.durations import Seconds

MEMORY: Seconds = 6 * 3600.0
"""Time constant with which counts are forgotten: a working day has several moods."""

COOLING: Seconds = 60.0
"""Time constant of heat."""

SHAPE = 0.5
"""Shape of the prior: below 1, since most connectors are quieter than the mean."""

SAMPLES = 10_000
"""Polls after which a sample of the counts' variance is forgotten, about: an hour of a full budget."""

MOST_HEAT = 0.9
"""Bound on the share of heat: beyond it a burst would be expected to go on for ever."""

_FIRST_MEAN = 1 / 600.0  # events a second of a connector of which nothing is known
_FIRST_SPAN: Seconds = 600.0  # for how long that counts
_FIRST_SAMPLES = 50.0  # events that count as independent before any was seen
_GAIN = 0.4  # how much of the difference between taken and allowed rate a correction takes back, as a power
_STEP = 1.2  # bound on one correction


class Tempo:
    """What the polls of one connector have shown of its events.

    Args:
        now: Monotonic time at which watching it begins.
        interval: Seconds until its next poll, to begin with.
    """

    __slots__ = ("at", "count", "heat", "interval", "is_silent", "observed")

    def __init__(self, now: float, interval: Seconds) -> None:
        self.at = now
        self.count = 0.0
        self.observed = 0.0
        self.heat = 0.0
        self.interval = interval
        self.is_silent = False

    def rate(self, mean: float) -> float:
        """Estimate the long-run rate, events a second, given the fleet's mean rate, above 0."""
        return (SHAPE + self.count) / (SHAPE / mean + self.observed)

    def note(self, ages: Iterable[Seconds], now: float) -> int:
        """Take note of a poll's new events by how long ago each happened; return how many there were."""
        elapsed = max(0.0, now - self.at)
        kept = math.exp(-elapsed / MEMORY)
        heat, count = self.heat * math.exp(-elapsed / COOLING), 0
        for age in ages:
            heat += math.exp(-max(0.0, age) / COOLING)
            count += 1
        self.heat = heat
        self.count = self.count * kept + count
        self.observed = self.observed * kept + MEMORY * (1 - kept)
        self.at = now
        return count


class Pace:
    """The intervals of all connectors that share one budget.

    Args:
        shortest: Configured shortest time between two polls of one connector, seconds, above 0.
        longest: Configured longest time, at least `shortest`.

    Attributes:
        longest: As the budget allows it at present.
        configured: As it was configured.
        planned: Polls a second of all connectors together.
    """

    def __init__(self, shortest: Seconds, longest: Seconds) -> None:
        self.shortest = shortest
        self.longest = longest
        self.configured = longest
        self._mean = _FIRST_MEAN
        self.planned = 0.0
        self._price = 0.0
        self._correction = 1.0
        self._excess = _FIRST_SAMPLES
        self._expected = _FIRST_SAMPLES

    @property
    def is_bound(self) -> bool:
        """Whether the budget does not hold everyone at the shortest interval."""
        return self._price > 0.0

    @property
    def heat_share(self) -> float:
        """The share of the events that others have set off, in [0, `MOST_HEAT`]."""
        return min(MOST_HEAT, 1 - 1 / math.sqrt(max(1.0, self._excess / self._expected)))

    def expected_delay(self, tempos: Iterable[Tempo]) -> Seconds:
        """Give the mean time that an event waits for its poll, by the present rates and intervals."""
        rates = [(tempo.rate(self._mean), tempo.interval) for tempo in tempos]
        total = sum(rate for rate, _ in rates)
        return sum(rate * interval / 2 for rate, interval in rates) / total if total else 0.0

    def fit(self, tempos: Collection[Tempo], allowed: float) -> None:
        """Find the price anew; called every few seconds while the budget binds, and when the fleet changes.

        Args:
            tempos: Of all connectors that are polled at their interval; parked ones are not.
            allowed: Polls a second that the budget has for this, above 0.
        """
        self.longest = max(self.configured, len(tempos) / allowed)
        events = sum(tempo.count for tempo in tempos) + _FIRST_MEAN * _FIRST_SPAN
        self._mean = events / (sum(tempo.observed for tempo in tempos) + _FIRST_SPAN)
        awake = [tempo for tempo in tempos if not tempo.is_silent]
        silent = (len(tempos) - len(awake)) / self.longest
        self.planned = min(allowed, len(awake) / self.shortest + silent)
        left = allowed - silent
        price = price_of((tempo.rate(self._mean) for tempo in awake), left, self.shortest, self.longest)
        if price and self._price:
            taken = sum(1 / tempo.interval for tempo in awake) / left
            self._correction *= min(_STEP, max(1 / _STEP, taken**_GAIN))
        else:
            self._correction = 1.0
        self._price = price * self._correction

    def next(self, tempo: Tempo, ages: Iterable[Seconds], now: float) -> Seconds:
        """Take note of a poll, and tell after how long the next is due.

        Args:
            tempo: The connector's.
            ages: How long ago each of its new events happened.
            now: Monotonic time.
        """
        elapsed = now - tempo.at
        count = tempo.note(ages, now)
        if tempo.is_silent:
            tempo.interval = self.longest
            return self.longest
        if not self._price:
            tempo.interval = self.shortest
            return self.shortest
        rate = tempo.rate(self._mean)
        if 2 * COOLING <= elapsed <= 2 * self.longest:
            self._sample(count, rate * elapsed)
        share = self.heat_share
        heat = share * tempo.heat / COOLING
        tempo.interval = interval_of(rate * (1 - share), heat, self._price, self.shortest, self.longest)
        return tempo.interval

    def _sample(self, count: int, expected: float) -> None:
        kept = 1 - 1 / SAMPLES
        self._excess = self._excess * kept + (count - expected) ** 2
        self._expected = self._expected * kept + expected


def price_of(rates: Iterable[float], allowed: float, shortest: Seconds, longest: Seconds) -> float:
    """Find the price at which polling everyone takes the allowed rate (rule 2).

    With c = 1 / sqrt(2 * price) a connector is polled c * sqrt(rate) times a second, within its bounds; so
    what all of them take is piecewise linear in c. The pieces are walked in order: n log n.

    Args:
        rates: Events a second of each connector, above 0.
        allowed: Polls a second for all of them; at least their number over `longest`.
        shortest: Shortest interval, seconds.
        longest: Longest interval, seconds.

    Returns:
        The price in event-seconds; 0 where everyone fits at the shortest interval, infinite where everyone
        has to be polled at the longest.
    """
    roots = [math.sqrt(rate) for rate in rates]
    if len(roots) <= allowed * shortest:
        return 0.0
    leaving = [(1 / (longest * root), root, -1 / longest) for root in roots]
    arriving = [(1 / (shortest * root), -root, 1 / shortest) for root in roots]
    taken, slope = len(roots) / longest, 0.0
    for c, more_slope, more_taken in sorted(leaving + arriving)[:-1]:  # at the last, all are at the shortest
        if taken + slope * c >= allowed:
            break
        slope += more_slope
        taken += more_taken
    c = (allowed - taken) / slope if slope > 0 else 0.0
    return 1 / (2 * c * c) if c > 0 else math.inf


def interval_of(rate: float, heat: float, price: float, shortest: Seconds, longest: Seconds) -> Seconds:
    """Tell after how long the waiting built up reaches the price (rule 1).

    Args:
        rate: Long-run events a second, above 0.
        heat: Events a second that are expected on top of it now; they cool down with `COOLING`.
        price: Event-seconds, above 0.
        shortest: Shortest interval, seconds.
        longest: Longest interval, seconds.
    """

    def waiting(span: Seconds) -> tuple[float, float]:
        """Give what builds up in a span, and how fast it grows at its end."""
        cooled = COOLING * (1 - math.exp(-span / COOLING))
        return rate * span * span / 2 + heat * COOLING * (span - cooled), rate * span + heat * cooled

    span = min(longest, math.sqrt(2 * price / rate))
    built_up, growth = waiting(span)
    while built_up - price > 0.01 * price:  # convex: Newton's steps come down to the root and never pass it
        span -= (built_up - price) / growth
        built_up, growth = waiting(span)
    return max(shortest, span)
