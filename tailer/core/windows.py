"""Which window of one connector is read next.

Rules, in this order (times are API time; a *slice* is a window that by the measured density holds about
`slice_rows` rows):

1. *Catch-up*: while what lies between the end of all that is accounted for (the *frontier*) and the head is more
   than one slice, the next slice from the frontier on is read, oldest first.
2. *Head*: otherwise the window ends at the head and begins where the deepest due level of the ladder says,
   at least `look_back` before the head, and never after the frontier. A level whose read would be more
   than one slice is read as a *pass*, in slices beside the head polls, and the poll uses the deepest due level
   below it.
3. *Backlog*, when no head poll is due: the oldest hole before the frontier, then the next slice of a pass.

The look-back is either fixed or automatic: at least four intervals, and as far back as about
`LOOK_BACK_ROWS` rows, which cost no second page. It grows at most twofold a poll, so that a burst is met gently.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from tailer.core.durations import Seconds
from tailer.core.keys import PADDING
from tailer.core.ladder import VISITS, Ladder, Levels, floor_of, start_of, visited
from tailer.core.progress import Checkpoint, Gap, with_gap, without_span
from tailer.core.reading import Reading, density
from tailer.core.spans import Span
from tailer.model import Key, Window

LOOK_BACK_ROWS = 100
"""Rows that an automatic look-back aims at; no API's page is believed to be shorter by default. [infer]"""

SLICE_PAGES = 10
"""Pages of one slice: enough to spread the cost of a commit, few enough to be repeated after a failure."""

POLLING_SHARE = 0.9
"""Part of the allowed rate that regular polls may take; the rest is left to listing and second pages."""

Aim = Literal["catch-up", "head", "hole", "pass"]
"""Why a window is read."""


class Plan(NamedTuple):
    """One window to read next.

    Attributes:
        window: What is to be covered.
        aim: Why.
        level: The level of the ladder that a whole read counts for, ``None`` for none.
        max_rows: Rows after which the read is left off as too dense, ``None`` for no limit.
    """

    window: Window
    aim: Aim
    level: int | None = None
    max_rows: int | None = None


@dataclass(slots=True)
class Pacing:
    """What is the same for all connectors of a principal; `fit` adapts it to their number.

    Attributes:
        ladder: Levels for the configured interval.
        interval: Time between two polls of one connector at present, seconds.
        look_back: Fixed look-back in seconds, ``None`` for automatic.
        slice_rows: Rows that one read is meant to take at most, about.
        until: End of the asked span (API time), ``None`` to follow for ever.
    """

    ladder: Ladder
    interval: Seconds
    look_back: Seconds | None = None
    slice_rows: int = 10_000
    until: float | None = None

    def fit(self, connectors: int, *, rate: float, page_limit: int, max_held: int) -> None:
        """Adapt to a number of connectors.

        The interval is stretched until polling everyone takes `POLLING_SHARE` of the allowed rate; slices are
        made small enough that one of each connector can be held for the sake of order.

        Args:
            connectors: How many are polled.
            rate: Requests a second that the budget allows.
            page_limit: Rows a page; a slice is some ten pages at most.
            max_held: Bound on held events.
        """
        shortest = self.ladder.lengths[0] / VISITS
        self.interval = max(shortest, connectors / (POLLING_SHARE * rate))
        self.slice_rows = max(LOOK_BACK_ROWS, min(SLICE_PAGES * page_limit, max_held // max(2 * connectors, 1)))


@dataclass(frozen=True, slots=True)
class _Pass:
    """A level's read in slices: ``[start, end)`` is left; when it is done the level counts as read at `read_at`."""

    level: int
    start: int
    end: int
    read_at: int


class WindowPlanner:
    """What one connector's reads have shown, and the choice of the next one.

    Durable progress is not here but in the `Checkpoint`, which comes in with every call.
    """

    def __init__(self, pacing: Pacing) -> None:
        self._pacing = pacing
        self._density: float | None = None
        self._reach = VISITS * pacing.interval
        self._ceiling: int | None = None
        self._pass: _Pass | None = None
        self._caught_up: tuple[int, int] | None = None

    def head(self, checkpoint: Checkpoint, levels: Levels, now: float) -> Plan | None:
        """Plan the poll that is due; ``None`` when the asked span holds nothing more.

        Args:
            checkpoint: Durable progress.
            levels: The checkpoint's levels, carried over to this run's ladder.
            now: API time; the window never ends after it.
        """
        head = self._head(now)
        frontier = frontier_of(checkpoint)
        if self._is_long(head - frontier):
            self._caught_up = self._caught_up or (frontier, int(now))
            return self._slice(frontier, head, "catch-up")
        level = self._level(checkpoint, levels, now, head)
        starts = [self._look_back_start(checkpoint, now), frontier]
        if level is not None:
            starts.append(start_of(levels, level))
        start = max(int(min(starts)), int(checkpoint.floor) + PADDING)
        if start >= head:
            return None
        return Plan(Window(start, head), "head", level, 2 * self._pacing.slice_rows if level else None)

    def backlog(self, checkpoint: Checkpoint, now: float) -> Plan | None:
        """Plan what is worth reading while no poll is due; ``None`` when nothing is."""
        holes = holes_of(checkpoint, min(frontier_of(checkpoint), self._head(now)))
        if holes:
            return self._slice(*holes[0], "hole")
        if self._pass is None:
            return None
        return self._slice(self._pass.start, self._pass.end, "pass")

    def is_behind(self, checkpoint: Checkpoint, now: float) -> bool:
        """Tell whether the next window is one of catch-up."""
        return self._is_long(self._head(now) - frontier_of(checkpoint))

    def is_done(self, checkpoint: Checkpoint) -> bool:
        """Tell whether all of a finite asked span is accounted for and no pass is under way."""
        until = self._pacing.until
        return until is not None and self._pass is None and not holes_of(checkpoint, int(until))

    def succeeded(self, plan: Plan, reading: Reading, levels: Levels) -> Levels:
        """Take note of a read that was finished; return the levels that it leaves."""
        width = plan.window.end - plan.window.start
        rows = len(reading.rows)
        if reading.dense:
            self._density = max(rows / width, 4 * (self._density or 0.0), density(reading.rows))
            return levels
        self._density = rows / width
        self._ceiling = None
        if plan.aim == "head":
            wished = width * LOOK_BACK_ROWS / max(rows, 1)
            self._reach = max(VISITS * self._pacing.interval, min(wished, 2 * width))
            ends = [end for _, end in reading.covered] + [gap.end for gap in reading.gaps]
            if plan.level is not None and ends:
                return visited(levels, plan.level, max(ends))
        elif plan.aim == "pass" and self._pass is not None:
            ongoing = self._pass
            if plan.window.end >= ongoing.end:
                self._pass = None
                return visited(levels, ongoing.level, ongoing.read_at)
            self._pass = replace(ongoing, start=plan.window.end)
        return levels

    def failed(self, plan: Plan, pages: int) -> None:
        """Take note of a read that failed: shallower and smaller the next time.

        Args:
            plan: What was tried.
            pages: Pages that had come before it failed.
        """
        if plan.aim == "head" and plan.level:
            self._ceiling = plan.level - 1
        if pages > 1 and self._density is not None:
            self._density *= 2  # it did not fit into one go: half as much the next time

    def _head(self, now: float) -> int:
        until = self._pacing.until
        return int(now if until is None else min(now, until))

    def _is_long(self, width: float) -> bool:
        if width <= VISITS * self._pacing.interval or self._density is None:
            return False
        return width * self._density > self._pacing.slice_rows

    def _level(self, checkpoint: Checkpoint, levels: Levels, now: float, head: int) -> int | None:
        """Choose the deepest due level that fits into one read; a deeper one becomes a pass.

        After a catch-up not even the shallowest may fit, as none was read for long; then the pass, which ends
        where the catch-up began, does the work of all.
        """
        ladder = self._pacing.ladder
        level = ladder.deepest_due(levels, now, self._ceiling)
        while self._is_long(head - start_of(levels, level)):
            if self._pass is None:
                start = max(int(start_of(levels, level)), int(checkpoint.floor) + PADDING)
                end, read_at = self._caught_up or (head, head)
                self._pass = _Pass(level, start, max(start + 1, end), read_at)
            if level == 0:
                return None
            level = ladder.deepest_due(levels, now, level - 1)
        self._caught_up = None
        return level

    def _slice(self, start: int, end: int, aim: Aim) -> Plan:
        if self._density:
            end = min(end, start + max(1, int(self._pacing.slice_rows / self._density)))
        return Plan(Window(start, end), aim, None, 2 * self._pacing.slice_rows)

    def _look_back_start(self, checkpoint: Checkpoint, now: float) -> float:
        fixed = self._pacing.look_back
        if fixed is not None:
            return now - fixed
        reach = max(checkpoint.origin, now - self._reach)
        return min(reach, now - VISITS * self._pacing.interval)


def holes_of(checkpoint: Checkpoint, end: int) -> list[Span]:
    """List what of the asked span up to `end` is neither read nor known to be unreadable, oldest first."""
    accounted = checkpoint.covered.update((gap.start, gap.end) for gap in checkpoint.gaps)
    return accounted.missing(int(checkpoint.origin), end)


def frontier_of(checkpoint: Checkpoint) -> int:
    """Give the end of all that is accounted for, read or known to be unreadable; at first the origin."""
    ends = [int(checkpoint.origin)]
    if checkpoint.covered.items:
        ends.append(checkpoint.covered.items[-1][1])
    ends.extend(gap.end for gap in checkpoint.gaps)
    return max(ends)


def advanced(
    checkpoint: Checkpoint, reading: Reading, levels: Levels, *, through: float, newest: Key | None
) -> Checkpoint:
    """Return the checkpoint after a read.

    What was covered closes gaps; gaps never take away coverage. The floor rises to the earliest time that
    a level or a hole may still ask for.

    Args:
        checkpoint: Progress before the read.
        reading: What came of it.
        levels: The levels after it.
        through: API time up to which no more ordinary events are to come, if there were no holes.
        newest: Highest (t, n) journaled, this read's included.
    """
    origin = int(checkpoint.origin)
    covered, gaps = checkpoint.covered, checkpoint.gaps
    for start, end in reading.covered:
        covered = covered.add(max(start, origin), end)
        gaps = without_span(gaps, start, end)
    for gap in reading.gaps:
        for start, end in covered.missing(max(gap.start, origin), gap.end):
            gaps = with_gap(gaps, Gap(start, end, gap.reason))
    accounted = covered.update((gap.start, gap.end) for gap in gaps)
    whole = accounted.first_missing(origin)
    return Checkpoint(
        origin=checkpoint.origin,
        floor=max(checkpoint.floor, _floor(levels, whole)),
        covered=covered,
        gaps=gaps,
        levels=levels,
        newest=newest,
        through=max(checkpoint.through, min(through, whole)),
    )


def first_checkpoint(origin: float, ladder: Ladder) -> Checkpoint:
    """Give the checkpoint of a connector that was never read: its origin is where it begins."""
    levels = ladder.levels((), origin)
    return Checkpoint(origin=origin, floor=_floor(levels, int(origin)), levels=levels, through=origin)


def _floor(levels: Levels, whole: int) -> float:
    """Give the lowest ``from`` that any later read may send: its start, less the padding."""
    return min(int(floor_of(levels)), whole) - PADDING
