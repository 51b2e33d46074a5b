"""How late events are, as people are told."""

from __future__ import annotations

import math

from tailer.app.status.facts import FleetStatus
from tailer.core.durations import format_duration

_PERCENT = {"0.999": "99.9 %", "0.99": "99 %", "0.9": "90 %"}


def lateness_of(fleet: FleetStatus) -> list[str]:
    """Say how soon events are seen, and how late one may become visible and still be found.

    The quantile is the highest that the events counted so far can tell; with less than ten of them nothing
    is said. Durations are rounded up, by less than a fifth or a second.
    """
    seen = {} if fleet.lateness is None else fleet.lateness.seen
    told = [(percent, seen[name]) for name, percent in _PERCENT.items() if name in seen]
    if not told:
        return []
    percent, longest = told[0]
    within = format_duration(math.ceil(longest))
    if fleet.ladder_reach is None:
        return [f"{percent} of events here are seen within {within}"]
    reach = format_duration(round(fleet.ladder_reach))
    return [f"{percent} of events here are seen within {within}; the ladder reaches {reach}"]
