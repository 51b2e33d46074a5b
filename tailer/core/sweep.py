"""Which slices of one connector are read next when a closed span is read once, as a whole, and soon.

Rules:

1. What is neither read nor known to be unreadable is read, the oldest first; nothing is read again.
2. Where the budget and the number of connectors leave room (`Pacing.lanes`), several slices are read at once.
   Their events are journaled together, so order and coverage are those of a single reader.
3. A slice holds about `slice_rows` rows by the measured density, and no more than some ten pages as this API
   cuts them: so much is read anew after a crash. Near the end, and in short spans, what is
   left is shared out evenly, but not in parts smaller than a page.
4. As long as the density is unknown, a hole is read whole; where several slices would be read at once, only
   until its first page has told the density.
5. What failed lets the rest go first, once; then it has its turn again.
6. What can't be read yet, as it lies too near to the present for this API, is tried again when a poll is due.
"""

from __future__ import annotations

import math

from tailer.core.advance import holes_of
from tailer.core.ladder import Levels, visited
from tailer.core.progress import Checkpoint
from tailer.core.purpose import Purpose
from tailer.core.reading import Reading, density
from tailer.core.spans import Span, Spans
from tailer.core.windows import SLICE_PAGES, Aim, Pacing, Plan
from tailer.model import Window

LEAST_PART = 0.1
"""Smallest part of a slice that is read by itself: not quite a page."""


class SweepPlanner:
    """Plans the reads of one connector; takes the place of a `tailer.core.windows.WindowPlanner`.

    Args:
        pacing: Read at every call; its `until` is set before anything is read.

    Attributes:
        interval: Time between two tries of what can't be read yet, seconds.
    """

    def __init__(self, pacing: Pacing) -> None:
        self.interval = pacing.interval
        self._pacing = pacing
        self._density: float | None = None
        self._page_rows = math.inf
        self._deferred = Spans()
        self._is_stuck = False

    def head(self, checkpoint: Checkpoint, levels: Levels, now: float) -> Plan | None:  # noqa: ARG002 - a planner's shape
        """Plan what could not be read a while ago; ``None`` while there is anything better to do."""
        return self._plan(checkpoint, now, "head") if self._is_stuck else None

    def backlog(self, checkpoint: Checkpoint, now: float) -> Plan | None:
        """Plan the next slices; ``None`` when nothing can be read now.

        Args:
            checkpoint: Durable progress.
            now: API time; nothing after it is asked for.
        """
        return None if self._is_stuck else self._plan(checkpoint, now, "hole")

    def is_behind(self, checkpoint: Checkpoint, now: float) -> bool:  # noqa: ARG002 - a planner's shape
        """Say no: there is no head to catch up with."""
        return False

    def is_done(self, checkpoint: Checkpoint) -> bool:
        """Tell whether all of the span is read, or known to be unreadable."""
        return self._pacing.until is not None and not holes_of(checkpoint, self._until)

    def succeeded(self, plan: Plan, reading: Reading, levels: Levels) -> Levels:
        """Take note of a read that was finished; return levels that will ask for nothing any more."""
        self._is_stuck = not (reading.covered or reading.gaps or reading.dense)
        self._deferred = Spans()
        widest = max(end - start for start, end in plan.slices)
        if reading.dense:
            self._page_rows = max(1.0, len(reading.rows) / max(1, reading.pages))
            least = 2 * self._slice_rows / widest
            self._density = max(least, 2 * (self._density or 0.0), density(reading.rows))
        elif reading.pages:
            if reading.pages > len(plan.slices):  # otherwise no page was full
                self._page_rows = max(1.0, len(reading.rows) / (reading.pages - len(plan.slices)))
            self._density = len(reading.rows) / sum(end - start for start, end in plan.slices)
        longest, _ = levels[-1]
        return visited(levels, len(levels) - 1, self._until + longest)

    def failed(self, plan: Plan, pages: int) -> None:
        """Take note of a read that failed: elsewhere the next time, and smaller if it was large.

        Args:
            plan: What was tried.
            pages: Pages that had come before it failed.
        """
        self._deferred = self._deferred.update(plan.slices)
        if pages > len(plan.slices):
            widest = max(end - start for start, end in plan.slices)
            self._density = max(2 * self._slice_rows / widest, 2 * (self._density or 0.0))

    @property
    def _until(self) -> int:
        until = self._pacing.until
        return 0 if until is None else math.ceil(until)

    @property
    def _slice_rows(self) -> float:
        return min(self._pacing.slice_rows, SLICE_PAGES * self._page_rows)

    def _plan(self, checkpoint: Checkpoint, now: float, aim: Aim) -> Plan | None:
        holes = holes_of(checkpoint, min(self._until, math.floor(now)))
        first = [part for start, end in holes for part in self._deferred.missing(start, end)]
        if not first:
            self._deferred = Spans()
        spans = first or holes
        if not spans:
            return None
        slices = self._sliced(spans)
        return Plan(
            Window(slices[0].start, max(end for _, end in slices)),
            aim,
            max_rows=self._most_rows(),
            slices=slices,
            purpose=Purpose.BACKFILL,
        )

    def _sliced(self, spans: list[Span]) -> tuple[Window, ...]:
        """Cut the first slices off, as many as may be read at once."""
        width = self._width(sum(end - start for start, end in spans))
        slices: list[Window] = []
        for start, end in spans:
            at = start
            while at < end and len(slices) < self._pacing.lanes:
                slices.append(Window(at, min(end, at + width)))
                at = slices[-1].end
        return tuple(slices)

    def _width(self, left: int) -> int:
        if not self._density:
            return left
        rows, lanes = self._slice_rows, self._pacing.lanes
        width = rows / self._density
        if lanes > 1:
            width = min(width, max(math.ceil(left / lanes), LEAST_PART * rows / self._density))
        return max(1, int(width))

    def _most_rows(self) -> int:
        rows = self._pacing.slice_rows
        if self._density is None and self._pacing.lanes > 1:
            return max(1, int(LEAST_PART * rows))
        return 2 * rows
