"""The account of one principal's requests: admits them, and learns from what comes back.

The budget and API time are pure values of `core`; here they meet the clock, the headers and the observer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field

from tailer.api.gate import Gate
from tailer.api.headers import Headers, rate_policy
from tailer.clock import Clock
from tailer.core.apitime import ApiTime
from tailer.core.durations import Seconds
from tailer.core.httpdates import parse_date
from tailer.core.purpose import Purpose
from tailer.errors import RateLimitedError
from tailer.observe import ClockStepped, Observer, PrincipalPaused, PrincipalResumed

_MALFORMED_RETRY_AFTER: Seconds = 300.0
"""What a ``Retry-After`` beyond belief is taken for: Cloudflare's longest block."""


@dataclass
class ClientCounters:
    """What a client has done since it was made.

    Attributes:
        requests: Requests sent, retries included.
        purposes: The same by what they were sent for.
        retries: Requests sent again.
        throttled: Answers with 429 or code 971.
        body_bytes: Bytes of all bodies, uncompressed.
    """

    requests: int = 0
    purposes: Counter[Purpose] = field(default_factory=Counter)
    retries: int = 0
    throttled: int = 0
    body_bytes: int = 0

    def count(self, purpose: Purpose) -> None:
        """Count a request that is sent."""
        self.requests += 1
        self.purposes[purpose] += 1


class Ledger:
    """Keeps one principal's budget, API time and counters up to date."""

    def __init__(
        self, principal: str, gate: Gate, api_time: ApiTime, clock: Clock, observer: Observer
    ) -> None:
        """Begin; `gate` and `api_time` are shared with whoever plans the principal's requests."""
        self.budget = gate.budget
        self.api_time = api_time
        self.counters = ClientCounters()
        self._principal = principal
        self._gate = gate
        self._clock = clock
        self._observer = observer

    async def admit(self, subject: Hashable, purpose: Purpose, until: float) -> float:
        """Wait until the budget has room for a request about `subject`; return the monotonic time of it.

        Raises:
            UnsentError: It had none by `until` (monotonic).
        """
        sent = await self._gate.enter(subject, purpose, self._clock, until)
        self.counters.count(purpose)
        return sent

    def lose(self, sent: float) -> None:
        """Learn that the request admitted at `sent` got no whole answer, or was given up."""
        self.budget.failed(sent, self._clock.monotonic())
        self._gate.stir(self._clock)

    def learn_time(self, status: int, headers: Headers, sent: float, received: float) -> None:
        """Learn the time from an answer's headers, read at `received` (monotonic)."""
        if status >= 500:  # such answers are often made on the way, by something with a clock of its own
            return
        date = parse_date(headers.get("Date"))
        step = None if date is None else self.api_time.observe(date, sent, received)
        if step is not None:
            self._observer(ClockStepped(self._principal, step))

    def settle(
        self, subject: Hashable, headers: Headers, sent: float, refused: RateLimitedError | None
    ) -> None:
        """Learn what an answer means for the budget.

        Args:
            subject: What was asked for.
            headers: Of the answer.
            sent: When its request was admitted.
            refused: The answer, if it asked us to slow down; learns here whether only `subject` is meant.
        """
        now = self._clock.monotonic()
        was_stopped = self._stopped_for(now) > 0
        policy = rate_policy(headers)
        self.budget.observe(sent, policy, now)
        if refused is not None:
            self.counters.throttled += 1
            is_malformed = refused.retry_after is None and "Retry-After" in headers
            retry_after = _MALFORMED_RETRY_AFTER if is_malformed else refused.retry_after
            has_quota = self.budget.has_quota(policy)
            refused.is_own = self.budget.refuse(subject, retry_after, sent, now, has_quota=has_quota)
        else:
            self.budget.suspects.answered(subject, sent)
            if self.budget.succeeded(sent):
                self._observer(PrincipalResumed(self._principal))
        if self._stopped_for(now) > 0 and not was_stopped:
            self._observer(PrincipalPaused(self._principal, self._stopped_for(now), self.budget.reason or ""))
        self._gate.stir(self._clock)

    def _stopped_for(self, now: float) -> Seconds:
        """Tell how long nothing is sent."""
        return max(0.0, (self.budget.paused_until or now) - now)
