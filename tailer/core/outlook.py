"""When a finite piece of work will be done, given what was done so far and what may be spent."""

from __future__ import annotations

from tailer.core.durations import Seconds


def time_left(
    *, done: float, left: float, elapsed: Seconds, requests: int, spare: int, rate: float
) -> Seconds | None:
    """Estimate the time that is left; ``None`` when nothing can be said yet.

    What is left is taken to cost as many requests as what was done, in proportion. It takes as long as they
    took so far, or, where that is longer, until the budget has allowed them: a budget that is spent within
    minutes lets the beginning look far too good.

    Args:
        done: Work done within `elapsed`, in any unit.
        left: Work that is left, in the same unit.
        elapsed: Seconds it took.
        requests: Requests it took.
        spare: Requests that the budget would allow at once.
        rate: Requests a second that it allows in the long run, above 0.
    """
    if left <= 0:
        return 0.0
    if done <= 0:
        return None
    ratio = left / done
    return max(elapsed * ratio, (requests * ratio - spare) / rate)
