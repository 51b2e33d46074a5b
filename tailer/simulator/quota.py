"""The request quota of one principal, as Cloudflare documents it.

1. `quota` requests are allowed in `quota_window`; the window slides, or starts anew at each multiple of its
   length (which of the two the real one does is not published).
2. The first request beyond is a crossing: from then on everything is refused for `block`.
3. Refused requests are not counted; after a block the window is empty.
4. Others may spend of the same quota, at `foreign_rate` requests per second.

Source: Cloudflare "Rate limits": 1200 requests per five minutes per user, then every call is blocked for five
minutes with 429; headers ``Ratelimit`` and ``Ratelimit-Policy`` after the IETF draft.
"""

import math
from collections import deque

from tailer.core.durations import Seconds
from tailer.simulator.options import SimulatorOptions


class Quota:
    """What was spent and what is left."""

    def __init__(self, options: SimulatorOptions, now: float) -> None:
        self._options = options
        self._spent: deque[float] = deque()
        self._blocked_until = -math.inf
        self._foreign_at = now
        self.crossings = 0
        self.refused = 0

    def take(self, now: float) -> bool:
        """Spend one request; ``False`` when it is refused."""
        self._spend_foreign(now)
        self._forget(now)
        if now >= self._blocked_until and len(self._spent) >= self._options.quota:
            self.crossings += 1
            self._blocked_until = now + self._options.block
            self._spent.clear()
        if now < self._blocked_until:
            self.refused += 1
            return False
        self._spent.append(now)
        return True

    def remaining(self, now: float) -> int:
        """Requests left at this moment; 0 while blocked."""
        self._forget(now)
        return 0 if now < self._blocked_until else max(0, self._options.quota - len(self._spent))

    def resets_in(self, now: float) -> Seconds:
        """Seconds until requests come back: the end of the block, of the fixed window, or of the oldest's."""
        if now < self._blocked_until:
            return self._blocked_until - now
        window = self._options.quota_window
        if self._options.quota_kind == "fixed":
            return window - now % window
        return self._spent[0] + window - now if self._spent else window

    def headers(self, now: float) -> dict[str, str]:
        """``Ratelimit`` and ``Ratelimit-Policy`` as they stand on every answer."""
        options = self._options
        return {
            "Ratelimit": f'"default";r={self.remaining(now)};t={math.ceil(self.resets_in(now))}',
            "Ratelimit-Policy": f'"default";q={options.quota};w={math.ceil(options.quota_window)}',
        }

    def _forget(self, now: float) -> None:
        window = self._options.quota_window
        begin = now // window * window if self._options.quota_kind == "fixed" else now - window
        while self._spent and self._spent[0] < begin:  # one exactly a window old still counts
            self._spent.popleft()

    def _spend_foreign(self, now: float) -> None:
        """Others stop at the quota, so that a crossing is always the client's own doing."""
        rate, began = self._options.foreign_rate, self._foreign_at
        due = math.floor((now - began) * rate)
        if due <= 0:
            return
        self._foreign_at += due / rate  # keeps the fraction of a request
        for number in range(max(0, due - 1 - math.ceil(rate * self._options.quota_window)), due):
            at = began + (number + 1) / rate
            self._forget(at)
            if at >= self._blocked_until and len(self._spent) < self._options.quota:
                self._spent.append(at)
