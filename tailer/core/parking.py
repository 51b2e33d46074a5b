"""When to back off, to park a connector, to stop an account: what failed polls ask for.

A connector:

1. A success ends all trouble.
2. What may pass (no answer, a malformed one, 5xx, a plain 400, a rate limit of the whole principal) is tried
   again after the interval and a back-off that doubles up to `FAILURE_CAP`.
3. One that the API does not know (404, code 7003) is parked at once; one that is over a rate limit of its
   own (`tailer.core.suspects`) when that happens for the `LIMITS`-th time without a success in between.
4. A refusal (401, 403) is as 2 until there were `REFUSALS` without a success in between. Then List Connectors
   tells whose refusal it is: the connector's if it was answered, which is parked; the account's if it was
   refused as well. If it gave neither, nobody knows: 2 goes on, and the next refusal asks again.
5. A listing counts if it was asked after the first of those refusals (for a parked one: after its last try).
   So many that are refused at the same time ask for one listing together.
6. A parked one is tried after `PARK_FIRST`, then after twice as long each time, up to `PARK_LONGEST`, less a
   jitter of up to a half, and never more often than others are polled. The beginning is short because a 403
   may be a throttle, which passes. Where many are parked, their tries are spread over the time in which they
   take a small share of the budget: evenly from its beginning, so that the first soon finds a throttle over.
7. One that `GRACE` listings in a row do not have is parked too, though its polls succeed: some APIs answer
   for a connector that they do not know as for one without events. It goes on when a listing has it again.
   Where its polls bring events meanwhile, listings are wrong, and don't count until one has it.

An account:

8. A listing that is refused when 4 asks for it stops the account: nothing of it is read. List Connectors is
   asked again after `STOP_FIRST`, then after twice as long, up to `STOP_LONGEST`; its success ends the stop.
"""

from __future__ import annotations

import math

from tailer.core.backoff import backoff
from tailer.core.durations import Seconds
from tailer.errors import ApiError, AuthError, ConnectorGoneError, RateLimitedError

FAILURE_CAP: Seconds = 300.0
"""Longest back-off between two polls of one connector: a block of the API lasts as long."""

REFUSALS = 3
"""Refusals without a success in between after which List Connectors is asked."""

GRACE = 2
"""Listings without a connector after which it is parked; one may be cut short or come too early."""

LIMITS = 2
"""Refusals for a rate limit of its own; one before them had been taken for the principal's."""

PARK_FIRST: Seconds = 60.0
"""Longest time to the first try of a parked connector."""

PARK_LONGEST: Seconds = 3600.0
"""Longest time between two tries of a parked connector."""

STOP_FIRST: Seconds = 30.0
"""Time to the first try of a stopped account."""

STOP_LONGEST: Seconds = 300.0
"""Longest time between two tries of a stopped account: Cloudflare's own blocks last as long."""


class ConnectorCase:
    """What one connector's polls have come to. All times are monotonic.

    Attributes:
        failures: Failed polls since the last success.
        parked_at: When it was parked; ``None`` while it is not.
        tries: Failed polls since it was parked, the one that parked it included.
        refused_since: From when on a listing counts (rule 5).
        missed: Listings in a row that did not have it; less than 0: they are wrong (rule 7).
    """

    def __init__(self) -> None:
        self.failures = 0
        self.parked_at: float | None = None
        self.tries = 0
        self.refused_since = 0.0
        self.missed = 0.0
        self._refusals = 0
        self._limits = 0

    @property
    def is_parked(self) -> bool:
        """Whether it is read only now and then."""
        return self.parked_at is not None

    @property
    def is_missing(self) -> bool:
        """Whether listings do not have it any more (rule 7)."""
        return self.missed >= GRACE

    def miss(self) -> None:
        """Learn that a listing does not have it."""
        self.missed += 1

    def find(self) -> None:
        """Learn that a listing has it."""
        self.missed = 0

    def bring_events(self) -> None:
        """Learn that a poll brought events: if listings miss it, they are wrong."""
        if self.missed:
            self.missed = -math.inf

    def succeed(self) -> None:
        """Learn that a poll succeeded."""
        self.failures = self.tries = self._refusals = self._limits = 0
        self.parked_at = None

    def fail(
        self, error: ApiError, now: float, *, interval: Seconds, unit: float, spread: Seconds = 0.0
    ) -> Seconds | None:
        """Learn that a poll failed.

        Args:
            error: Why.
            now: When.
            interval: Time between two polls of one connector, seconds.
            unit: A random number in [0, 1).
            spread: Seconds over which the tries of all that are parked are to be spread.

        Returns:
            Seconds until the next try; ``None``: List Connectors decides, see `decide`.
        """
        self.failures += 1
        if isinstance(error, AuthError):
            if not self._refusals and not self.is_parked:
                self.refused_since = now
            self._refusals += 1
            if self.is_parked or self._refusals >= REFUSALS:
                return None
        elif isinstance(error, RateLimitedError):
            self._limits += error.is_own
        if self.is_parked or isinstance(error, ConnectorGoneError) or self._limits >= LIMITS:
            return self._park(now, interval, unit, spread)
        return self._back_off(interval, unit)

    def decide(
        self, *, is_listed: bool, now: float, interval: Seconds, unit: float, spread: Seconds = 0.0
    ) -> Seconds:
        """Learn what List Connectors said about the refusals (rule 4), unless it was refused too.

        Args:
            is_listed: Whether it was answered; else nobody knows.
            now: When.
            interval: Time between two polls of one connector, seconds.
            unit: A random number in [0, 1).
            spread: Seconds over which the tries of all that are parked are to be spread.

        Returns:
            Seconds until the next try.
        """
        if is_listed or self.is_parked:
            return self._park(now, interval, unit, spread)
        return self._back_off(interval, unit)

    def forgive(self) -> None:
        """Forget the refusals: they were meant for credentials that are no longer used."""
        self._refusals = 0

    def _back_off(self, interval: Seconds, unit: float) -> Seconds:
        return interval + backoff(self.failures, interval, max(interval, FAILURE_CAP), unit)

    def _park(self, now: float, interval: Seconds, unit: float, spread: Seconds) -> Seconds:
        if self.parked_at is None:
            self.parked_at = now
        self.tries += 1
        self.refused_since = now
        own = _doubled(PARK_FIRST, self.tries, PARK_LONGEST) * (1 - unit / 2)
        return max(interval, own, spread * unit)


class AccountCase:
    """What one account's listings have come to. All times are monotonic.

    Attributes:
        error: Why the account is stopped; ``None`` while it is not.
        stopped_at: Since when.
        tries: Listings that failed since then, the one that stopped it included.
        refusal: Why the last listing was refused; ``None``: it was not.
    """

    def __init__(self) -> None:
        self.error: ApiError | None = None
        self.stopped_at = 0.0
        self.tries = 0
        self.refusal: AuthError | None = None
        self._asked_at = float("-inf")

    @property
    def is_stopped(self) -> bool:
        """Whether none of its connectors is read."""
        return self.error is not None

    def listed(self, asked_at: float) -> None:
        """Learn that a listing asked at `asked_at` was answered; that ends a stop."""
        self._asked_at, self.refusal = asked_at, None
        self.error, self.tries = None, 0

    def refused(self, asked_at: float, error: AuthError) -> None:
        """Learn that a listing asked at `asked_at` was refused; by itself that stops nothing."""
        self._asked_at, self.refusal = asked_at, error

    def knows(self, since: float) -> bool:
        """Tell whether `refusal` explains refusals since `since` (rule 5); else a listing has to."""
        return self._asked_at >= since

    def stop(self, error: ApiError, now: float) -> Seconds:
        """Stop the account, or learn that it has to stay stopped; return the seconds until the next try."""
        if self.error is None:
            self.stopped_at = now
        self.error = error
        self.tries += 1
        return _doubled(STOP_FIRST, self.tries, STOP_LONGEST)


def _doubled(first: Seconds, number: int, longest: Seconds) -> Seconds:
    """Give a duration that doubles with each number from 1 on."""
    return min(longest, first * 2.0 ** min(number - 1, 32))
