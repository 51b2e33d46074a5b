"""How long to wait after failures in a row: exponential, with full jitter.

Full jitter (anything between nothing and the bound) spreads many that failed at once best and costs the
fewest calls. Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from __future__ import annotations

from math import ldexp

from tailer.core.durations import Seconds

_MOST_DOUBLINGS = 64  # beyond any cap in seconds, and far from what a float holds


def backoff(failures: int, first: Seconds, cap: Seconds, unit: float) -> Seconds:
    """Return how long to wait before the next try.

    Args:
        failures: Failures in a row so far, 1 or more.
        first: Upper bound after the first failure; it doubles with each one more.
        cap: Highest upper bound, not below `first`.
        unit: A random number in [0, 1).

    Returns:
        Seconds in [0, min(cap, first * 2 ** (failures - 1))).
    """
    doublings = min(max(failures, 1) - 1, _MOST_DOUBLINGS)
    return unit * min(cap, ldexp(first, doublings))
