"""The daemon's messages on stderr: a line of text for people, a JSON object for programs."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal, TextIO, TypeAlias

import msgspec

from tailer.cli.exits import clean
from tailer.observe import (
    AccountResumed,
    AccountStopped,
    ConnectorFound,
    ConnectorParked,
    ConnectorResumed,
    GapClosed,
    JournalCleared,
    PollRecovered,
    PrincipalResumed,
    ReachRestored,
    Report,
    RequestRetried,
    SinkRecovered,
    TokenRenewed,
)
from tailer.sinks.exec.words import ProgramSpoke
from tailer.sinks.file.reports import FileRotated, FilesDropped

Level: TypeAlias = Literal["info", "warning", "error"]
LogFormat: TypeAlias = Literal["auto", "text", "json"]

_GOOD_NEWS = (
    AccountResumed,
    ConnectorFound,
    ConnectorResumed,
    FileRotated,
    FilesDropped,
    GapClosed,
    JournalCleared,
    PollRecovered,
    PrincipalResumed,
    ProgramSpoke,
    ReachRestored,
    SinkRecovered,
    TokenRenewed,
)


class Log:
    """An observer of a run, for the record.

    Args:
        stream: stderr.
        log_format: "text", "json", or "auto": text on a terminal, else json.
        wall: Epoch seconds, for the times.
    """

    def __init__(
        self,
        stream: TextIO,
        log_format: LogFormat,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._stream = stream
        self._wall = wall
        self.use(log_format)

    def use(self, log_format: LogFormat) -> None:
        """Write in another format from now on."""
        is_text = self._stream.isatty() if log_format == "auto" else log_format == "text"
        self._render = _as_text if is_text else _as_json

    def __call__(self, report: Report) -> None:
        """Write a report; its fields go along as JSON.

        A retry is left out: one that helps is no news, one that does not ends in another report.
        """
        if isinstance(report, RequestRetried):
            return
        fields = msgspec.structs.asdict(report)
        self._write(_level_of(report), type(report).__name__, str(report), fields)

    def say(self, message: str, *, event: str, level: Level = "info", **fields: object) -> None:
        """Write a message of the program's own.

        Args:
            message: A sentence.
            event: What happened, as one word for programs.
            level: How bad it is.
            **fields: What programs may want to know.
        """
        self._write(level, event, message, fields)

    def _write(self, level: Level, event: str, message: str, fields: dict[str, object]) -> None:
        line = self._render(self._wall(), level, event, message, fields)
        with suppress(OSError, ValueError):  # nobody reads: the events matter more than the messages
            self._stream.write(f"{line}\n")
            self._stream.flush()


def _level_of(report: Report) -> Level:
    """Judge how bad a report is: a stopped account needs somebody; a parked one that stays so is no news."""
    match report:
        case AccountStopped():
            return "error"
        case ConnectorParked(tries=tries) if tries > 1:
            return "info"
        case _:
            return "info" if isinstance(report, _GOOD_NEWS) else "warning"


def _as_text(at: float, level: Level, _event: str, message: str, _fields: dict[str, object]) -> str:
    moment = datetime.fromtimestamp(at, UTC).astimezone().isoformat(" ", "milliseconds")
    return f"{moment} {level:7} {clean(message)}"


def _as_json(at: float, level: Level, event: str, message: str, fields: dict[str, object]) -> str:
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record = {"time": moment, "level": level, "event": event, "message": message, **fields}
    return clean(msgspec.json.encode(record).decode())
