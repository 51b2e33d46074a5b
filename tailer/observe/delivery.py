"""What befell events on their way out of the journal: failing sinks, refused events, no room."""

from __future__ import annotations

from tailer.core.durations import Seconds, format_duration
from tailer.observe.report import Report


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
