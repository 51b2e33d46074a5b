"""How long events wait for their poll when 1,000 connectors share one token: simulated, in no time.

The budget is Cloudflare's (1200 requests in five minutes), of which polls have 2.88 a second. Events come
independently, or in bursts in which seven of ten are set off by another; rates follow Zipf's law. Compared
are a poll of everyone in turn; polling as fast as it goes until the API blocks for five minutes; and
`tailer.core.tempo`, which has to learn the rates. Polls begin as `tailer.core.spacing` lets them. The optimum
is computed for the true rates; it is about the mean: who is quiet waits up to `LONGEST` for it, as p99 shows.

    python tests/benchmarks/freshness.py [HOURS]
"""

from __future__ import annotations

import heapq
import math
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from tailer.core.spacing import Spacing
from tailer.core.tempo import COOLING, Pace, Tempo, price_of

CONNECTORS = 1000
WINDOW_SHARE, WINDOW = 960, 300.0  # requests that we allow ourselves in how many seconds: 80 % of 1200
ALLOWED = 2.88  # polls a second: the same, less a tenth for everything else
SHORTEST, LONGEST = 5.0, 600.0
QUOTA, BLOCK, FASTEST = 1200, 300.0, 200.0  # requests, seconds, and requests a second from one address
EVENTS_A_SECOND = 2.0
SET_OFF = 0.7

Times: TypeAlias = list[float]
NextPoll: TypeAlias = Callable[[int, Sequence[float], float], float]


class Outcome(NamedTuple):
    """Delay in seconds of the events of the last two thirds."""

    mean: float
    p99: float
    polls: float


def main() -> None:
    """Print the delays."""
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 12.0
    print(
        f"{CONNECTORS} connectors, {ALLOWED} polls/s, {EVENTS_A_SECOND} events/s, {hours:g} simulated hours"
    )
    for exponent in (1.0, 1.2):
        rates = zipf(exponent)
        best = optimum(rates)
        for name, make in (("independent", independent), ("bursts", bursts)):
            rng = random.Random(1)
            events = [list(make(rng, rate, hours * 3600)) for rate in rates]
            print(
                f"\nZipf {exponent}, {name}: mean, p99; mean to the stationary optimum ({best:.1f} s);"
                " mean and p99 to everyone in turn, and to until blocked"
            )
            in_turn = replay(events, hours, lambda _i, _ages, now: now + CONNECTORS / ALLOWED)
            blocked = until_blocked(events, hours)
            began = time.process_time()
            paced = replay(events, hours, paced_polls())
            took = time.process_time() - began
            for label, outcome in (
                ("everyone in turn", in_turn),
                ("until blocked", blocked),
                ("paced", paced),
            ):
                ratios = f"{_ratios(outcome, in_turn)}  {_ratios(outcome, blocked)}"
                print(
                    f"  {label:17} {outcome.mean:6.1f} s {outcome.p99:6.1f} s  {outcome.mean / best:5.3f}"
                    f"  {ratios}  ({outcome.polls:.2f} polls/s)"
                )
            polls = paced.polls * hours * 3600
            print(f"  a decision, with its share of finding the price: {took / polls * 1e6:.0f} us")


def zipf(exponent: float) -> Times:
    """Give rates that fall with the rank to some power."""
    weights = [rank**-exponent for rank in range(1, CONNECTORS + 1)]
    return [EVENTS_A_SECOND * weight / sum(weights) for weight in weights]


def optimum(rates: Times) -> float:
    """Compute the least mean delay at the true rates, within the bounds."""
    price = price_of(rates, ALLOWED, SHORTEST, LONGEST)
    spans = [min(LONGEST, max(SHORTEST, math.sqrt(2 * price / rate))) for rate in rates]
    return sum(rate * span / 2 for rate, span in zip(rates, spans, strict=True)) / sum(rates)


def independent(rng: random.Random, rate: float, end: float) -> Iterator[float]:
    """Give the times of a Poisson process."""
    at = rng.expovariate(rate)
    while at < end:
        yield at
        at += rng.expovariate(rate)


def bursts(rng: random.Random, rate: float, end: float) -> Times:
    """Give the times of a self-exciting process of the same rate: each event sets off others."""
    waiting, times = list(independent(rng, rate * (1 - SET_OFF), end)), []
    while waiting:
        at = waiting.pop()
        times.append(at)
        child = rng.expovariate(SET_OFF)
        while child < 1.0:  # as many as a Poisson process of rate SET_OFF has in one
            later = at + rng.expovariate(1 / COOLING)
            waiting += [later] if later < end else []
            child += rng.expovariate(SET_OFF)
    return sorted(times)


def paced_polls() -> NextPoll:
    """Ask `Pace` when to come back; the price is found anew every ten seconds."""
    pace = Pace(SHORTEST, LONGEST)
    tempos = [Tempo(0.0, SHORTEST) for _ in range(CONNECTORS)]
    fitted_at = -math.inf

    def next_poll(index: int, ages: Sequence[float], now: float) -> float:
        nonlocal fitted_at
        if now >= fitted_at + 10:
            pace.fit(tempos, ALLOWED)
            fitted_at = now
        return now + pace.next(tempos[index], ages, now)

    return next_poll


def replay(events: Sequence[Times], hours: float, next_poll: NextPoll) -> Outcome:
    """Poll one after the other, each when it is due and may begin."""
    due = [(0.0, index) for index in range(CONNECTORS)]
    at, spacing, now = [0] * CONNECTORS, Spacing(), 0.0
    delays: Times = []
    polls, start, end = 0, hours * 1200, hours * 3600
    while (now := spacing.next(max(due[0][0], now), allowed=WINDOW_SHARE, rate=WINDOW_SHARE / WINDOW)) < end:
        _, index = due[0]
        times, first = events[index], at[index]
        while at[index] < len(times) and times[at[index]] <= now:
            at[index] += 1
        ages = [now - one for one in times[first : at[index]]]
        if now > start:
            delays += ages
            polls += 1
        heapq.heapreplace(due, (next_poll(index, ages, now), index))
    return _outcome(delays, polls, end - start)


def until_blocked(events: Sequence[Times], hours: float) -> Outcome:
    """Poll everyone as fast as it goes until the quota is crossed, then wait for the end of the block."""
    cycle = QUOTA / FASTEST + BLOCK
    delays: Times = []
    start, end = hours * 1200, hours * 3600
    for index, times in enumerate(events):
        offsets = [turn / FASTEST for turn in range(index, QUOTA, CONNECTORS)]
        for one in times:
            into = one % cycle
            wait = next((offset - into for offset in offsets if offset >= into), cycle - into + offsets[0])
            if start < one + wait < end:
                delays.append(wait)
    return _outcome(delays, round((end - start) / cycle * QUOTA), end - start)


def _ratios(outcome: Outcome, other: Outcome) -> str:
    return f"{outcome.mean / other.mean:5.3f} {outcome.p99 / other.p99:5.3f}"


def _outcome(delays: Times, polls: int, seconds: float) -> Outcome:
    delays.sort()
    return Outcome(sum(delays) / len(delays), delays[int(0.99 * len(delays))], polls / seconds)


if __name__ == "__main__":
    main()
