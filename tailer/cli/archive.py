"""Records on stdin, as `tailer` writes them, shown as a tail would show them: no API, no journal, no loop."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from tailer.cli.exits import say
from tailer.core.durations import parse_time
from tailer.core.matching import matches
from tailer.core.sieve import Sieve
from tailer.model import Connector, Event, Source
from tailer.sinks.formats.reading import RecordReader
from tailer.sinks.formats.watermarks import is_watermark
from tailer.sinks.stdout import StdoutSink, choose_format

_READ_BYTES = 1 << 18
_MAX_CACHED = 4096

MAX_LINE_BYTES = 1 << 20
"""Longest line that is looked at: a record has some hundred bytes."""

MAX_NAMED = 5
"""Lines that are named one by one; of more the number is told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is shown of an archive.

    Attributes:
        connectors: Patterns; none: all.
        sieve: Which events.
        start: Beginning of the span in epoch seconds: an event belongs if its t or a lies in it.
        end: Its end, not included.
    """

    connectors: Sequence[str]
    sieve: Sieve
    start: float
    end: float

    def __call__(self, event: Event) -> bool:
        """Tell whether an event is wanted, but for its connector."""
        in_span = self.start <= event.t < self.end or self.start <= event.a < self.end
        return in_span and self.sieve(event)


def span(since: str | None, until: str | None, now: float) -> tuple[float, float]:
    """Give the span that two texts name; without them everything is in it."""
    start = -math.inf if since is None else parse_time(since, now)
    return start, math.inf if until is None else parse_time(until, now)


def show(wish: Wish, look: StdoutSink.Config) -> None:
    """Show what is on stdin until it ends; what is no record is counted, and told on stderr.

    Raises:
        BrokenPipeError: Nobody reads stdout any more.
    """
    if sys.stdin.isatty():
        say("records are read from the terminal; Ctrl-D ends them")
    stdout = sys.stdout.buffer
    format_ = choose_format(look, stdout, os.environ)
    stdout.write(format_.header)
    stdout.flush()
    reader = _Reader()
    is_wanted_source = _chooser(wish.connectors)
    for lines in _pieces(sys.stdin.buffer):
        events = [event for event in reader.read(lines) if is_wanted_source(event.source) and wish(event)]
        if events:
            stdout.write(format_.render(events))
            stdout.flush()
    if reader.wrong:
        say(f"{reader.wrong} of {reader.lines} lines are no records of tailer and were left out")


@dataclass(slots=True)
class _Reader:
    """Turns lines into events, and counts.

    Attributes:
        lines: Read so far.
        wrong: Of them, those that were no records.
    """

    lines: int = 0
    wrong: int = 0
    _records: RecordReader = field(default_factory=RecordReader)

    def read(self, lines: Sequence[bytes]) -> Iterator[Event]:
        """Give the events of the lines that are records; empty lines are none, and no mistakes."""
        for line in lines:
            self.lines += 1
            if line.strip():
                if len(line) >= MAX_LINE_BYTES:
                    self._refuse("it is too long")
                    continue
                try:
                    yield self._records.read(line)
                except ValueError as error:
                    if is_watermark(line):
                        continue
                    self._refuse(str(error))

    def _refuse(self, reason: str) -> None:
        self.wrong += 1
        if self.wrong <= MAX_NAMED:
            say(f"line {self.lines} is no record of tailer: {reason}")


def _pieces(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Read what is there, as whole lines; one that is too long is cut, so that it is no record."""
    rest = b""
    while data := stream.read1(_READ_BYTES):  # type: ignore[attr-defined] # of every buffered reader
        *lines, rest = (rest + data).split(b"\n")
        rest = rest[:MAX_LINE_BYTES]
        yield lines
    if rest:
        yield [rest]


def _chooser(patterns: Sequence[str]) -> Callable[[Source], bool]:
    """Make what tells whether a source's connector is meant; asked once a source."""
    known: dict[Source, bool] = {}

    def is_wanted(source: Source) -> bool:
        found = known.get(source)
        if found is None:
            if len(known) >= _MAX_CACHED:
                known.clear()
            one = Connector(source.account, source.connector, source.name, source.serial)
            found = known[source] = any(matches(one, pattern) for pattern in patterns)
        return found

    return is_wanted if patterns else lambda _source: True
