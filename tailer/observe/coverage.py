"""What is read, and what is not: gaps, and how far back late events are looked for."""

from __future__ import annotations

from tailer.core.durations import Seconds, format_duration, format_time
from tailer.observe.report import Report


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
            f"from {format_time(self.start)} on: {self.reason}"
        )


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
            f"from {format_time(self.start)} on was read"
        )


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
