"""When polls begin that could all begin now: after a start, a pause of the API, a full journal.

A large fleet of which everyone is due would spend the quota of minutes within seconds, and then nobody could
be polled until the window has passed. Rules:

1. After a lull some may begin at once: `HEAD_START` of the requests that the budget allows a window. A fleet
   that is not larger than that begins as a whole.
2. The others follow at the rate that the rest of the window's requests allows, so that all of them together
   never have to wait for the window to pass. Regular polls take less, so they do not wait for each other.
3. A time is given to who asks for it, in the order of asking; one that is not used is lost.

This is the generic cell rate algorithm of ITU-T I.371, with the lull as its tolerance.
"""

from __future__ import annotations

import math

HEAD_START = 0.05
"""Part of a window's requests that may begin at once: half of what regular polls leave free."""


class Spacing:
    """Gives out the times at which polls begin."""

    def __init__(self) -> None:
        self._next = -math.inf

    def next(self, now: float, *, allowed: int, rate: float) -> float:
        """Give the time of the next beginning, at or after `now`; it is taken by this call.

        Args:
            now: Monotonic time.
            allowed: Requests a window that the budget allows.
            rate: The same a second, above 0.
        """
        distance = 1 / ((1 - HEAD_START) * rate)
        at = max(self._next, now - HEAD_START * allowed * distance)
        self._next = at + distance
        return max(now, at)
