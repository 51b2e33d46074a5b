"""What a program says besides its answers, for the log: so much of it and no more."""

from __future__ import annotations

from tailer.clock import Clock
from tailer.core.durations import Seconds
from tailer.core.reasons import MAX_REASON, tidy
from tailer.observe import Observer, Report

MAX_LINES = 20
"""Lines of a program that are passed on within `WINDOW`: a traceback, but not a line an event."""

WINDOW: Seconds = 10.0


class ProgramSpoke(Report, frozen=True):
    """A sink's program has written a line that is meant for people.

    Attributes:
        sink: Name of the sink.
        line: The line, cut, with what is named as a secret masked.
        left_out: Lines before it that were too many to be shown.
    """

    sink: str
    line: str
    left_out: int

    def __str__(self) -> str:
        before = f" (after {self.left_out} more lines, left out)" if self.left_out else ""
        return f"Program of sink {self.sink!r} says{before}: {self.line}"


class ProgramEnded(Report, frozen=True):
    """A sink's program has ended by itself between two batches; the next one starts it again.

    Attributes:
        sink: Name of the sink.
        end: How it ended.
    """

    sink: str
    end: str

    def __str__(self) -> str:
        return f"Program of sink {self.sink!r} {self.end}; it is started again with the next batch"


class ProgramWords:
    """Passes on lines of one sink's program.

    Args:
        sink: Name of the sink.
        observe: Is told of them.
        clock: Counts them in its time.
    """

    def __init__(self, sink: str, observe: Observer, clock: Clock) -> None:
        self._last = b""
        self._sink = sink
        self._observe = observe
        self._clock = clock
        self._window_ends = float("-inf")
        self._room = 0
        self._left_out = 0

    @property
    def last(self) -> str | None:
        """The last line; ``None`` before the first one, and after `forget`."""
        return _shown(self._last) if self._last else None

    def hear(self, line: bytes) -> None:
        """Take a line; an empty one is none."""
        if not line.strip():
            return
        self._last = line
        now = self._clock.monotonic()
        if now >= self._window_ends:
            self._window_ends, self._room = now + WINDOW, MAX_LINES
        if not self._room:
            self._left_out += 1
            return
        self._room -= 1
        self._observe(ProgramSpoke(self._sink, _shown(line), self._left_out))
        self._left_out = 0

    def forget(self) -> None:
        """Forget the last line: another program speaks from now on."""
        self._last = b""


def _shown(line: bytes) -> str:
    return tidy(line[:MAX_REASON].decode(errors="replace"))
