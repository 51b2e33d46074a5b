"""Judges a JetStream stream: whether events can go there, and what their place does not promise.

Source: nats-server's documentation, "Streams" (its configuration).
"""

from __future__ import annotations

from collections.abc import Sequence

from nats.js.api import PersistMode, RetentionPolicy, StorageType, StreamConfig

from tailer.core.durations import Seconds, format_duration
from tailer.observe import Report


class StreamDoubted(Report, frozen=True):
    """A stream takes events, but promises less than one might think.

    Attributes:
        sink: Name of the sink.
        stream: The stream.
        doubts: What it does not promise, and what to do.
    """

    sink: str
    stream: str
    doubts: list[str]

    def __str__(self) -> str:
        return f"Sink {self.sink!r}, stream {self.stream}: {'; '.join(self.doubts)}"


def takes(patterns: Sequence[str], subject: str) -> bool:
    """Tell whether one of a stream's subjects, which may have wildcards, covers a subject."""
    return any(_covers(pattern.split("."), subject.split(".")) for pattern in patterns)


def unfit(stream: StreamConfig, subject: str) -> str | None:
    """Say why nothing can be published to a stream; ``None``: something can."""
    taken = stream.subjects or []
    if not takes(taken, subject):
        return (
            f"the stream {stream.name} takes {', '.join(taken) or 'no subject'}, not {subject};"
            " correct stream or subject"
        )
    if stream.no_ack:
        return f"the stream {stream.name} acknowledges nothing; mend its no_ack"
    if stream.sealed:
        return f"the stream {stream.name} is sealed; name another"
    return None


def doubts_about(stream: StreamConfig, window: Seconds) -> list[str]:
    """Say what a stream does not promise, a clause each.

    Args:
        stream: As the server has it.
        window: How long it should remember ids, seconds.
    """
    doubts: list[str] = []
    if stream.duplicate_window < window:
        doubts.append(
            f"it remembers ids for {format_duration(stream.duplicate_window)} only, not for"
            f" {format_duration(window)}: what comes again after a longer outage or crash is there twice;"
            " raise its duplicate window"
        )
    if stream.storage == StorageType.MEMORY:
        doubts.append("it is in memory: the end of the server loses what it has acknowledged")
    if stream.persist_mode == PersistMode.ASYNC:
        doubts.append("its persist mode is async: a crash of the server loses what it has acknowledged")
    if stream.retention == RetentionPolicy.INTEREST:
        doubts.append("its retention is interest: what no consumer asks for is dropped")
    return doubts


def _covers(pattern: Sequence[str], subject: Sequence[str]) -> bool:
    """Compare token by token: ``*`` is any one, ``>`` at the end one or more."""
    if pattern[-1] == ">":
        pattern = pattern[:-1]
        if len(subject) <= len(pattern):
            return False
        subject = subject[: len(pattern)]
    return len(pattern) == len(subject) and all(
        wanted in {"*", token} for wanted, token in zip(pattern, subject, strict=True)
    )
