"""Which window of one connector is read next.

Rules, in this order (times are API time; a *slice* is a window that by the measured density holds about
`slice_rows` rows):

1. *Catch-up*: while what lies between the end of all that is accounted for (the *frontier*) and the head is
   more than one slice, the next slice from the frontier on is read, oldest first.
2. *Head*: otherwise the window ends at the head and begins where the deepest due level of the ladder says,
   at least `look_back` before the head, and never after the frontier. It counts for the deepest level that
   it reaches back for anyway. A level whose read would be more than one page is read as a *pass*, in slices
   beside the head polls, and the poll uses the deepest due level below it. A pass counts as a read of its
   level at the time at which it was planned, once it is done; it leaves out what polls and other passes have
   read since. Of several passes that one goes on whose level would be too late first: where the budget holds
   all of them, all are in time, and where it does not, each is made some time. Their slices hold no more than
   a page, about, for polls wait for them; one that turns out to take more may be left off, and the next is
   half as wide at most.
3. *Backlog*, when no head poll is due: the oldest hole before the frontier, then the next slice of a pass,
   then of an absence that is to be read again (`tailer.core.absence`); after one that failed the next in
   turn, so that one bad hole holds up nothing else. After one that brought nothing (it lies too near to the
   present for this API) neither holes nor catch-up, until the next poll.
4. Nothing asks for what lies below the checkpoint's floor, padding included.

The look-back is either fixed or automatic: at least four intervals, and as far back as about
`LOOK_BACK_ROWS` rows, as long as they cost no second page. It grows at most twofold a poll, so that a burst
is met gently. Where it held more rows it is cut to that many: halving it, and stretching it again by the
density of what is left, would pay for a second page again and again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from tailer.core.absence import Absence
from tailer.core.advance import frontier_of, holes_of
from tailer.core.durations import Seconds
from tailer.core.keys import PADDING
from tailer.core.ladder import VISITS, Ladder, Levels, start_of, visited
from tailer.core.progress import Checkpoint
from tailer.core.purpose import Purpose
from tailer.core.reading import Reading, density
from tailer.core.spans import Span
from tailer.model import Window

LOOK_BACK_ROWS = 97
"""Rows that an automatic look-back aims at: no API's page is believed to be shorter by default [infer]. At a
number at which an API might cut pages (`tailer.core.quirks.is_round`) a steady connector would be doubted."""

SLICE_PAGES = 9.53
"""Pages of one slice: enough to spread the cost of a commit, few enough to be repeated after a failure. If
slices of a steady connector ended with a full page, of 1000 rows or 100, they would be doubted and read again
in halves."""

PIECE = 0.8
"""Part of a page that a slice of the past is meant to fill: of 100 events that come independently there are
seldom a quarter more, and a second page would be paid for a few of them."""

POLLING_SHARE = 0.9
"""Part of the allowed rate that regular polls may take; the rest is left to listing and second pages."""

PARKED_SHARE = 0.1
"""Part of the allowed rate that tries of parked connectors may take together, about."""

_LEAST_GROWTH = 1.1  # less is not worth the second page that a denser past would cost

Aim = Literal["catch-up", "head", "hole", "pass", "absence", "fill"]
"""Why a window is read."""

_BACKLOG = ("hole", "pass", "absence")


class Plan(NamedTuple):
    """One window to read next.

    Attributes:
        window: What is to be covered.
        aim: Why.
        level: The level of the ladder that a whole read counts for, ``None`` for none.
        max_rows: Rows after which the read is left off as too dense, ``None`` for no limit.
        slices: Parts of the window that are read at once, ascending; empty: it is read as one.
        purpose: What its requests are sent for.
        later: What those after the first are sent for; for a poll that reaches far back for late events they
            are revisits (`tailer.core.terms`).
    """

    window: Window
    aim: Aim
    level: int | None = None
    max_rows: int | None = None
    slices: tuple[Window, ...] = ()
    purpose: Purpose = Purpose.LIVE
    later: Purpose = Purpose.LIVE


class Planner(Protocol):
    """What chooses the windows of one connector, and learns from each read; see `WindowPlanner`."""

    interval: Seconds

    def head(self, checkpoint: Checkpoint, levels: Levels, now: float) -> Plan | None:
        """Plan the poll that is due; ``None``: there is nothing for it to read."""

    def backlog(self, checkpoint: Checkpoint, now: float) -> Plan | None:
        """Plan what is worth reading while no poll is due; ``None`` when nothing is."""

    def is_behind(self, checkpoint: Checkpoint, now: float) -> bool:
        """Tell whether the next poll does not reach the present."""

    def is_done(self, checkpoint: Checkpoint) -> bool:
        """Tell whether nothing of a finite asked span is left to be read."""

    def succeeded(self, plan: Plan, reading: Reading, levels: Levels) -> Levels:
        """Take note of a read that was finished; return the levels that it leaves."""

    def failed(self, plan: Plan, pages: int) -> None:
        """Take note of a read that failed after so many pages."""


@dataclass(slots=True)
class Pacing:
    """What is the same for all connectors of a principal; `fit` adapts it to their number.

    Attributes:
        ladder: Levels for the configured interval.
        interval: Time between two polls of one connector if all were polled alike at present, seconds.
        look_back: Fixed look-back in seconds, ``None`` for automatic.
        slice_rows: Rows that one read is meant to take at most, about.
        until: End of the asked span (API time), ``None`` to follow for ever.
        rate: Requests a second that the budget allows.
        parked: How many connectors are parked at present.
        lanes: Slices of one connector that a sweep (`tailer.core.sweep`) may read at once.
        page_limit: Rows a page that are asked for.
        page_rows: Rows of the full page that was seen last, whatever is asked for; infinite: none was.
    """

    ladder: Ladder
    interval: Seconds
    look_back: Seconds | None = None
    slice_rows: int = 10_000
    until: float | None = None
    rate: float = math.inf
    parked: int = 0
    lanes: int = 1
    page_limit: int = 1000
    page_rows: float = math.inf

    @property
    def shortest(self) -> Seconds:
        """The configured interval."""
        return self.ladder.lengths[0] / VISITS

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
        self.rate = rate
        self.page_limit = page_limit
        self.interval = self.spread(connectors)
        share = max_held // max(2 * connectors, 1)
        self.slice_rows = max(LOOK_BACK_ROWS, min(int(SLICE_PAGES * page_limit), share))

    def spread(self, connectors: int) -> Seconds:
        """Give the time in which so many can be polled once, but the configured interval at least."""
        return max(self.shortest, connectors / (POLLING_SHARE * self.rate))

    @property
    def page_size(self) -> float:
        """Rows of a full page of this API, as far as is known."""
        return min(self.slice_rows, self.page_limit, self.page_rows)

    @property
    def piece_rows(self) -> int:
        """Rows that one read of the past takes at most, about: a page of this API, not quite full."""
        return max(1, min(self.slice_rows, int(PIECE * min(self.page_limit, self.page_rows))))

    @property
    def parked_spread(self) -> Seconds:
        """Time over which tries of all that are parked take no more than `PARKED_SHARE` of the budget."""
        return self.parked / (PARKED_SHARE * self.rate)


@dataclass(slots=True)
class _Pass:
    """A level's read in slices, from `begin` on; ``[start, end)`` is left. It counts as of `read_at`.

    While one that follows a catch-up `is_alone` no other is planned: each would at once be followed by one
    that reads the span of the catch-up once more.
    """

    level: int
    begin: int
    start: int
    end: int
    read_at: int
    due_by: float
    is_alone: bool


class WindowPlanner:
    """What one connector's reads have shown, and the choice of the next one.

    Durable progress is not here but in the `Checkpoint`, which comes in with every call.

    Args:
        pacing: Read at every call: it may be adapted at any time.
        absence: What is to be read again for an appliance that was away; ``None``: nothing ever.

    Attributes:
        interval: Time between two polls of this connector at present, seconds.
    """

    def __init__(self, pacing: Pacing, absence: Absence | None = None) -> None:
        self.interval = pacing.interval
        self._absence = absence or Absence()
        self._pacing = pacing
        self._density: float | None = None
        self._reach = self._shortest_reach
        self._ceiling: int | None = None
        self._passes: list[_Pass] = []
        self._caught_up: tuple[int, int] | None = None
        self._turn = 0
        self._is_stuck = False
        self._width: int | None = None  # of the next slice of the past; ``None``: the density tells
        self._wished: float = math.inf  # of the last one, if what was to be read did not end before

    def head(self, checkpoint: Checkpoint, levels: Levels, now: float) -> Plan | None:
        """Plan the poll that is due; ``None`` when the asked span holds nothing more.

        Args:
            checkpoint: Durable progress.
            levels: The checkpoint's levels, carried over to this run's ladder.
            now: API time; the window never ends after it.
        """
        head, frontier = self._head(now), frontier_of(checkpoint)
        if self.is_behind(checkpoint, now):
            self._caught_up = self._caught_up or (frontier, math.floor(now))
            return self._slice(frontier, head, "catch-up")
        lowest = math.floor(checkpoint.floor) + PADDING
        level = self._level(levels, now, head, lowest)
        start = anyway = math.floor(min(self._look_back_start(checkpoint, now), frontier))
        if level is not None:
            start = min(start, math.floor(start_of(levels, level)))
        is_away = head - frontier > self._shortest_reach
        is_deep, start = start < anyway and not is_away, max(start, lowest)
        if start >= head:
            return None
        level = max((n for n in range(len(levels)) if start <= start_of(levels, n)), default=level)
        # what would be read anyway at the next poll has no limit, or nothing would ever be read
        most = 2 * self._pacing.slice_rows if is_deep or is_away else None
        later = Purpose.REVISIT if is_deep else Purpose.LIVE
        return Plan(Window(start, head), "head", level, most, later=later)

    def backlog(self, checkpoint: Checkpoint, now: float) -> Plan | None:
        """Plan what is worth reading while no poll is due; ``None`` when nothing is."""
        end = min(frontier_of(checkpoint), self._head(now))
        holes = [] if self._is_stuck else holes_of(checkpoint, end)
        choices: list[tuple[Span, Aim]] = [(hole, "hole") for hole in holes]
        lowest = math.floor(checkpoint.floor) + PADDING
        # where the floor was raised beyond a pass, its level is planned anew when it is due
        self._passes = [one for one in self._passes if one.end > lowest]
        if self._passes:
            ongoing = self._next_pass
            choices.append(((max(ongoing.start, lowest), ongoing.end), "pass"))
        away = self._absence.due(now)
        if away is not None and away[1] <= lowest:
            self._absence.read(away[1], now, has_found=False)  # the floor was raised beyond it
        elif (
            away is not None and (span := (max(away[0], lowest), min(away[1], self._head(now))))[0] < span[1]
        ):
            choices.append((span, "absence"))
        if not choices:
            return None
        (start, end), aim = choices[self._turn % len(choices)]
        return self._slice(start, end, aim)

    def is_behind(self, checkpoint: Checkpoint, now: float) -> bool:
        """Tell whether the next window is one of catch-up."""
        return not self._is_stuck and self._is_long(self._head(now) - frontier_of(checkpoint))

    def is_done(self, checkpoint: Checkpoint) -> bool:
        """Tell whether all of a finite asked span is accounted for, and late events before it looked for."""
        until = self._pacing.until
        if until is None or self._passes or self._caught_up is not None:
            return False
        return not holes_of(checkpoint, math.ceil(until))

    def succeeded(self, plan: Plan, reading: Reading, levels: Levels) -> Levels:
        """Take note of a read that was finished; return the levels that it leaves."""
        width = plan.window.end - plan.window.start
        has_progress = bool(reading.covered or reading.gaps or reading.dense)
        self._is_stuck = plan.aim in ("catch-up", "hole") and not has_progress
        self._pacing.page_rows = reading.page_rows or self._pacing.page_rows
        if plan.aim in _BACKLOG:
            self._fit_width(width, reading)
        if reading.dense:
            if plan.later == Purpose.REVISIT:  # of what is new it tells nothing
                self._density = max(self._density or 0.0, 2 * self._pacing.piece_rows / width)
            elif plan.aim not in _BACKLOG:
                self._thin_out(width, 4 * (self._density or 0.0), density(reading.rows))
            return levels
        if reading.pages:
            self._density = len(reading.rows) / width
        if plan.aim == "head":
            return self._head_was_read(plan, reading, levels)
        self._turn = 0
        if plan.aim == "pass":
            return self._pass_was_read(plan, levels)
        return levels

    def failed(self, plan: Plan, pages: int) -> None:
        """Take note of a read that failed: shallower, smaller or elsewhere the next time.

        Args:
            plan: What was tried.
            pages: Pages that had come before it failed.
        """
        if plan.aim in _BACKLOG:
            self._turn += 1
        elif plan.level:
            self._ceiling = plan.level - 1
        if pages > 1:  # it did not fit into one go: half as much the next time
            self._thin_out(plan.window.end - plan.window.start, 2 * (self._density or 0.0))

    @property
    def _next_pass(self) -> _Pass:
        """The one whose level is out of effect first, as things stand (`tailer.core.ladder`)."""
        return min(self._passes, key=lambda one: one.due_by)

    @property
    def _shortest_reach(self) -> Seconds:
        return VISITS * self.interval

    def _head(self, now: float) -> int:
        until = self._pacing.until
        return math.floor(now) if until is None else min(math.floor(now), math.ceil(until))

    def _is_long(self, width: float, level: int = 0) -> bool:
        if width <= self._shortest_reach or self._density is None:
            return False
        return width * self._density > (self._pacing.page_size if level else self._pacing.slice_rows)

    def _thin_out(self, width: int, *densities: float) -> None:
        """Take the density for so high that slices are at most half as wide as what was too much."""
        self._density = max(2 * self._pacing.slice_rows / width, *densities)
        self._reach = self._shortest_reach

    def _fit_width(self, width: int, reading: Reading) -> None:
        """Make the next slice of the past as wide as this one would have to be to fill a piece."""
        rows = self._pacing.piece_rows
        if reading.dense:
            self._width = max(1, min(width // 2, int(rows / max(density(reading.rows), 1 / width))))
        elif width >= self._wished:
            self._width = max(1, int(width * min(2.0, rows / max(len(reading.rows), 1))))

    def _level(self, levels: Levels, now: float, head: int, lowest: int) -> int | None:
        """Choose the deepest due level that fits into one read; a deeper one becomes a pass.

        After a catch-up not even the shallowest may fit, as none was read for long; then the pass, which ends
        where the catch-up began, does the work of all.
        """
        ladder = self._pacing.ladder
        level = ladder.deepest_due(levels, now, self._ceiling)
        while self._is_long(head - (start := max(math.floor(start_of(levels, level)), lowest)), level):
            if not any(one.is_alone or one.level == level for one in self._passes):
                end, read_at = self._caught_up or (head, head)
                is_alone = self._caught_up is not None
                length, before = levels[level]
                due_by = before + 2 * length / VISITS
                self._passes.append(
                    _Pass(level, start, start, max(start + 1, end), read_at, due_by, is_alone)
                )
                self._caught_up = None
            if level == 0:
                return None
            level = ladder.deepest_due(levels, now, level - 1)
        return level

    def _head_was_read(self, plan: Plan, reading: Reading, levels: Levels) -> Levels:
        self._ceiling = None
        self._adapt_reach(plan, reading)
        ends = [end for _, end in reading.covered] + [gap.end for gap in reading.gaps]
        if plan.level is None or not ends:
            return levels
        self._caught_up = None
        level = plan.level
        self._passes = [one for one in self._passes if one.level > level]
        return self._spare(plan.window.start, max(ends), max(ends), visited(levels, level, max(ends)))

    def _pass_was_read(self, plan: Plan, levels: Levels) -> Levels:
        if not self._passes:
            return levels
        ongoing = self._next_pass
        ongoing.start = plan.window.end
        if ongoing.start < ongoing.end:
            return levels
        self._passes = [
            one for one in self._passes if one.level > ongoing.level or one.read_at > ongoing.read_at
        ]
        self._width = None
        levels = visited(levels, ongoing.level, ongoing.read_at)
        return self._spare(ongoing.begin, plan.window.end, ongoing.read_at, levels)

    def _spare(self, start: int, end: int, read_at: float, levels: Levels) -> Levels:
        """Leave out of the passes what was read since they were planned; return the levels that this leaves.

        Args:
            start: First second that was read.
            end: One past the last.
            read_at: API time after which all of it was read.
            levels: Before.
        """
        for one in [*self._passes]:
            if one.read_at <= read_at and start < one.end <= end:
                one.end = start
            if one.end <= one.start:
                self._passes.remove(one)
                levels = visited(levels, one.level, one.read_at)
        return levels

    def _adapt_reach(self, plan: Plan, reading: Reading) -> None:
        width, rows = plan.window.end - plan.window.start, len(reading.rows)
        if rows > LOOK_BACK_ROWS:
            # From the mean density it would be taken too far, again and again, where the past was denser.
            wished = plan.window.end - sorted(row.t for row in reading.rows)[-LOOK_BACK_ROWS]
        elif reading.pages > 1:
            wished = width / reading.pages
        else:
            growth = min(2.0, LOOK_BACK_ROWS / max(rows, 1))
            wished = width * growth if growth > _LEAST_GROWTH else width
        self._reach = max(self._shortest_reach, wished)

    def _slice(self, start: int, end: int, aim: Aim) -> Plan:
        is_past = aim in _BACKLOG
        rows = self._pacing.piece_rows if is_past else self._pacing.slice_rows
        width = max(1, int(rows / self._density)) if self._density else math.inf
        if is_past:
            width = self._wished = self._width or width
        purpose = Purpose.REVISIT if is_past else Purpose.LIVE
        window = Window(start, int(min(end, start + width)))
        return Plan(window, aim, None, 2 * self._pacing.slice_rows, purpose=purpose)

    def _look_back_start(self, checkpoint: Checkpoint, now: float) -> float:
        fixed = self._pacing.look_back
        if fixed is not None:
            return now - fixed
        return min(max(checkpoint.origin, now - self._reach), now - self._shortest_reach)
