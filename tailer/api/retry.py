"""The one layer that sends a request again: at most `MAX_ATTEMPTS` within `MAX_DURATION`.

Anything longer leaves the room as an error, and the agenda decides when that connector is due again. Only
what passes by itself is tried again, unless ``x-should-retry`` says otherwise; never a refusal, and never a
rate limit, which pauses the whole principal. ``Retry-After`` is a floor: where it does not fit, we give up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from tailer.clock import Clock
from tailer.core.backoff import backoff
from tailer.core.durations import Seconds
from tailer.errors import ServerError, TransportError

MAX_ATTEMPTS = 3
"""As Cloudflare's SDKs: a first attempt and two more."""

MAX_DURATION: Seconds = 10.0
"""From the first attempt to the start of the last. A poll that takes longer holds up its connector's next."""

_FIRST: Seconds = 1.0  # the SDKs begin with half a second; jitter halves this one on average
_CAP: Seconds = 4.0
_PASSING_STATUSES = frozenset({408, 425})

_Result = TypeVar("_Result")

Told: TypeAlias = Callable[[int, Seconds, str], None]
"""Gets the number of the attempt that failed, the delay before the next, and the failure's message."""


def is_passing(error: BaseException) -> bool:
    """Tell whether the same request may well succeed in a moment."""
    if isinstance(error, ServerError):
        if error.should_retry is not None:
            return error.should_retry
        status = error.status or 0
        return not 300 <= status < 500 or status in _PASSING_STATUSES
    return isinstance(error, TransportError)


async def persist(
    attempt: Callable[[], Awaitable[_Result]], clock: Clock, random: Callable[[], float], told: Told
) -> _Result:
    """Return what `attempt` returns, trying again where that may help; see the module for when.

    Args:
        attempt: Sends one request; called up to `MAX_ATTEMPTS` times.
        clock: Times the whole and sleeps in between.
        random: Gives numbers in [0, 1), for the jitter.
        told: Called before each sleep.

    Raises:
        ApiError: What the last attempt raised.
    """
    began = clock.monotonic()
    try:
        # Nearly every request succeeds at once, and tenacity costs 30 us: as much as all else of ours.
        return await attempt()
    except (ServerError, TransportError) as error:
        if not is_passing(error):
            raise
        first: Exception | None = error

    async def again() -> _Result:
        """Be the first attempt, whose outcome is known, and then the next ones."""
        nonlocal first
        if first is not None:
            failure, first = first, None
            raise failure
        return await attempt()

    def stop(state: RetryCallState) -> bool:
        spent = clock.monotonic() - began
        return state.attempt_number >= MAX_ATTEMPTS or spent + state.upcoming_sleep > MAX_DURATION

    def wait(state: RetryCallState) -> Seconds:
        failure = _failure(state)
        asked = failure.retry_after if isinstance(failure, ServerError) else None
        return (asked or 0.0) + backoff(state.attempt_number, _FIRST, _CAP, random())

    def before_sleep(state: RetryCallState) -> None:
        told(state.attempt_number, state.upcoming_sleep, str(_failure(state)))

    retrying = AsyncRetrying(
        sleep=clock.sleep,
        stop=stop,
        wait=wait,
        retry=retry_if_exception(is_passing),
        before_sleep=before_sleep,
        reraise=True,
    )
    return await retrying(again)


def _failure(state: RetryCallState) -> BaseException | None:
    """Return why tenacity asks; it asks only after a failure."""
    return state.outcome.exception() if state.outcome else None
