"""Which slices of a closed span are read next, several at once, and what each read teaches."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tailer.core.advance import first_checkpoint
from tailer.core.ladder import Ladder, floor_of
from tailer.core.progress import Checkpoint, Gap
from tailer.core.purpose import Purpose
from tailer.core.reading import Reading, merged
from tailer.core.spans import Spans
from tailer.core.sweep import SweepPlanner
from tailer.core.windows import Pacing, Plan
from tailer.model import Event, Window

LADDER = Ladder(5, 960)
START, END = 10_000, 20_000
NOW = END + 50.5


def pacing(lanes: int = 1) -> Pacing:
    """Give what is the same for all connectors: slices of 100 rows, pages of 10."""
    return Pacing(LADDER, 5, slice_rows=100, until=END, lanes=lanes)


def begun(*spans: tuple[int, int], **changes: Any) -> Checkpoint:
    """Give a checkpoint of which these spans are read."""
    checkpoint = first_checkpoint(START, LADDER)
    return msgspec.structs.replace(checkpoint, covered=Spans().update(spans), **changes)


def reading(rows: int, *spans: tuple[int, int], **more: Any) -> Reading:
    """Give what came of a read: rows of one time, and what was covered."""
    events = [Event(START, n, "Init", START) for n in range(rows)]
    return Reading(rows=events, covered=[*spans], pages=more.pop("pages", 1), **more)


def planner(lanes: int = 1, density: float | None = None) -> SweepPlanner:
    """Give a planner that has measured so many events a second, or none yet."""
    made = SweepPlanner(pacing(lanes))
    if density is not None:
        plan = Plan(Window(0, 1000), "hole", slices=(Window(0, 1000),))
        made.succeeded(plan, reading(int(1000 * density), plan.window), begun().levels)
    return made


def slices(made: SweepPlanner, checkpoint: Checkpoint) -> list[tuple[int, int]]:
    """Give the slices that are read next."""
    plan = made.backlog(checkpoint, NOW)
    assert plan is not None
    assert plan.window == (plan.slices[0].start, plan.slices[-1].end)
    return [*plan.slices]


def test_without_a_density_the_oldest_hole_is_read_whole() -> None:
    """Given nothing known, the first read asks for all, and is left off after two slices' rows."""
    plan = planner().backlog(begun(), NOW)
    assert plan == Plan(
        Window(START, END), "hole", None, 200, slices=(Window(START, END),), purpose=Purpose.BACKFILL
    )


def test_where_there_are_lanes_the_first_page_tells_the_density() -> None:
    """Given room for several slices at once, the first read is left off after a page."""
    plan = planner(lanes=4).backlog(begun(), NOW)
    assert plan is not None
    assert plan.max_rows == 10


def test_slices_hold_as_many_rows_as_a_read_is_meant_to() -> None:
    """Given one event in ten seconds, a slice of 100 rows is 1000 seconds long."""
    assert slices(planner(density=0.1), begun()) == [(START, START + 1000)]


def test_several_slices_are_read_at_once() -> None:
    """Given four lanes, the four oldest slices are planned together, around what is read already."""
    found = slices(planner(4, density=0.1), begun((START + 1500, START + 3000)))
    assert found == [(10_000, 11_000), (11_000, 11_500), (13_000, 14_000), (14_000, 15_000)]


def test_the_rest_is_shared_out_evenly() -> None:
    """Given less left than the lanes could take, each gets as much, but at least a page."""
    rest = begun((START, END - 2000))
    assert slices(planner(4, density=0.1), rest) == [
        (start, start + 500) for start in range(18_000, 20_000, 500)
    ]
    rest = begun((START, END - 150))
    assert slices(planner(4, density=0.1), rest) == [(19_850, 19_950), (19_950, 20_000)]


def test_a_gap_is_not_asked_for() -> None:
    """What can't be read counts as done."""
    gaps = (Gap(START, START + 5000, "too old"),)
    assert slices(planner(), begun(gaps=gaps)) == [(START + 5000, END)]


def test_a_dense_read_makes_slices_smaller() -> None:
    """Given a read that was left off, the next slice is at most half as wide."""
    made = planner()
    plan = made.backlog(begun(), NOW)
    assert plan is not None
    made.succeeded(plan, reading(1, dense=True), begun().levels)
    assert slices(made, begun()) == [(START, START + 5000)]


def test_a_slice_is_some_ten_pages_however_short_they_are() -> None:
    """Given pages that turn out to have two rows, a slice has some twenty: a crash costs little."""
    made = planner(density=0.1)
    plan = made.backlog(begun(), NOW)
    assert plan is not None
    made.succeeded(plan, reading(100, plan.window, pages=51), begun().levels)
    assert slices(made, begun()) == [(START, START + 190)]


def test_nothing_is_asked_for_beyond_the_span_or_the_present() -> None:
    """Given an end in the future, only what is over is planned."""
    plan = planner().backlog(begun(), START + 100.9)
    assert plan is not None
    assert plan.window == (START, START + 100)


def test_it_is_done_when_nothing_is_left() -> None:
    """Read or lost, all of the span counts; before the end is known nothing is done."""
    made, whole = planner(), begun((START, 15_000), gaps=(Gap(15_000, END, "page cap"),))
    assert made.is_done(whole)
    assert made.backlog(whole, NOW) is None
    assert not made.is_done(begun())
    assert not SweepPlanner(Pacing(LADDER, 5)).is_done(whole)
    assert not made.is_behind(begun(), NOW)


def test_no_level_asks_for_anything_afterwards() -> None:
    """After a read the floor can follow what was read, so keys are forgotten on the way."""
    made = planner()
    plan = made.backlog(begun(), NOW)
    assert plan is not None
    levels = made.succeeded(plan, reading(3, plan.window), begun().levels)
    assert floor_of(levels) >= END


def test_what_failed_lets_the_rest_go_first() -> None:
    """Given a slice that fails, the next ones are read before it is tried again."""
    made = planner(density=0.1)
    plan = made.backlog(begun(), NOW)
    assert plan is not None
    made.failed(plan, 0)
    assert slices(made, begun()) == [(START + 1000, START + 2000)]
    assert slices(made, begun((START + 1000, END))) == [(START, START + 1000)]


def test_what_failed_has_its_turn_again_after_a_success() -> None:
    """Given a success elsewhere, the oldest hole comes first again."""
    made = planner(density=0.1)
    first = made.backlog(begun(), NOW)
    assert first is not None
    made.failed(first, 0)
    second = made.backlog(begun(), NOW)
    assert second is not None
    made.succeeded(second, reading(100, second.window), begun().levels)
    assert slices(made, begun(second.window)) == [(START, START + 1000)]


@pytest.mark.parametrize(("pages", "width"), [(1, 1000), (5, 500)])
def test_what_fails_after_pages_is_tried_in_smaller_parts(pages: int, width: int) -> None:
    """Given a read that got on for some pages and failed, the next one is half as wide."""
    made = planner(density=0.1)
    plan = made.backlog(begun(), NOW)
    assert plan is not None
    made.failed(plan, pages)
    assert slices(made, begun()) == [(START + 1000, START + 1000 + width)]


def test_what_can_not_be_read_yet_waits_for_the_next_poll() -> None:
    """Given an answer that covers nothing, it is asked for again when a poll is due, and not before."""
    made = planner()
    plan = made.backlog(begun(), NOW)
    assert plan is not None
    assert made.head(begun(), begun().levels, NOW) is None
    made.succeeded(plan, reading(0, pages=0), begun().levels)
    assert made.backlog(begun(), NOW) is None
    again = made.head(begun(), begun().levels, NOW)
    assert again is not None
    assert (again.window, again.aim) == (plan.window, "head")


def test_readings_of_slices_are_put_together_in_order() -> None:
    """All that came of several slices counts, and one that was left off makes the whole dense."""
    first = reading(2, (0, 5), gaps=[Gap(5, 6, "page cap")])
    second = reading(1, (6, 9), dense=True, refused=True)
    whole = merged([first, second])
    assert whole.rows == first.rows + second.rows
    assert (whole.covered, whole.gaps, whole.pages) == ([(0, 5), (6, 9)], first.gaps, 2)
    assert whole.dense
    assert whole.refused
    assert merged([first]) is first
