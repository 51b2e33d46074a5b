"""Which part of one connector's lost gaps is read again next, as somebody asked for it.

Rules:

1. Every second that is asked for is tried once, the oldest first. What then was read whole is no gap any
   more; the rest stays one, and is not tried again until it is asked for again.
2. A slice that holds many more rows than one read is meant to take is cut by the density that it has shown.
3. A read that failed is tried again; after `TRIES` in a row its slice stays a gap, and the next one is tried.
4. Keys are kept in recorded gaps (`tailer.core.keys`): by an event's time and, where the API filters by time
   of collection, by its stamp. Of a row that neither would have kept nobody knows whether it is journaled: it
   is left out, and counted as *doubtful*. Such are events of a device whose clock was ahead, at an API that
   filters by time of collection.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tailer.core.keys import PADDING
from tailer.core.purpose import Purpose
from tailer.core.reading import Reading, density
from tailer.core.spans import Span, Spans
from tailer.core.windows import Plan
from tailer.model import Event, Window

TRIES = 3
"""Failed reads of a slice in a row after which it is left alone: somebody waits for the end."""


class Refill:
    """What of one connector's lost gaps is still to be tried.

    Attributes:
        left: Those seconds.
        found: New events that came of it so far.
        doubtful: Rows that were left out so far (rule 4).
    """

    def __init__(self) -> None:
        self.left = Spans()
        self.found = 0
        self.doubtful = 0
        self._width: float = math.inf
        self._failures = 0

    def ask(self, spans: Iterable[Span]) -> None:
        """Have `spans` tried; what is to be tried already is not tried twice."""
        self.left = self.left.update(spans)

    def give_up(self) -> None:
        """Leave what was not tried yet as it is."""
        self.left = Spans()
        self._failures = 0

    def plan(self, slice_rows: int) -> Plan | None:
        """Plan the next read; ``None`` when nothing is left.

        Args:
            slice_rows: Rows that one read is meant to take at most, about.
        """
        if not self.left:
            return None
        start, end = self.left.items[0]
        window = Window(start, int(min(end, start + self._width)))
        return Plan(window, "fill", None, 2 * slice_rows, purpose=Purpose.REVISIT)

    def read(self, window: Window, reading: Reading, slice_rows: int) -> None:
        """Take note of a read that was finished.

        Args:
            window: What was planned.
            reading: What came of it.
            slice_rows: As `plan` was told.
        """
        self._failures = 0
        width = window.end - window.start
        if reading.dense and width > 1:
            self._settle(reading)
            rate = max(density(reading.rows), 2 * slice_rows / width)
            self._width = max(1, min(width // 2, int(slice_rows / rate)))
        else:
            self.left = self.left.remove(*window)

    def failed(self, window: Window, reading: Reading) -> None:
        """Take note of a read that failed, with what had come of it until then."""
        self._settle(reading)
        self._failures += 1
        if self._failures == TRIES:
            self._failures = 0
            self.left = self.left.remove(*window)

    def _settle(self, reading: Reading) -> None:
        for start, end in [*reading.covered, *((gap.start, gap.end) for gap in reading.gaps)]:
            self.left = self.left.remove(start, end)


class Judged(NamedTuple):
    """Rows of a refill whose keys are not remembered.

    Attributes:
        new: Those that are not journaled, for sure.
        doubtful: Those of which that is not known.
    """

    new: list[Event]
    doubtful: list[Event]


def judge(events: Sequence[Event], window: Window, floor: float) -> Judged:
    """Part the events that are new beyond doubt from those of rule 4.

    Args:
        events: Not remembered; t or a lies in the window.
        window: Within recorded gaps.
        floor: Of the checkpoint: keys with a stamp from it on are remembered.
    """
    new: list[Event] = []
    doubtful: list[Event] = []
    for event in events:
        is_kept = window.start <= event.t < window.end or event.a >= min(event.t, floor + PADDING)
        (new if is_kept else doubtful).append(event)
    return Judged(new, doubtful)
