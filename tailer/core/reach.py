"""How far back each connector is read again, where the keys of all of them must fit into memory.

Keys are remembered from a connector's floor on, and the floor follows from how far back it is read again; so
memory is bounded by reading less far back, never by dropping a key that a read might bring again. Rules:

1. A connector's *reach* bounds how far its floor lies before the end of what it has read
   (`tailer.core.advance.advanced`). It is infinite unless memory is short; then the levels of the ladder
   decide alone.
2. When there are more keys than `CUT_AT` of the bound, reaches are cut until `FIT_TO` of it suffices: the
   connector with the most keys first, to its deepest level, then by half each time. So one that floods cuts
   its own reach, and the quiet ones keep theirs.
3. When `FIT_TO` holds more, reaches grow: that with the fewest keys first, twofold each time and no more than
   once a round, as far as what will be kept once it is full still fits.
4. No reach is cut below the shortest that every poll takes anyway.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from tailer.core.durations import Seconds

CUT_AT = 0.9
"""Part of the bound at which reaches are cut: what comes until a cut has its effect, some minutes later, must
fit into the rest."""

FIT_TO = 0.75
"""Part of the bound that is used after a cut, and never exceeded by growing: far enough from `CUT_AT` that a
steady load is cut once."""


class Holding(NamedTuple):
    """What one connector remembers, and how far back.

    Attributes:
        reach: Its present reach, ``inf`` when it is not cut.
        longest: Length of its deepest level, seconds.
        shortest: What no cut goes below, seconds.
        span: Seconds from its floor to the end of what it has read.
        keys: How many keys will be left once `reach` has its effect.
        within: Tells how many would be left with a shorter reach.
    """

    reach: Seconds
    longest: Seconds
    shortest: Seconds
    span: Seconds
    keys: int
    within: Callable[[Seconds], int]


def fitted(holdings: Sequence[Holding], max_keys: int) -> list[Seconds]:
    """Give the reach of each connector from now on, in the same order.

    Args:
        holdings: All connectors of the process.
        max_keys: Keys that all of them may remember together.
    """
    if sum(one.keys for one in holdings) > CUT_AT * max_keys:
        return _cut(holdings, FIT_TO * max_keys)
    return _grown(holdings, FIT_TO * max_keys)


def _cut(holdings: Sequence[Holding], room: float) -> list[Seconds]:
    reaches = [one.reach for one in holdings]
    total = sum(one.keys for one in holdings)
    densest = [(-one.keys, index) for index, one in enumerate(holdings)]
    heapify(densest)
    while total > room and densest:
        keys, index = heappop(densest)
        one = holdings[index]
        shorter = max(one.shortest, one.longest if reaches[index] > one.longest else reaches[index] / 2)
        if shorter >= reaches[index]:
            continue
        reaches[index] = shorter
        left = min(-keys, one.within(shorter))
        total -= -keys - left
        heappush(densest, (-left, index))
    return reaches


def _grown(holdings: Sequence[Holding], room: float) -> list[Seconds]:
    reaches = [one.reach for one in holdings]
    full = [_when_full(one) for one in holdings]
    total = sum(full)
    for index in sorted(range(len(holdings)), key=full.__getitem__):
        one = holdings[index]
        if math.isinf(one.reach):
            continue
        longer = 2 * one.reach
        more = full[index] * (min(longer, one.longest) / one.reach - 1)
        if total + more > room:
            break
        total += more
        reaches[index] = longer if longer <= one.longest else math.inf
    return reaches


def _when_full(one: Holding) -> float:
    """Estimate the keys of a connector whose span has become as long as its reach; uncut ones stay as are."""
    if math.isinf(one.reach) or not 0 < one.span < one.reach:
        return one.keys
    return one.keys * one.reach / one.span
