"""How late events are, as it is shown."""

from __future__ import annotations

from tailer.app.status.facts import LatenessStatus
from tailer.core.durations import Seconds
from tailer.core.lateness import Histogram, Lateness

QUANTILES = ("0.5", "0.9", "0.99", "0.999")
"""Those that are shown; the last is what people ask about late events."""


def delays(lateness: Lateness) -> LatenessStatus | None:
    """Show how late events are; ``None`` when none was counted."""
    if not lateness.collected.counts:
        return None
    return LatenessStatus(
        events=lateness.collected.total,
        collected=_quantiles(lateness.collected),
        found=_quantiles(lateness.found),
        seen=_quantiles(lateness.seen),
    )


def _quantiles(histogram: Histogram) -> dict[str, Seconds]:
    """Give the quantiles that so many events can tell: one in a thousand needs a thousand."""
    total = histogram.total
    told = {name: histogram.quantile(float(name)) for name in QUANTILES if total * (1 - float(name)) >= 0.999}
    return {name: value for name, value in told.items() if value is not None}
