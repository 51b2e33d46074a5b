"""The request budget of one principal: decides when its next request may go out.

Cloudflare counts the requests of a user or token, over all clients: 1200 in five minutes unless the headers
say otherwise. Crossing that blocks every call of that user, the dashboard included, for five minutes. So:

1. **Share.** In any window of the quota's length at most floor(share * quota) requests are sent (but one,
   where that is none).
2. **Reserve.** When an answer says that no more than reserve * quota remains, whoever spent it, nothing is
   sent until the reset that it names. What is under way counts as spent (`tailer.core.flight`): a request
   goes out only if what is left at least is more than the reserve; otherwise an answer is awaited. So as
   long as the headers are true, and others spend less than the reserve between the answer that is known when
   a request is sent and the request's arrival, the quota is not crossed.
3. **In the dark.** As long as nobody has told what remains, no more requests are under way than the allowed
   rate needs when each takes `_ANSWER`, one at least: a block that is in force is met by one request, not by
   a herd. A request that is under way for `_PROMPT` leaves its place to another: refusals come at once.
4. **Pause.** After a refusal (429, code 971) nothing is sent for at least ``Retry-After``. Where the API does
   not say: a whole window, at most five minutes, if the remaining quota is at the reserve or unknown, for
   that is how long Cloudflare blocks; else `_SHORT_PAUSE`, for then it is not the quota that was crossed.
   Each pause that follows a refused probe is at least twice as long as the one before, up to five minutes.
   What one connector is refused for itself (`tailer.core.suspects`) stops nobody.
5. A stop of either kind is never shortened. Refusals that come in while it lasts can only lengthen it. What
   is under way when a block begins can't be called back: a crossing is met by as many refusals as that is,
   which by rule 3 is about one where the headers say nothing, and any number where they say what is not true.
   Of the requests that would follow the first refusal's arrival none is sent; from then on it is one a pause.
6. **Probe.** After a stop one request goes out alone. Its answer ends the caution (`succeeded`), its refusal
   begins a new pause, whatever its headers say, its failure (`failed`, or no word for `_PATIENCE`) lets
   another probe go. Answers to requests that were sent before the end of the stop prove nothing.
7. **Gently up.** After a pause one request is under way at a time (but for rule 3's slow ones), for a whole
   window; then two for another, four, and so on: whatever the headers said, they did not tell of the refusal.
8. **Purposes.** Who waits goes by `tailer.core.precedence`. Live requests are smooth, the others come in
   bursts that would leave nothing of the share to the live ones: together they are sent only what the polls
   that are planned leave of a window, and each its own share (`SHARES`) of it in any case. As long as
   revisits want to go and have some of theirs left, one request is kept from everybody else for them.
9. **Address.** All principals of a process together send at most `_ADDRESS_RATE` requests a second.

`now` is monotonic time in seconds. Between a `wait` that gave 0 and its `spend` nothing else may run.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import floor, inf
from typing import NamedTuple

from tailer.core.durations import Seconds
from tailer.core.flight import Flight
from tailer.core.precedence import SHARES
from tailer.core.purpose import Purpose
from tailer.core.spending import UNKNOWN, Spending, SpendingRecord
from tailer.core.suspects import Suspects

_SHORT_PAUSE: Seconds = 30.0
_LONG_PAUSE: Seconds = 300.0  # Cloudflare's block after a crossed quota
_LEAST_WAIT: Seconds = 0.001  # shorter ones could be lost in a sum with a large `now`, and never end
_LEAST_PAUSE: Seconds = 1.0  # what a 0 on the wire means, where times have whole seconds
_PATIENCE: Seconds = 60.0  # a probe without any word for so long is lost
_ANSWER: Seconds = 0.25  # what an answer takes, about
_PROMPT: Seconds = 2.0  # whoever has no answer yet is being served, not refused
_ADDRESS_RATE = 200  # requests a second of one address, whoever sends them; Cloudflare's "API rate limits"
_MAX_STOP: Seconds = 3600.0  # no stop of before a restart is believed to last longer: clocks step
_FULL_SPEED = 6  # windows after a pause until nothing is held back: 64 under way are more than anybody sends


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


class Budget:
    """Keeps one principal within its share; see the rules above.

    Attributes:
        suspects: Who was refused lately.
        planned: Live requests a second that are planned; what is sent for other purposes leaves them room.
        revisits: Reads of the past that want to go, or are under way (`tailer.core.revisits`).
    """

    def __init__(
        self,
        *,
        share: float,
        reserve: float,
        quota: int = 1200,
        window: Seconds = _LONG_PAUSE,
        address: Spending | None = None,
    ) -> None:
        """Begin with nothing spent.

        Args:
            share: Part of the quota that we may use, in (0, 1].
            reserve: Part of the quota that we leave to others, in [0, 1).
            quota: Requests a window until the headers tell. Source: Cloudflare's "API rate limits".
            window: Seconds, likewise.
            address: What all principals have sent in the last second, shared by them; ``None``: it is not
                counted.
        """
        self.suspects = Suspects()
        self.planned = 0.0
        self.revisits = 0
        self._share = share
        self._reserve = reserve
        self._quota = quota
        self._spending = Spending(window)
        self._address = address
        self._flight = Flight()
        self._remaining: int | None = None
        self._foreign: int | None = None
        self._foreign_at = -inf
        self._refill_at = -inf  # when enough is left again, by the answer that told last
        self._until = -inf  # nothing is sent before
        self._stop: str | None = None  # why; set until a probe has succeeded
        self._pause: Seconds = 0.0  # the last pause, 0 when all has been normal since
        self._probe_at: float | None = None  # when the probe in flight was sent
        self._was_probed = False  # whether a probe was sent since the last pause began
        self._resumed_at: float | None = None  # rule 7: when the last pause was over

    @property
    def quota(self) -> int:
        """Requests a window that the API allows to all clients together."""
        return self._quota

    @property
    def window(self) -> Seconds:
        """Length of the window."""
        return self._spending.window

    @property
    def allowed(self) -> int:
        """Requests a window that we allow ourselves."""
        return max(1, floor(self._share * self._quota))

    @property
    def rate(self) -> float:
        """Requests a second that our share allows on average."""
        return self.allowed / self.window

    @property
    def remaining(self) -> int | None:
        """What the API last said to be left of the quota, whoever spent the rest; ``None``: not said."""
        return self._remaining

    @property
    def foreign(self) -> int | None:
        """What others have spent of the quota, as far as the headers show it; ``None``: not said."""
        return self._foreign

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
        return self._spending.total(now)

    def spent_on(self, purpose: Purpose, now: float) -> int:
        """Count those of them that were sent for one purpose."""
        return self._spending.of(purpose, now)

    def may_go(self, purpose: Purpose, now: float, more: int = 0) -> bool:
        """Tell whether a purpose has something left to spend (rule 8).

        Args:
            purpose: Which.
            now: Monotonic time.
            more: Requests for it that are about to be sent before.
        """
        if purpose != Purpose.REVISIT and self._is_kept(now):
            return False
        if purpose == Purpose.LIVE or not self.planned:
            return True
        unused = {other: self._share_of(other) - self.spent_on(other, now) for other in SHARES}
        unused[purpose] -= more
        if unused[purpose] > 0:
            return True
        kept = sum(max(0.0, count) for count in unused.values()) + self.planned * self.window
        return self.spent(now) + more - self.spent_on(Purpose.LIVE, now) + kept < self.allowed

    def affords(self, purpose: Purpose, now: float, more: int = 0) -> bool:
        """Tell whether share and purpose leave room for a request, apart from stops and from what hurries."""
        return self.spent(now) + more < self.allowed and self.may_go(purpose, now, more)

    def room_at(self, purpose: Purpose, more: int, now: float) -> float:
        """Tell when there may be room for a request, `now` where there is: until then asking is in vain.

        Args:
            purpose: What for.
            more: Requests for it that are about to be sent before.
            now: Monotonic time.

        Returns:
            Monotonic time; infinite when only the end of a request can make room.
        """
        if self._stop:
            return self._until if now < self._until else inf
        if self.affords(purpose, now, more):
            return now
        return now + max(_LEAST_WAIT, self._spending.frees_in(now))

    def _is_kept(self, now: float) -> bool:
        """Tell whether what is left is kept for revisits; of a single request a window nothing can be."""
        return (
            self.revisits > 0
            and self.allowed > 1
            and self.spent(now) == self.allowed - 1
            and self.spent_on(Purpose.REVISIT, now) < self._share_of(Purpose.REVISIT)
        )

    def _share_of(self, purpose: Purpose) -> float:
        return max(1.0, SHARES[purpose] * self.allowed)

    def taken_from_polls(self, now: float) -> float:
        """Tell which part of the share other purposes take of their own shares; polls can't plan with it."""
        return sum(
            min(SHARES[other] * self.allowed, self.spent_on(other, now)) / self.allowed for other in SHARES
        )

    def wait(self, now: float, purpose: Purpose = Purpose.LIVE) -> Seconds:
        """Return how long to wait before asking again; 0 when one request may be sent now.

        Whenever a request that was under way has ended, asking again may be worth while before that;
        infinite: then only.
        """
        if now < self._until:
            return self._until - now
        if self._stop and self._probe_at is not None and now < self._probe_at + _PATIENCE:
            return inf
        delay = self._wait_for_flight(now)
        if delay > 0:
            return delay
        if self._address is not None and self._address.total(now) >= _ADDRESS_RATE:
            return max(_LEAST_WAIT, self._address.frees_in(now))
        if self.affords(purpose, now):
            return 0.0
        return max(_LEAST_WAIT, self._spending.frees_in(now))

    def spend(self, now: float, purpose: Purpose = Purpose.LIVE) -> None:
        """Count a request that is sent now."""
        if self._stop:
            self._probe_at = now
            self._was_probed = True
        self._spending.add(now, purpose)
        if self._address is not None:
            self._address.add(now, purpose)
        self._flight.depart(now)

    def observe(self, sent: float, policy: RatePolicy | None, now: float) -> None:
        """Learn that a request was answered, and stop where only the reserve remains (rule 2).

        Args:
            sent: When it was sent.
            policy: What its answer's headers say, ``None`` when they say nothing.
            now: When the answer came.
        """
        self._flight.land(sent, policy and policy.remaining, now)
        if policy is None:
            return
        self._quota = policy.quota or self._quota
        self._spending.window = policy.window or self.window
        if policy.remaining is None:
            return
        self._remaining = policy.remaining
        if now - self._foreign_at >= 1.0:
            self._infer_foreign(policy.remaining, policy.reset, now)
        self._refill_at = self._refilled_at(_SHORT_PAUSE if policy.reset is None else policy.reset, now)
        if self._is_at_reserve():
            self._halt(self._refill_at, "only the reserved part of the quota remains")

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
        # In a stop no header is believed: a block refuses suspects as well, and each would cost a probe.
        is_own = self.suspects.refused(subject, now, has_quota=has_quota and self._stop is None)
        if is_own:
            self._miss(sent)  # if it was the probe, it proved nothing
        else:
            self.pause(retry_after, now)
        return is_own

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
        if self._pause:
            self._resumed_at = sent
        self._stop = None
        self._pause = 0.0
        self._probe_at = None
        return True

    def failed(self, sent: float, now: float) -> None:
        """Learn that the request sent at `sent` got no answer: if it was the probe, another may go."""
        self._flight.land(sent, None, now)
        self._refill_at = max(self._refill_at, self._refilled_at(0.0, now))
        self._miss(sent)

    def _miss(self, sent: float) -> None:
        if sent == self._probe_at:
            self._probe_at = None

    def record(self, now: float, wall: float, *, is_closed: bool) -> SpendingRecord:
        """Tell what has to be known after a restart.

        Args:
            now: Monotonic time.
            wall: The same moment, epoch seconds.
            is_closed: Nothing more will be sent.
        """
        self.spent(now)
        return SpendingRecord(
            at=wall,
            quota=self._quota,
            window=self.window,
            sends=self._spending.sends(wall - now),
            stopped_until=self._until + wall - now if self._stop else None,
            reason=self._stop,
            is_closed=is_closed,
            assumed=self._spending.assumed(),
        )

    def restore(self, record: SpendingRecord, now: float, wall: float) -> None:
        """Begin with what an earlier process has spent; see `tailer.core.spending`. Before anything is sent.

        Args:
            record: Its last.
            now: Monotonic time.
            wall: The same moment, epoch seconds.
        """
        self._quota, self._spending.window = record.quota, record.window

        def local(at: float) -> float:
            return now - max(0.0, wall - at)

        for at, counts, assumed in record.buckets():
            for purpose, count in zip(Purpose, counts, strict=False):
                known = count - assumed if purpose == Purpose.LIVE else count
                if known > 0:
                    self._spending.add(local(at), purpose, known)
            if assumed > 0:
                self._spending.assume(local(at), assumed)
        unknown = min(record.unknown(self.rate, wall), self.allowed - self._spending.total(local(record.at)))
        if unknown > 0:
            self._spending.assume(local(record.at + UNKNOWN), unknown)
        if record.reason is not None and record.stopped_until is not None and record.stopped_until > wall:
            self._halt(now + min(record.stopped_until - wall, _MAX_STOP), record.reason)

    def _infer_foreign(self, remaining: int, reset: Seconds | None, now: float) -> None:
        """Infer what others have spent: what is gone from the quota and was not sent by us.

        The window of the quota ends with the reset, whether it slides or not; times are whole seconds.
        """
        begin = -inf if reset is None else now + reset - self.window - 1.0
        self.spent(now)
        self._foreign = max(0, self._quota - remaining - self._spending.since(begin))
        self._foreign_at = now

    def _wait_for_flight(self, now: float) -> Seconds:
        """Wait for answers, or for their lack to mean nothing (rules 2, 3 and 7)."""
        flight, limit = self._flight, inf
        if now >= flight.told_at + self.window:
            flight.forget()
        left = flight.left
        if left is None:
            limit = max(1, floor(self.rate * _ANSWER))
        if self._resumed_at is not None:
            windows = (now - self._resumed_at) // self.window
            if windows < _FULL_SPEED:
                limit = min(limit, 2**windows)
            else:
                self._resumed_at = None
        if flight.count >= limit and (delay := flight.has_room(int(limit), now - _PROMPT)):
            return max(_LEAST_WAIT, delay)
        if left is None or left > self._reserve * self._quota:
            return 0.0
        return self._refill_at - now if now < self._refill_at else flight.has_room(1, now - _PROMPT)

    def _refilled_at(self, reset: Seconds, now: float) -> float:
        """Tell when one request may go again although all but the reserve was spent.

        Nobody tells whether the reset brings back the whole quota or, where the window slides, one request.
        Where more than one is missing, our own sends have to leave the window first, or all that is in it;
        they came into it some time after they were sent.
        """
        at = now + max(reset, _LEAST_PAUSE)
        left = self._flight.left
        missing = 0 if left is None else floor(self._reserve * self._quota) + 1 - left
        if missing <= 1:
            return at
        return max(at, min(now + self.window, self._spending.freed_at(missing) + _PROMPT))

    def _halt(self, until: float, reason: str) -> None:
        """Send nothing before `until`, then one probe; ignored where the stop in force ends later."""
        if until > self._until:
            self._until = until
            self._stop = reason
            self._probe_at = None

    def _untold_pause(self) -> Seconds:
        if self._remaining is None or self._is_at_reserve():
            return min(self.window, _LONG_PAUSE)
        return _SHORT_PAUSE

    def _is_at_reserve(self) -> bool:
        return self._remaining is not None and self._remaining <= self._reserve * self._quota
