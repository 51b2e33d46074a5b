"""What befell one connector: it was found, failed, parked, recovered, or its events say something new."""

from __future__ import annotations

from tailer.core.durations import Seconds, format_duration, format_time
from tailer.observe.report import Report


class ConnectorFound(Report, frozen=True):
    """A connector is read from now on."""

    account: str
    connector: str
    name: str
    origin: float

    def __str__(self) -> str:
        return f"Connector {self.name} ({self.connector}) is read from {format_time(self.origin)} on"


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
        return f"Connector {self.name} ({self.connector}): {self.kind} at {format_time(self.at)}"
