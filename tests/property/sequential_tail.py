"""One connector's poller without a pipeline: plan, read, keep what is new, one thing after the other."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from tailer.core.advance import advanced, first_checkpoint, holes_of
from tailer.core.dedupe import select
from tailer.core.keys import KeySet
from tailer.core.ladder import Levels
from tailer.core.progress import Checkpoint
from tailer.core.quirks import Quirks
from tailer.core.reading import WindowRead
from tailer.core.spans import Spans
from tailer.core.windows import Pacing, Plan, WindowPlanner
from tailer.model import Key
from tests.property.mannered_api import MannerlyApi

MAX_REQUESTS = 3000


@dataclass(frozen=True, kw_only=True)
class Troubles:
    """What may go wrong.

    Attributes:
        seed: Of the chance that the rest is left to.
        failing: Share of requests that fail.
        outages: Spans of time in which all fail.
        restarts: Times at which all that is not durable is forgotten.
        cuts: Times at which memory gets short, or is no longer, and how far back is read from then on.
        slowest: Most that a poll is late, in intervals.
        rooms: Times from which on the budget has room for a read of the past every so many seconds.
        leaving: Share of the pages after which a read of the past makes way for a poll.
    """

    seed: int = 0
    failing: float = 0.0
    outages: tuple[tuple[float, float], ...] = ()
    restarts: tuple[float, ...] = ()
    cuts: tuple[tuple[float, float], ...] = ()
    slowest: float = 0.0
    rooms: tuple[tuple[float, float], ...] = ()
    leaving: float = 0.0


@dataclass
class Diary:
    """What came of it all.

    Attributes:
        found_at: When each event was journaled.
        free_polls: When head polls succeeded that were free to go as deep as was due.
        longest_pass: The longest time from the planning to the end of a pass.
        aims: How many reads of each kind succeeded.
        most_keys: The most keys that were remembered at once.
        levels: What the checkpoint had, by the time from which on.
    """

    found_at: dict[Key, float] = field(default_factory=dict)
    free_polls: list[float] = field(default_factory=list)
    longest_pass: float = 0.0
    aims: dict[str, int] = field(default_factory=dict)
    most_keys: int = 0
    levels: list[tuple[float, Levels]] = field(default_factory=list)


class SequentialTail:
    """Polls one connector of an API for as long as it is told, and checks on the way what must always hold.

    Args:
        api: Its clock is the time of all.
        pacing: As for the planner.
        origin: Where its events begin.
        troubles: What goes wrong.
    """

    def __init__(self, api: MannerlyApi, pacing: Pacing, *, origin: float, troubles: Troubles) -> None:
        self.api = api
        self.diary = Diary(free_polls=[origin])
        self.checkpoint = first_checkpoint(origin, pacing.ladder)
        self._pacing = pacing
        self._keys = KeySet()
        self._troubles = troubles
        self._restarts = sorted(troubles.restarts, reverse=True)
        self._random = random.Random(troubles.seed)
        self._due_at = self._room_at = origin
        self.diary.levels.append((origin, self.checkpoint.levels))
        self._start()

    def _start(self) -> None:
        self._planner = WindowPlanner(self._pacing)
        self._quirks = Quirks()
        self._levels = self._pacing.ladder.levels(self.checkpoint.levels, self.checkpoint.origin)
        self._is_free = True

    def run(self, until: float) -> None:
        """Poll until a time."""
        idle_steps = 0
        while self.api.now < until:
            if self._restarts and self._restarts[-1] <= self.api.now:
                self._restarts.pop()
                self._start()
            before = (self.api.now, self.checkpoint)
            self._step()
            idle_steps = 0 if (self.api.now, self.checkpoint) != before else idle_steps + 1
            assert idle_steps < 1000, "much ado about nothing"

    @property
    def is_done(self) -> bool:
        """Whether a finite span was read."""
        return self._planner.is_done(self.checkpoint)

    def _step(self) -> None:
        now = self.api.now
        plan: Plan | None = None
        if now >= self._due_at or self._planner.is_behind(self.checkpoint, now):
            plan = self._planner.head(self.checkpoint, self._levels, now)
        if plan is None and now >= self._room_at:
            plan = self._planner.backlog(self.checkpoint, now)
            every = (every for at, every in reversed(self._troubles.rooms) if at <= now)
            self._room_at = now + next(every, 0.0)
        if plan is None:
            self.api.now = max(min(self._due_at, max(self._room_at, now)), now + self._pacing.interval / 10)
            return
        self._read(plan, now)

    def _read(self, plan: Plan, now: float) -> None:
        read = WindowRead(
            plan.window,
            self._quirks,
            now=now,
            limit=1000,
            max_rows=plan.max_rows,
            skip=self.checkpoint.unreadable,
        )
        is_whole = self._carry_out(read, leaving=0.0 if plan.aim == "head" else self._troubles.leaving)
        if is_whole:
            self._note_success(plan, now)
            levels = self._planner.succeeded(plan, read.result, self._levels)
            if plan.aim == "pass" and levels != self._levels:
                planned_at = max(after for _, after in {*levels} - {*self._levels})
                self.diary.longest_pass = max(self.diary.longest_pass, self.api.now - planned_at)
            self._levels = levels
        else:
            self._planner.failed(plan, read.result.pages)
        self._commit(plan, read, now)
        if plan.aim == "head" or not is_whole:
            late = self._random.uniform(0, self._troubles.slowest if is_whole else 2)
            self._due_at = now + self._pacing.interval * (1 + late)
            self.api.now = max(self.api.now, now + 0.01)
        if plan.aim == "head":
            self._is_free = is_whole

    def _carry_out(self, read: WindowRead, *, leaving: float) -> bool:
        for _ in range(MAX_REQUESTS):
            request = read.next_request()
            if request is None:
                return True
            assert request.start >= self.checkpoint.floor
            if self._fails():
                self.api.now += 0.1
                return False
            page = self.api.answer(request)
            if page is not None:
                read.feed(page)
                if read.is_divisible and self._random.random() < leaving:
                    read.leave_off()
                continue
            read.refuse()
            if read.result.refused:
                return False
        raise AssertionError("a read without an end")

    def _fails(self) -> bool:
        now = self.api.now
        is_out = any(start <= now < end for start, end in self._troubles.outages)
        return is_out or self._random.random() < self._troubles.failing

    def _note_success(self, plan: Plan, now: float) -> None:
        self.diary.aims[plan.aim] = self.diary.aims.get(plan.aim, 0) + 1
        if plan.aim == "head" and self._is_free:
            self.diary.free_polls.append(now)

    def _commit(self, plan: Plan, read: WindowRead, now: float) -> None:
        before = self.checkpoint
        events = select(
            read.result.rows, self._keys, plan.window, origin=before.origin, until=self._pacing.until
        ).events
        for event in events:
            assert event.key not in self.diary.found_at, "journaled twice"
            self.diary.found_at[event.key] = self.api.now
        reach = next((reach for at, reach in reversed(self._troubles.cuts) if at <= now), math.inf)
        self.checkpoint = advanced(before, read.result, self._levels, through=now, newest=None, reach=reach)
        self.diary.levels.append((self.api.now, self.checkpoint.levels))
        self._keys.add(events, now)
        self._keys.forget(before.floor, before.gap_spans, at_once=self._random.random() < 0.1)
        self.diary.most_keys = max(self.diary.most_keys, len(self._keys))
        self._check(before)

    def _check(self, before: Checkpoint) -> None:
        """Check that the floor and what is accounted for only grow, and that no second is two things."""
        after = self.checkpoint
        assert after.floor >= before.floor
        assert after.through >= before.through
        spans = [*after.covered, *((gap.start, gap.end) for gap in after.gaps)]
        end = max([int(after.origin), *(end for _, end in spans)])
        spans += holes_of(after, end)
        assert sum(high - low for low, high in spans) == end - int(after.origin)
        assert Spans().update(spans).size == end - int(after.origin)
