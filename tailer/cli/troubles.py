"""What keeps a run from reading or writing at present, told from its reports: one line for people.

1. The worst comes first: a pause of the budget, a stopped account, an API that can't be asked at all, a sink,
   then connectors that fail, then parked ones.
2. Connectors are one line together, however many fail, and so are the parked ones.
3. A trouble that no report ends (a listing, a retried request) ends when its next try should have been made.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias

from tailer.core.durations import format_duration
from tailer.observe import (
    AccountResumed,
    AccountStopped,
    ConnectorParked,
    ConnectorResumed,
    ListingFailed,
    PollFailed,
    PollRecovered,
    PrincipalPaused,
    PrincipalResumed,
    Report,
    RequestRetried,
    SinkFailed,
    SinkRecovered,
)

GRACE = 2.0
"""Seconds that a try may take before its trouble counts as over (rule 3)."""


Family: TypeAlias = Literal["pause", "account", "listing", "sink", "connectors", "parked", "retry"]

_TOGETHER: dict[Family, str] = {"connectors": "can't be read", "parked": "are parked"}


class Trouble(NamedTuple):
    """One thing that is not going well.

    Attributes:
        family: What sort it is.
        next_at: Monotonic time at which it is tried again; infinite: never.
        subject: What has it, in words: "gw-1 can't be read".
        reason: Why.
    """

    family: Family
    next_at: float
    subject: str
    reason: str


class Troubles:
    """The present troubles of a run. Times are monotonic."""

    def __init__(self) -> None:
        self._pauses: dict[str, Trouble] = {}
        self._listings: dict[str, Trouble] = {}
        self._sinks: dict[str, Trouble] = {}
        self._accounts: dict[str, Trouble] = {}
        self._connectors: dict[str, Trouble] = {}
        self._parked: dict[str, Trouble] = {}
        self._retry: Trouble | None = None

    def note(self, report: Report, now: float) -> None:
        """Learn from a report what began or ended."""
        match report:
            case PrincipalPaused(principal=name, delay=delay, reason=reason):
                subject = "paused by the API's rate limit"
                self._pauses[name] = Trouble("pause", now + delay, subject, reason)
            case PrincipalResumed(principal=name):
                self._pauses.pop(name, None)
            case ListingFailed(account=name, delay=delay, reason=reason):
                subject = "the connectors can't be listed"
                self._listings[name] = Trouble("listing", now + delay, subject, reason)
            case AccountStopped(account=name, delay=seconds, reason=reason):
                next_at = math.inf if seconds is None else now + seconds
                self._accounts[name] = Trouble("account", next_at, f"account {name} is stopped", reason)
            case AccountResumed(account=name):
                self._accounts.pop(name, None)
            case SinkFailed(sink=name, delay=delay, reason=reason):
                self._sinks[name] = Trouble("sink", now + delay, f"sink {name} takes nothing", reason)
            case SinkRecovered(sink=name):
                self._sinks.pop(name, None)
            case RequestRetried(delay=delay, reason=reason):
                self._retry = Trouble("retry", now + delay, "a request failed", reason)
            case _:
                self._note_connector(report, now)

    def worst(self, now: float) -> Trouble | None:
        """Give what people should know first, ``None`` when all is well."""
        listings = [one for one in self._listings.values() if now <= one.next_at + GRACE]
        retries = [self._retry] if self._retry is not None and now <= self._retry.next_at else []
        for family in (
            self._pauses.values(),
            self._accounts.values(),
            listings,
            self._sinks.values(),
            self._connectors.values(),
            self._parked.values(),
            retries,
        ):
            if family:
                soonest = min(family, key=lambda trouble: trouble.next_at)
                together = _TOGETHER.get(soonest.family)
                if together is not None and len(family) > 1:
                    return soonest._replace(subject=f"{len(family)} connectors {together}")
                return soonest
        return None

    def _note_connector(self, report: Report, now: float) -> None:
        match report:
            case PollFailed(connector=connector, name=name, delay=delay, reason=reason):
                subject = f"{name} can't be read"
                self._connectors[connector] = Trouble("connectors", now + delay, subject, reason)
            case ConnectorParked(connector=connector, name=name, delay=delay, reason=reason):
                self._connectors.pop(connector, None)
                self._parked[connector] = Trouble("parked", now + delay, f"{name} is parked", reason)
            case PollRecovered(connector=connector) | ConnectorResumed(connector=connector):
                self._connectors.pop(connector, None)
                self._parked.pop(connector, None)
            case _:
                pass


def describe(trouble: Trouble, now: float) -> str:
    """Write a trouble as one line that counts down."""
    if math.isinf(trouble.next_at):
        return f"{trouble.subject}: {trouble.reason}"
    left = math.ceil(trouble.next_at - now)
    if trouble.family == "pause" and left > 0:
        return f"{trouble.subject}, {format_duration(left)} left"
    again = f"next try in {format_duration(left)}" if left > 0 else "trying again"
    return f"{trouble.subject}, {again}: {trouble.reason}"
