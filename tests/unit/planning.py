"""Plans, checkpoints and readings, for more than one file of tests."""

from __future__ import annotations

from typing import Any

import msgspec

from tailer.core.advance import first_checkpoint
from tailer.core.ladder import Ladder, Levels
from tailer.core.progress import Checkpoint
from tailer.core.reading import Reading
from tailer.core.spans import Spans
from tailer.core.windows import Pacing, Plan, WindowPlanner
from tailer.model import Event, Window

LADDER = Ladder(5, 960)
PACING = Pacing(LADDER, 5, slice_rows=100)
ORIGIN = 10_000


def covered(until: int, **changes: Any) -> Checkpoint:
    """Give a checkpoint that is read whole up to a time, all levels at that time unless told otherwise."""
    begun = first_checkpoint(ORIGIN, LADDER)
    levels = tuple((length, float(until)) for length in LADDER.lengths)
    checkpoint = msgspec.structs.replace(begun, covered=Spans().add(ORIGIN, until), levels=levels)
    return msgspec.structs.replace(checkpoint, **changes)


def reading(rows: int, *spans: tuple[int, int], at: int = ORIGIN, **more: Any) -> Reading:
    """Give what came of a read: rows of one time, and what was covered."""
    events = [Event(at, n, "Init", at) for n in range(rows)]
    return Reading(rows=events, covered=[*spans], pages=more.pop("pages", 1), **more)


def head(planner: WindowPlanner, checkpoint: Checkpoint, now: float, levels: Levels | None = None) -> Plan:
    """Give the plan of a poll that is due."""
    plan = planner.head(checkpoint, checkpoint.levels if levels is None else levels, now)
    assert plan is not None
    return plan


def planner_of_density(rows: int, seconds: int, pacing: Pacing = PACING) -> WindowPlanner:
    """Give a planner whose last read had so many rows in so many seconds."""
    planner = WindowPlanner(pacing)
    plan = Plan(Window(0, seconds), "catch-up")
    planner.succeeded(plan, reading(rows, plan.window), covered(ORIGIN).levels)
    return planner
