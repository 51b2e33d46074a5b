"""What happened, as data: reports that the house makes, and whoever is interested turns into words.

A report is a frozen struct named ``<Noun><PastVerb>``; ``str`` of it is one sentence for an operator. It
holds no credential and no payload. An observer is called on the event loop and must neither block nor raise.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec

from tailer.core.durations import Seconds, format_duration


class Report(msgspec.Struct, frozen=True):
    """Root of all reports."""


Observer: TypeAlias = Callable[[Report], None]
"""Takes every report, in the order in which things happened."""


def ignore(_report: Report) -> None:
    """Be told, and do nothing: the observer of those who don't observe."""


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


class ConnectorFound(Report, frozen=True):
    """A connector is read from now on."""

    account: str
    connector: str
    name: str
    origin: float

    def __str__(self) -> str:
        return f"Connector {self.name} ({self.connector}) is read from {_iso(self.origin)} on"


class PollFailed(Report, frozen=True):
    """A poll of one connector ended without reading its window whole.

    Attributes:
        connector: Its id.
        name: What people call it.
        failures: Failed polls in a row.
        delay: Seconds until the next try.
        reason: Message of the failure.
    """

    connector: str
    name: str
    failures: int
    delay: Seconds
    reason: str

    def __str__(self) -> str:
        return (
            f"Connector {self.name} ({self.connector}) was not read, next try in {self.delay:.0f}s "
            f"({self.failures} in a row): {self.reason}"
        )


class PollRecovered(Report, frozen=True):
    """The first good poll of a connector after failures."""

    connector: str
    name: str
    failures: int

    def __str__(self) -> str:
        return f"Connector {self.name} ({self.connector}) is read again after {self.failures} failed polls"


class ConnectorParked(Report, frozen=True):
    """The API refuses one connector for itself, so it is tried only now and then; others are read as usual.

    Attributes:
        connector: Its id.
        name: What people call it.
        tries: Failed tries since it was parked: 1 when it is.
        delay: Seconds until the next one.
        reason: Message of the refusal: what Cloudflare said, and what to check.
    """

    connector: str
    name: str
    tries: int
    delay: Seconds
    reason: str

    def __str__(self) -> str:
        state = "is parked" if self.tries == 1 else f"is still parked after {self.tries} tries"
        return (
            f"Connector {self.name} ({self.connector}) {state}, the others are read on; next try in "
            f"{format_duration(round(self.delay))}: {self.reason}"
        )


class ConnectorResumed(Report, frozen=True):
    """A parked connector is read again, from where reading had ended.

    Attributes:
        connector: Its id.
        name: What people call it.
        parked: Seconds for which it was parked.
    """

    connector: str
    name: str
    parked: Seconds

    def __str__(self) -> str:
        parked = format_duration(round(self.parked))
        return (
            f"Connector {self.name} ({self.connector}) is read again after it was parked for {parked}; "
            "what it missed meanwhile is caught up on"
        )


class AccountStopped(Report, frozen=True):
    """An account can't be read: its credentials are refused, or it could not be listed at the start.

    Attributes:
        account: Its id.
        connectors: How many of its connectors are known.
        token: Where the refused credentials came from: ``variable X`` or ``file /run/...``; ``None``: they
            are not the reason.
        tries: Failed listings since it was stopped: 1 when it is.
        delay: Seconds until List Connectors is asked again; ``None``: not in this run, which ends by itself.
        reason: Message of the refusal.
    """

    account: str
    connectors: int
    token: str | None
    tries: int
    delay: Seconds | None
    reason: str

    def __str__(self) -> str:
        state = "is stopped" if self.tries == 1 else f"is still stopped after {self.tries} tries"
        again = "" if self.delay is None else f", next try in {format_duration(round(self.delay))}"
        known = f"none of its {self.connectors} connectors" if self.connectors else "nothing of it"
        return f"Account {self.account} {state}, {known} is read{again}{self._remedy}: {self.reason}"

    @property
    def _remedy(self) -> str:
        if self.token is None or self.delay is None:
            return ""
        if self.token.startswith("file "):
            return f"; a valid token in {self.token} is noticed and used at once"
        return f"; its credentials came from {self.token}, new ones there need a restart"


class AccountResumed(Report, frozen=True):
    """An account that was stopped is read again, each connector from where reading had ended.

    Attributes:
        account: Its id.
        stopped: Seconds for which it was stopped.
    """

    account: str
    stopped: Seconds

    def __str__(self) -> str:
        return f"Account {self.account} is read again after {format_duration(round(self.stopped))}"


class TokenRenewed(Report, frozen=True):
    """The file of a token that was refused held another one, which is used from now on."""

    accounts: str
    token: str

    def __str__(self) -> str:
        return f"The token of account {self.accounts} was renewed from {self.token}"


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


class GapRecorded(Report, frozen=True):
    """A span of one connector can't be read.

    Attributes:
        connector: Its id.
        name: What people call it.
        start: API time, inclusive.
        end: API time, exclusive.
        reason: See `tailer.core.progress.GapReason`.
    """

    connector: str
    name: str
    start: int
    end: int
    reason: str

    def __str__(self) -> str:
        return (
            f"Connector {self.name} ({self.connector}) has a gap of {format_duration(self.end - self.start)} "
            f"from {_iso(self.start)} on: {self.reason}"
        )


class AlertDerived(Report, frozen=True):
    """An event of our own was journaled: see `tailer.core.alerts`.

    Attributes:
        connector: Its id.
        name: What people call it.
        kind: What is told.
        at: Since when it is so (API time).
    """

    connector: str
    name: str
    kind: str
    at: float

    def __str__(self) -> str:
        return f"Connector {self.name} ({self.connector}): {self.kind} at {_iso(self.at)}"


class GapClosed(Report, frozen=True):
    """A recorded gap, or a part of one, was read whole after all.

    Attributes:
        connector: Its id.
        name: What people call it.
        start: API time, inclusive.
        end: API time, exclusive.
    """

    connector: str
    name: str
    start: int
    end: int

    def __str__(self) -> str:
        return (
            f"Connector {self.name} ({self.connector}): the gap of {format_duration(self.end - self.start)} "
            f"from {_iso(self.start)} on was read"
        )


class KindChanged(Report, frozen=True):
    """The API gave an event that is journaled once more, with another kind; the first is kept."""

    connector: str
    name: str
    key: str
    kind: str

    def __str__(self) -> str:
        return (
            f"Event {self.key} of connector {self.name} ({self.connector}) came again as {self.kind!r}; "
            "the kind that came first is kept"
        )


class DetailsMissed(Report, frozen=True):
    """Events are journaled without the details that they waited for.

    Attributes:
        connector: Of the last event.
        name: Its name.
        events: How many events since the last such report, that one included.
        reason: Why there are none for the last one.
    """

    connector: str
    name: str
    events: int
    reason: str

    def __str__(self) -> str:
        some = "an event" if self.events == 1 else f"{self.events} events"
        return f"No details for {some}, last of connector {self.name} ({self.connector}): {self.reason}"


class SinkFailed(Report, frozen=True):
    """A sink did not take a batch; it is written again after a while.

    Attributes:
        sink: Its name.
        failures: In a row.
        delay: Seconds until the next try.
        reason: Message of the failure.
    """

    sink: str
    failures: int
    delay: Seconds
    reason: str

    def __str__(self) -> str:
        return f"Sink {self.sink!r} is unavailable, next try in {self.delay:.1f}s: {self.reason}"


class SinkRecovered(Report, frozen=True):
    """A sink takes batches again."""

    sink: str
    failures: int

    def __str__(self) -> str:
        return f"Sink {self.sink!r} takes events again after {self.failures} failed tries"


class EventsSetAside(Report, frozen=True):
    """A sink has rejected events that it will never take.

    Attributes:
        sink: Its name.
        count: How many.
        where: Where they lie; ``None``: nowhere, for the journal is in memory.
        reason: Of the last of them, as the sink told it.
    """

    sink: str
    count: int
    where: str | None
    reason: str

    def __str__(self) -> str:
        what = "1 event" if self.count == 1 else f"{self.count} events"
        fate = "left out" if self.where is None else f"set aside in {self.where} (tailer dead list)"
        return f"Sink {self.sink!r} rejected {what}, {fate}: {self.reason}"


class JournalFilled(Report, frozen=True):
    """The journal takes nothing more: polling is paused until it does. Said again from time to time.

    Attributes:
        delay: Seconds until the next try.
        reason: Message of the failure.
    """

    delay: Seconds
    reason: str

    def __str__(self) -> str:
        return (
            f"The journal is full and polling is paused, next try in {self.delay:.0f}s; the API keeps what"
            f" comes meanwhile: {self.reason}"
        )


class JournalCleared(Report, frozen=True):
    """The journal takes events again after `after` seconds, and polling goes on where it was."""

    after: Seconds

    def __str__(self) -> str:
        return f"The journal takes events again after {format_duration(round(self.after))}; polling goes on"


class ReachCut(Report, frozen=True):
    """Memory is short: some connectors are read less far back, or what is remembered would exceed its bound.

    Attributes:
        connectors: How many are cut now.
        name: What people call the one that is cut most.
        reach: How far back that one is read again, seconds.
        max_keys: The bound.
    """

    connectors: int
    name: str
    reach: Seconds
    max_keys: int

    def __str__(self) -> str:
        return (
            f"There are about max_keys = {self.max_keys} events to remember: {self.connectors} connectors are"
            f" read again less far back, {self.name} only {format_duration(round(self.reach))}; events that"
            " become visible later than that are not found"
        )


class ReachRestored(Report, frozen=True):
    """No connector is cut any more: each is read again as far back as it is configured."""

    def __str__(self) -> str:
        return "All connectors are read again as far back as revisit_max says"


class ListingFailed(Report, frozen=True):
    """An account's connectors could not be listed; the known ones are read on."""

    account: str
    delay: Seconds
    reason: str

    def __str__(self) -> str:
        return f"Account {self.account}: connectors not listed, next try in {self.delay:.0f}s: {self.reason}"


class CommandFailed(Report, frozen=True):
    """A command over the control socket met a mistake of the program."""

    command: str
    reason: str

    def __str__(self) -> str:
        return f"Command {self.command!r} failed, which is a bug: {self.reason}"


class ControlLost(Report, frozen=True):
    """A daemon works, but can't be commanded over a socket."""

    reason: str

    def __str__(self) -> str:
        return f"Commands such as `tailer reload` can't reach this daemon; SIGHUP can: {self.reason}"


class ServiceLost(Report, frozen=True):
    """A daemon works, but shows itself no longer over HTTP."""

    reason: str

    def __str__(self) -> str:
        return f"The service no longer listens until the daemon is restarted: {self.reason}"


def _iso(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
