"""How soon a new event is delivered, on average, at a given pace; what the API itself takes comes on top.

Rules (polls of one connector are `interval` apart, and an event falls anywhere between two of them):

1. ``arrival``: the next poll brings it, half an interval later.
2. ``connector``: the first poll that begins `settle` after it releases it: `settle` and half an interval.
3. ``global``: the last connector's such poll releases it. Of n polls spread evenly over an interval, the last
   comes after n/(n + 1) of it on average.
"""

from __future__ import annotations

from typing import assert_never

from tailer.core.durations import Seconds
from tailer.core.ordering import Order


def mean_delay(order: Order, *, settle: Seconds, interval: Seconds, connectors: int) -> Seconds:
    """Give the mean time from an event's becoming visible to its delivery.

    Args:
        order: Of the reader.
        settle: How long events wait for others that sort before them.
        interval: Between two polls of one connector.
        connectors: How many are polled.
    """
    match order:
        case "arrival":
            return interval / 2
        case "connector":
            return settle + interval / 2
        case "global":
            return settle + interval * connectors / (connectors + 1)
        case _:
            assert_never(order)
