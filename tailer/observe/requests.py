"""What befell requests: those sent again, the budget they are paid from, the clock their answers tell."""

from __future__ import annotations

from tailer.core.durations import Seconds, format_duration
from tailer.observe.report import Report


class RequestRetried(Report, frozen=True):
    """A request failed and is sent again shortly.

    Attributes:
        attempt: Number of the attempt that failed, from 1.
        delay: Seconds until the next one.
        reason: Message of the failure.
    """

    attempt: int
    delay: Seconds
    reason: str

    def __str__(self) -> str:
        return f"Attempt {self.attempt} failed, the next follows in {self.delay:.1f}s: {self.reason}"


class PrincipalPaused(Report, frozen=True):
    """No request of a principal goes out for a while; then one probe.

    Attributes:
        principal: Name of the principal.
        delay: Seconds from now.
        reason: Why, in words.
    """

    principal: str
    delay: Seconds
    reason: str

    def __str__(self) -> str:
        delay = format_duration(round(self.delay))
        return f"Principal {self.principal!r} is paused for {delay}: {self.reason}"


class PrincipalResumed(Report, frozen=True):
    """The probe after a pause was answered: requests of the principal go out as usual."""

    principal: str

    def __str__(self) -> str:
        return f"Principal {self.principal!r} is no longer paused"


class IntervalStretched(Report, frozen=True):
    """The budget does not hold a poll of every connector at the shortest interval, or again does.

    Attributes:
        principal: Whose budget.
        connectors: How many share it.
        shortest: Shortest time between two polls of one connector, seconds.
        longest: Longest from now on; the same as `shortest` when all are polled alike.
    """

    principal: str
    connectors: int
    shortest: Seconds
    longest: Seconds

    def __str__(self) -> str:
        shortest, longest = (format_duration(round(one, 1)) for one in (self.shortest, self.longest))
        if self.longest <= self.shortest:
            return f"The budget of {self.principal!r} again holds a poll of everyone every {shortest}"
        return (
            f"The budget of {self.principal!r} does not hold a poll of its {self.connectors} connectors "
            f"every {shortest}: those that report most are polled most often, and nobody less often than "
            f"every {longest}"
        )


class ClockStepped(Report, frozen=True):
    """Our idea of API time was off by more than the ``Date`` header's resolution, and was corrected.

    Attributes:
        principal: Whose answer told.
        step: Seconds; positive: API time is later than we thought.
    """

    principal: str
    step: Seconds

    def __str__(self) -> str:
        direction = "ahead of" if self.step > 0 else "behind"
        return (
            f"The API's clock is {format_duration(round(abs(self.step)))} {direction} what we took it for "
            f"(principal {self.principal!r}); times follow the API, check this machine's clock"
        )
