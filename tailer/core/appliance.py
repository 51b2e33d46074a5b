"""What is known of one connector's appliance besides its events: is it silent, and what of it is read again.

Three signs are put together: the heartbeats of listings (`tailer.core.heartbeat`), events that were collected
late (`tailer.core.absence`), and listings that did not have the connector at all, while an API may have
answered for it as for one without events.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tailer.core.absence import Absence, absence_of
from tailer.core.durations import Seconds
from tailer.core.heartbeat import Pulse
from tailer.core.lateness import Histogram
from tailer.core.spans import Span
from tailer.model import Event


class Appliance:
    """All times are API time.

    Args:
        now: When it became known.
        longest: Seconds beyond which nothing is read again.
        collected: How late this connector's events were collected until now.

    Attributes:
        absence: What is to be read again; the planner asks it.
    """

    __slots__ = ("_collected", "_listed_at", "_longest", "_pulse", "absence")

    def __init__(self, now: float, longest: Seconds, collected: Histogram) -> None:
        self.absence = Absence()
        self._pulse = Pulse()
        self._listed_at = now
        self._longest = longest
        self._collected = collected

    @property
    def silent_since(self) -> float | None:
        """Its last sign of life; ``None`` while it is not silent."""
        return self._pulse.silent_since

    def listed(self, heartbeat_at: float | None, now: float, *, was_missing: bool) -> None:
        """Learn what a listing says.

        Args:
            heartbeat_at: The last heartbeat; ``None``: the listing does not say.
            now: When the listing was asked for.
            was_missing: Whether listings before it did not have the connector.
        """
        if was_missing:
            self._was_away((math.floor(self._listed_at), math.floor(now)), now)
        self._listed_at = now
        self._was_away(self._pulse.listed(heartbeat_at, now), now)

    def brought(self, events: Sequence[Event], collected: Histogram, now: float, *, is_again: bool) -> None:
        """Learn from the new events of a read.

        Args:
            events: In any order.
            collected: How late this connector's events were collected, these included.
            now: When they were read.
            is_again: Whether it was the absence that was read.
        """
        away = None if is_again else absence_of(events, self._collected, self._longest)
        if away is not None:
            self.absence.begin(*away, now)
        self._collected = collected
        if events:
            self._was_away(self._pulse.collected(max(event.a for event in events)), now)

    def _was_away(self, span: Span | None, now: float) -> None:
        if span is not None:
            self.absence.begin(span, span[1], now)
