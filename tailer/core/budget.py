"""The request budget of one principal: decides when its next request may go out.

Cloudflare counts the requests of a user or token, over all clients: 1200 in five minutes unless the headers
say otherwise. Crossing that blocks every call of that user, the dashboard included, for five minutes. So:

1. **Share.** In any window of the quota's length at most floor(share * quota) requests are sent (but one,
   where that is none). Sends are counted in buckets, `_BUCKETS` a window, so that a quota of millions costs
   no memory; a bucket is forgotten when its last send has left the window, never earlier.
2. **Reserve.** When an answer says that no more than reserve * quota remains, whoever spent it, nothing is
   sent until the reset it names. The reserve also covers what is in flight when the answer comes.
3. **Pause.** After a refusal (429, code 971) nothing is sent for at least ``Retry-After``. Where the API does
   not say: a whole window, at most five minutes, if the remaining quota is at the reserve or unknown, for
   that is how long Cloudflare blocks; else `_SHORT_PAUSE`, for then it is not the quota that was crossed.
   Each pause that follows a refused probe is at least twice as long as the one before, up to five minutes.
   What one connector is refused for itself (`tailer.core.suspects`) stops nobody.
4. A stop of either kind is never shortened. Refusals that come in while it lasts can only lengthen it.
5. **Probe.** After a stop one request goes out alone. Its answer ends the caution (`succeeded`), its refusal
   begins a new pause, its failure (`failed`, or no word for `_PATIENCE`) lets another probe go. Answers to
   requests that were sent before the end of the stop prove nothing.

`now` is monotonic time in seconds. Between a `wait` that gave 0 and its `spend` nothing else may run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from math import floor
from typing import NamedTuple

from tailer.core.durations import Seconds
from tailer.core.suspects import Suspects

_BUCKETS = 128  # a send blocks its place for less than one in a hundred of the window too long
_SHORT_PAUSE: Seconds = 30.0
_LONG_PAUSE: Seconds = 300.0  # Cloudflare's block after a crossed quota
_LEAST_WAIT: Seconds = 0.001  # shorter ones could be lost in a sum with a large `now`, and never end
_LEAST_PAUSE: Seconds = 1.0  # what a 0 on the wire means, where times have whole seconds
_PATIENCE: Seconds = 60.0  # a probe without any word for so long is lost
_PROBE_POLL: Seconds = 1.0  # how often those behind a probe look up


class RatePolicy(NamedTuple):
    """What one answer's headers tell about the quota; ``None`` where they don't.

    Attributes:
        quota: Requests a window, at least 1.
        window: Length of the window in seconds, above 0.
        remaining: Requests left in the present window, at least 0.
        reset: Seconds until the quota is refilled, at least 0.
    """

    quota: int | None = None
    window: Seconds | None = None
    remaining: int | None = None
    reset: Seconds | None = None


class _Bucket:
    """Sends that are counted and forgotten together."""

    __slots__ = ("count", "first", "last")

    def __init__(self, now: float) -> None:
        self.first = now
        self.last = now
        self.count = 1


class Budget:
    """Keeps one principal within its share; see the rules above.

    Attributes:
        suspects: Who was refused lately.
    """

    def __init__(
        self, *, share: float, reserve: float, quota: int = 1200, window: Seconds = _LONG_PAUSE
    ) -> None:
        """Begin with nothing spent.

        Args:
            share: Part of the quota that we may use, in (0, 1].
            reserve: Part of the quota that we leave to others, in [0, 1).
            quota: Requests a window until the headers tell. Source: Cloudflare's "API rate limits".
            window: Seconds, likewise.
        """
        self.suspects = Suspects()
        self._share = share
        self._reserve = reserve
        self._quota = quota
        self._window = window
        self._buckets: deque[_Bucket] = deque()
        self._spent = 0
        self._remaining: int | None = None
        self._until = float("-inf")  # nothing is sent before
        self._stop: str | None = None  # why; set until a probe has succeeded
        self._pause: Seconds = 0.0  # the last pause, 0 when all has been normal since
        self._probe_at: float | None = None  # when the probe in flight was sent
        self._was_probed = False  # whether a probe was sent since the last pause began

    @property
    def quota(self) -> int:
        """Requests a window that the API allows to all clients together."""
        return self._quota

    @property
    def window(self) -> Seconds:
        """Length of the window."""
        return self._window

    @property
    def allowed(self) -> int:
        """Requests a window that we allow ourselves."""
        return max(1, floor(self._share * self._quota))

    @property
    def rate(self) -> float:
        """Requests a second that our share allows on average."""
        return self.allowed / self._window

    @property
    def remaining(self) -> int | None:
        """What the API last said to be left of the quota, whoever spent the rest; ``None``: not said."""
        return self._remaining

    @property
    def paused_until(self) -> float | None:
        """End of the stop (monotonic), possibly past while its probe is out; ``None`` when all is normal."""
        return self._until if self._stop else None

    @property
    def reason(self) -> str | None:
        """Why nothing but a probe is sent, in words; ``None`` when all is normal."""
        return self._stop

    def allow(self, *, share: float, reserve: float) -> None:
        """Change what we may use of the quota; what was spent stays spent, and a stop in force."""
        self._share = share
        self._reserve = reserve

    def spent(self, now: float) -> int:
        """Count our own requests of the window that ends now."""
        self._forget(now)
        return self._spent

    def wait(self, now: float) -> Seconds:
        """Return how long to wait before asking again; 0 when one request may be sent now."""
        if now < self._until:
            return self._until - now
        if self._stop and self._probe_at is not None and now < self._probe_at + _PATIENCE:
            return _PROBE_POLL
        if self.spent(now) < self.allowed:
            return 0.0
        return max(_LEAST_WAIT, self._buckets[0].last + self._window - now)

    def spend(self, now: float) -> None:
        """Count a request that is sent now."""
        self._spent += 1
        if self._stop:
            self._probe_at = now
            self._was_probed = True
        newest = self._buckets[-1] if self._buckets else None
        if newest is not None and now - newest.first < self._window / _BUCKETS:
            newest.count += 1
            newest.last = now
        else:
            self._buckets.append(_Bucket(now))

    def observe(self, policy: RatePolicy, now: float) -> None:
        """Take over what an answer's headers say, and stop where only the reserve remains (rule 2)."""
        self._quota = policy.quota or self._quota
        self._window = policy.window or self._window
        if policy.remaining is None:
            return
        self._remaining = policy.remaining
        if self._is_at_reserve():
            reset = _SHORT_PAUSE if policy.reset is None else max(policy.reset, _LEAST_PAUSE)
            self._halt(now + reset, "only the reserved part of the quota remains")

    def refuse(
        self, subject: Hashable, retry_after: Seconds | None, sent: float, now: float, *, has_quota: bool
    ) -> bool:
        """Learn of a refusal, and stop unless it is about its subject alone.

        Args:
            subject: What was asked for: a connector, or an account's listing.
            retry_after: Seconds that the API asked for, ``None`` when it did not say.
            sent: When the request was sent.
            now: When the refusal came.
            has_quota: Whether its headers say that more than the reserve remains.

        Returns:
            Whether it is about its subject alone.
        """
        is_own = self.suspects.refused(subject, now, has_quota=has_quota)
        if is_own:
            self.failed(sent)  # if it was the probe, it proved nothing
        else:
            self.pause(retry_after, now)
        return is_own

    def yields(self, *, is_suspect: bool) -> bool:
        """Tell whether a request that may be sent lets others go first: as probes they find out more."""
        return is_suspect and self._stop is not None and self.suspects.is_anyone_else_waiting

    def has_quota(self, policy: RatePolicy | None) -> bool:
        """Tell whether an answer's headers say that more than the reserve remains."""
        if policy is None or policy.remaining is None:
            return False
        return policy.remaining > self._reserve * (policy.quota or self._quota)

    def pause(self, retry_after: Seconds | None, now: float) -> Seconds:
        """Stop after a refusal (rules 3 and 4).

        Args:
            retry_after: Seconds that the API asked for, ``None`` when it did not say.
            now: When the refusal came.

        Returns:
            Seconds from now until the end of the stop.
        """
        seconds = self._untold_pause() if retry_after is None else max(retry_after, _LEAST_PAUSE)
        if self._was_probed or not self._pause:
            seconds = max(seconds, min(2 * self._pause, _LONG_PAUSE))
            self._pause = seconds
            self._was_probed = False
        self._halt(now + seconds, "the API asked to slow down")
        return self._until - now

    def succeeded(self, sent: float) -> bool:
        """Learn that the request sent at `sent` was answered and not refused.

        Returns:
            Whether that ended a stop: from now on requests are sent as usual.
        """
        if not self._stop or sent < self._until:
            return False
        self._stop = None
        self._pause = 0.0
        self._probe_at = None
        return True

    def failed(self, sent: float) -> None:
        """Learn that the request sent at `sent` got no answer: if it was the probe, another may go."""
        if sent == self._probe_at:
            self._probe_at = None

    def _halt(self, until: float, reason: str) -> None:
        """Send nothing before `until`, then one probe; ignored where the stop in force ends later."""
        if until > self._until:
            self._until = until
            self._stop = reason
            self._probe_at = None

    def _untold_pause(self) -> Seconds:
        if self._remaining is None or self._is_at_reserve():
            return min(self._window, _LONG_PAUSE)
        return _SHORT_PAUSE

    def _is_at_reserve(self) -> bool:
        return self._remaining is not None and self._remaining <= self._reserve * self._quota

    def _forget(self, now: float) -> None:
        """Drop the buckets that have left the window."""
        while self._buckets and self._buckets[0].last + self._window <= now:
            self._spent -= self._buckets.popleft().count
