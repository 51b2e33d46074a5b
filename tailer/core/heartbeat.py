"""Which appliances are silent, told from List Connectors: one request for the whole fleet.

Rules (API time):

1. An appliance reports every ten seconds. It is *silent* when a listing shows a last heartbeat that is more
   than `SILENT_AFTER` old, and no event of it was collected since.
2. It is heard again when a listing shows a newer heartbeat, or when an event turns up that was collected
   after the last one. The time between is an absence (`tailer.core.absence`).
3. A heartbeat that stood still in a listing although an event had been collected before that listing, and
   long after the heartbeat, tells nothing: it is ignored from then on, as is one that is not listed at all.
4. While appliances are silent they are listed more often than configured, as long as that takes no more than
   a tenth of the polls that their silence saves; never more often than every `LISTING_LEAST`, and in a large
   fleet, whose listing is long, than a hundredth of a second for each connector.
"""

from __future__ import annotations

import math

from tailer.core.durations import Seconds
from tailer.core.spans import Span

SILENT_AFTER: Seconds = 60.0
"""Six heartbeats: some may get lost, and the listing may be some seconds old."""

LISTING_LEAST: Seconds = 30.0
"""Shortest time between two listings of an account."""

_COST = 10.0  # polls saved for each listing
_PER_CONNECTOR: Seconds = 0.01


class Pulse:
    """Signs of life of one connector's appliance.

    Attributes:
        silent_since: Its last sign of life; ``None`` while it is not silent.
    """

    __slots__ = ("_collected_at", "_is_doubtful", "_listed_at", "silent_since")

    def __init__(self) -> None:
        self.silent_since: float | None = None
        self._collected_at = -math.inf
        self._listed_at = -math.inf
        self._is_doubtful = False

    def listed(self, heartbeat_at: float | None, now: float) -> Span | None:
        """Learn what a listing says; return the absence that has ended.

        Args:
            heartbeat_at: The last heartbeat; ``None``: the listing does not say.
            now: When the listing was asked for.
        """
        self._listed_at = now
        if heartbeat_at is not None and heartbeat_at + SILENT_AFTER < self._collected_at <= now:
            self._is_doubtful = True
        if self._is_doubtful or heartbeat_at is None:
            self.silent_since = None
            return None
        heard_at = max(heartbeat_at, self._collected_at)
        if now - heard_at <= SILENT_AFTER:
            return self._end_silence(now)
        absence = None
        if self.silent_since is not None and heard_at > self.silent_since + SILENT_AFTER:
            absence = self._end_silence(heard_at)  # heard, and silent again before anybody looked
        self.silent_since = heard_at
        return absence

    def collected(self, at: float) -> Span | None:
        """Learn when the newest event of a read was collected; return the absence that has ended."""
        self._collected_at = max(self._collected_at, at)
        since = self.silent_since
        if since is None or at <= since + SILENT_AFTER:
            return None
        if at <= self._listed_at:
            self._is_doubtful = True
        return self._end_silence(at)

    def _end_silence(self, now: float) -> Span | None:
        since, self.silent_since = self.silent_since, None
        return None if since is None else (math.floor(since), math.ceil(now))


def listing_interval(silent: int, connectors: int, interval: Seconds, discover: Seconds) -> Seconds:
    """Tell after how long an account is listed again (rule 4).

    Args:
        silent: How many of its appliances are silent.
        connectors: How many it has.
        interval: Seconds between two polls of a connector that is not silent.
        discover: Configured seconds between two listings; never exceeded.
    """
    if not silent:
        return discover
    return min(discover, max(LISTING_LEAST, _COST * interval / silent, _PER_CONNECTOR * connectors))
