"""Which window is read next: head, catch-up, hole, pass; and what each read leaves behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tailer.core.absence import Absence
from tailer.core.advance import first_checkpoint
from tailer.core.ladder import Ladder, Levels
from tailer.core.progress import Checkpoint, Gap
from tailer.core.purpose import Purpose
from tailer.core.reading import Reading
from tailer.core.spans import Spans
from tailer.core.windows import Aim, Pacing, Plan, WindowPlanner
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


# ---- Pacing


@pytest.mark.parametrize(("connectors", "interval"), [(0, 5), (18, 5), (36, 10)])
def test_the_interval_is_stretched_to_the_budget(connectors: int, interval: float) -> None:
    """Given more connectors than the rate allows to poll that often, all are polled less often."""
    pacing = Pacing(LADDER, 5)
    pacing.fit(connectors, rate=4, page_limit=1000, max_held=10**9)
    assert pacing.interval == pytest.approx(interval)


@pytest.mark.parametrize(
    ("connectors", "max_held", "slice_rows"), [(1, 10**6, 9_530), (100, 10**6, 5000), (1000, 1000, 97)]
)
def test_slices_fit_what_may_be_held(connectors: int, max_held: int, slice_rows: int) -> None:
    """A slice is ten pages, or less where one of each connector would be too much to hold."""
    pacing = Pacing(LADDER, 5)
    pacing.fit(connectors, rate=4, page_limit=1000, max_held=max_held)
    assert pacing.slice_rows == slice_rows


# ---- Head


def test_the_first_poll_ends_at_the_head() -> None:
    """Given nothing read yet, the poll looks back four intervals, and its window ends at whole seconds."""
    assert head(WindowPlanner(PACING), covered(ORIGIN), ORIGIN + 5.7) == Plan(
        Window(ORIGIN - 15, ORIGIN + 5), "head", 0
    )


def test_a_deep_level_reaches_back_and_is_limited() -> None:
    """Given a level that is due, the poll reads from three quarters of its length before its last read."""
    levels = tuple((length, ORIGIN + 1000.0) for length in LADDER.lengths)
    assert head(WindowPlanner(PACING), covered(ORIGIN + 1070, levels=levels), ORIGIN + 1080) == Plan(
        Window(ORIGIN + 760, ORIGIN + 1080), "head", 2, 200, later=Purpose.REVISIT
    )


def test_a_window_never_begins_after_the_frontier() -> None:
    """Given a long outage, the poll begins where the last one ended, and is limited."""
    levels = tuple((length, ORIGIN + 990.0) for length in LADDER.lengths)
    plan = head(WindowPlanner(PACING), covered(ORIGIN + 100), ORIGIN + 990, levels)
    assert plan == Plan(Window(ORIGIN + 100, ORIGIN + 990), "head", 3, 200)


def test_nothing_below_the_floor_is_asked_for() -> None:
    """Given a floor above what a level would ask for, the window begins a padding above it."""
    checkpoint = covered(ORIGIN + 1000, floor=ORIGIN + 900.0)
    assert head(WindowPlanner(PACING), checkpoint, ORIGIN + 1300).window.start == ORIGIN + 901


def test_a_fixed_look_back_is_kept() -> None:
    """Given a fixed look-back, every poll reaches that far."""
    planner = WindowPlanner(replace(PACING, look_back=100))
    assert head(planner, covered(ORIGIN + 1000), ORIGIN + 1005).window.start == ORIGIN + 905


def test_the_look_back_grows_with_quiet() -> None:
    """Given few rows, the next poll reaches twice as far back, as long as that holds some hundred rows."""
    checkpoint = covered(ORIGIN + 1000)
    planner = WindowPlanner(PACING)
    plan = Plan(Window(ORIGIN + 900, ORIGIN + 1000), "head", 0)
    planner.succeeded(plan, reading(2, plan.window), checkpoint.levels)
    assert head(planner, checkpoint, ORIGIN + 1005).window.start == ORIGIN + 805
    planner.succeeded(plan, reading(80, plan.window), checkpoint.levels)
    assert head(planner, checkpoint, ORIGIN + 1005).window.start == ORIGIN + 883
    planner.succeeded(plan, reading(10, plan.window, pages=2), checkpoint.levels)
    assert head(planner, checkpoint, ORIGIN + 1005).window.start == ORIGIN + 955
    planner.succeeded(plan, reading(99_999, plan.window, at=ORIGIN + 999), checkpoint.levels)
    assert head(planner, checkpoint, ORIGIN + 1005).window.start == ORIGIN + 985


def test_a_look_back_that_holds_about_a_hundred_rows_stays() -> None:
    """Given nearly enough rows, it is not stretched into a past that may be denser and cost a second page."""
    checkpoint = covered(ORIGIN + 1000)
    planner = WindowPlanner(PACING)
    plan = Plan(Window(ORIGIN + 900, ORIGIN + 1000), "head", 0)
    planner.succeeded(plan, reading(90, plan.window), checkpoint.levels)
    assert head(planner, checkpoint, ORIGIN + 1005).window.start == ORIGIN + 905


def test_a_look_back_that_was_too_long_is_cut_to_the_newest_rows() -> None:
    """Given a past that is denser than the present, it ends where so many rows are left."""
    checkpoint = covered(ORIGIN + 1000)
    planner = WindowPlanner(PACING)
    plan = Plan(Window(ORIGIN + 600, ORIGIN + 1000), "head", 0)
    times = [610] * 50 + [650, 700] + [990] * 96
    rows = [Event(ORIGIN + t, n, "Init", ORIGIN + t) for n, t in enumerate(times)]
    planner.succeeded(plan, Reading(rows=rows, covered=[plan.window], pages=2), checkpoint.levels)
    assert head(planner, checkpoint, ORIGIN + 1005).window.start == ORIGIN + 705


def test_the_look_back_ends_at_the_origin() -> None:
    """Given an origin not long ago, the look-back does not grow beyond it."""
    checkpoint = covered(ORIGIN + 30)
    planner = WindowPlanner(PACING)
    plan = Plan(Window(ORIGIN - 70, ORIGIN + 30), "head", 0)
    planner.succeeded(plan, reading(0, plan.window), checkpoint.levels)
    assert head(planner, checkpoint, ORIGIN + 35).window.start == ORIGIN


def test_a_read_level_is_noted_with_what_was_covered() -> None:
    """A head read counts for its level up to where it was covered or found unreadable."""
    levels = covered(ORIGIN).levels
    plan = Plan(Window(ORIGIN, ORIGIN + 50), "head", 1)
    planner = WindowPlanner(PACING)
    after = planner.succeeded(plan, reading(0, (ORIGIN, ORIGIN + 48)), levels)
    assert [read_at for _, read_at in after] == [ORIGIN + 48, ORIGIN + 48, ORIGIN, ORIGIN]
    lost = Reading(gaps=[Gap(ORIGIN, ORIGIN + 49, "page cap")], pages=1)
    assert planner.succeeded(plan, lost, levels)[1] == (80, ORIGIN + 49)


@pytest.mark.parametrize(
    ("plan", "came"),
    [
        (Plan(Window(ORIGIN, ORIGIN + 50), "head"), reading(0, (ORIGIN, ORIGIN + 50))),
        (Plan(Window(ORIGIN, ORIGIN + 50), "head", 1), reading(0)),
        (Plan(Window(ORIGIN, ORIGIN + 50), "head", 1), reading(0, pages=0)),
        (Plan(Window(ORIGIN, ORIGIN + 50), "head", 1), reading(99, (ORIGIN, ORIGIN + 9), dense=True)),
        (Plan(Window(ORIGIN, ORIGIN + 50), "catch-up"), reading(0, (ORIGIN, ORIGIN + 50))),
        (Plan(Window(ORIGIN, ORIGIN + 50), "pass"), reading(0, (ORIGIN, ORIGIN + 50))),
    ],
)
def test_other_reads_count_for_no_level(plan: Plan, came: Reading) -> None:
    """Given no level, no coverage or a read that was left off, the levels stay as they are."""
    levels = covered(ORIGIN).levels
    assert WindowPlanner(PACING).succeeded(plan, came, levels) == levels


def test_after_a_failure_the_poll_is_shallower() -> None:
    """Given a deep poll that failed, the deepest due level below it is next, until a poll succeeds."""
    checkpoint = covered(ORIGIN + 1000)
    planner = WindowPlanner(PACING)
    now = ORIGIN + 1300
    for level in (3, 2, 1, 0, 0):
        plan = head(planner, checkpoint, now)
        assert plan.level == level
        planner.failed(plan, pages=0)
    planner.succeeded(Plan(Window(0, 10), "hole"), reading(0), checkpoint.levels)
    assert head(planner, checkpoint, now).level == 0
    planner.succeeded(head(planner, checkpoint, now), reading(0), checkpoint.levels)
    assert head(planner, checkpoint, now).level == 3


def test_a_poll_that_did_not_fit_into_one_go_is_followed_by_a_smaller_one() -> None:
    """Given a failure after some pages, half the span is tried next, and half of that."""
    checkpoint = covered(ORIGIN)
    planner = WindowPlanner(PACING)
    now = ORIGIN + 800
    planner.failed(head(planner, checkpoint, now), pages=2)
    for width in (783, 391, 195):
        plan = head(planner, checkpoint, now)
        assert plan.aim == "catch-up"
        assert plan.window.end - plan.window.start <= width
        planner.failed(plan, pages=2)


def test_what_takes_more_than_a_page_becomes_a_pass_in_pages() -> None:
    """Given an API with pages of ten rows, a level that holds more is read in pieces that hold eight."""
    planner = planner_of_density(10, 10, replace(PACING, page_limit=1000, page_rows=10))
    checkpoint = covered(ORIGIN + 1000, levels=tuple((length, ORIGIN + 980.0) for length in LADDER.lengths))
    assert head(planner, checkpoint, ORIGIN + 1005).level == 0
    piece = planner.backlog(checkpoint, ORIGIN + 1005)
    assert piece is not None
    assert (piece.aim, piece.window.end - piece.window.start) == ("pass", 8)


def passes_of(planner: WindowPlanner, checkpoint: Checkpoint, now: float, levels: Levels) -> list[Window]:
    """Read all passes, a slice at a time, and list the slices."""
    windows = []
    while (plan := planner.backlog(checkpoint, now)) is not None:
        windows.append(plan.window)
        planner.succeeded(plan, reading(80, plan.window), levels)
    return windows


def test_a_poll_counts_for_all_levels_that_it_reaches_back_for() -> None:
    """Given a look-back that is as long as a level would have to be, that level need not be read again."""
    planner = WindowPlanner(replace(PACING, look_back=100))
    checkpoint = covered(ORIGIN + 1000)
    plan = head(planner, checkpoint, ORIGIN + 1005)
    assert plan == Plan(Window(ORIGIN + 905, ORIGIN + 1005), "head", 1)
    after = planner.succeeded(plan, reading(0, plan.window), checkpoint.levels)
    assert [read_at - ORIGIN for _, read_at in after] == [1005, 1005, 1000, 1000]


def test_a_pass_leaves_out_what_polls_have_read_since() -> None:
    """Given a poll since a pass was planned, the pass ends where the poll began."""
    planner = planner_of_density(10, 10)
    levels: Levels = (*((length, ORIGIN + 2000.0) for length in LADDER.lengths[:3]), (960, ORIGIN + 1000.0))
    checkpoint = covered(ORIGIN + 2000, levels=levels)
    plan = head(planner, checkpoint, ORIGIN + 2005)
    planner.succeeded(plan, reading(20, plan.window), levels)
    windows = passes_of(planner, checkpoint, ORIGIN + 2006, levels)
    assert (windows[0].start, windows[-1].end) == (ORIGIN + 280, plan.window.start)


def test_a_poll_that_has_read_all_that_is_left_ends_a_pass() -> None:
    """Given a poll that reached as far back as what a pass had still to read, its level is read."""
    planner = planner_of_density(10, 10)
    levels: Levels = (*((length, ORIGIN + 2000.0) for length in LADDER.lengths[:3]), (960, ORIGIN + 1000.0))
    checkpoint = covered(ORIGIN + 2000, levels=levels)
    head(planner, checkpoint, ORIGIN + 2005)
    plan = Plan(Window(ORIGIN + 270, ORIGIN + 2006), "head", 0)
    assert planner.succeeded(plan, reading(9, plan.window), levels)[3] == (960, ORIGIN + 2005)
    assert planner.backlog(checkpoint, ORIGIN + 2006) is None


def test_a_shallow_pass_goes_before_a_deep_one_and_spares_it_what_it_reads() -> None:
    """Given a level that becomes due during the pass of a deeper one, no second is read for both."""
    planner = planner_of_density(10, 10)
    levels: Levels = (*((length, ORIGIN + 2000.0) for length in LADDER.lengths[:3]), (960, ORIGIN + 1750.0))
    checkpoint = covered(ORIGIN + 2000, levels=levels)
    head(planner, checkpoint, ORIGIN + 2005)
    deep = planner.backlog(checkpoint, ORIGIN + 2005)
    assert deep is not None
    assert deep.window.start == ORIGIN + 1030

    head(planner, checkpoint, ORIGIN + 2100)
    windows = passes_of(planner, checkpoint, ORIGIN + 2100, levels)
    assert (windows[0].start, min(windows).start, max(windows).end) == (
        ORIGIN + 1985,
        ORIGIN + 1030,
        ORIGIN + 2100,
    )
    assert sum(end - start for start, end in windows) == 2100 - 1030


def test_what_is_left_off_for_its_level_becomes_a_pass() -> None:
    """Given a poll that reached too far back, the next one does not, and slices go on with that."""
    planner = WindowPlanner(replace(PACING))  # learns how long pages are
    levels = tuple((length, ORIGIN + 1000.0) for length in LADDER.lengths)
    checkpoint = covered(ORIGIN + 1070, levels=levels)
    plan = head(planner, checkpoint, ORIGIN + 1080)
    assert planner.succeeded(plan, reading(100, dense=True, page_rows=100), levels) == levels
    again = head(planner, checkpoint, ORIGIN + 1080)
    assert (again.level, again.later) == (1, Purpose.REVISIT)
    past = planner.backlog(checkpoint, ORIGIN + 1080)
    assert past is not None
    assert (past.aim, past.window.start) == ("pass", ORIGIN + 760)


def test_a_deep_pass_that_was_planned_later_ends_the_shallow_ones_before_it() -> None:
    """Given a shallow pass that is older than a deep one, it is dropped with the deep one's end."""
    planner = planner_of_density(10, 10)
    shallow: Levels = (
        (20, ORIGIN + 1990.0),
        (80, ORIGIN + 1990.0),
        (320, ORIGIN + 1900.0),
        (960, ORIGIN + 1990.0),
    )
    checkpoint = covered(ORIGIN + 2000, levels=shallow)
    head(planner, checkpoint, ORIGIN + 2000)
    deep: Levels = (*shallow[:3], (960, ORIGIN + 1700.0))
    head(planner, checkpoint, ORIGIN + 2005, deep)
    windows = passes_of(planner, checkpoint, ORIGIN + 2006, deep)
    assert sum(end - start for start, end in windows) >= 2005 - 980
    assert planner.is_done(checkpoint) is False


def test_a_slice_that_was_left_off_is_followed_by_narrower_ones() -> None:
    """Given a past that is denser than the present, slices shrink until they fit, and grow again."""
    planner = planner_of_density(10, 10)
    levels: Levels = (*((length, ORIGIN + 2000.0) for length in LADDER.lengths[:3]), (960, ORIGIN + 1500.0))
    checkpoint = covered(ORIGIN + 2000, levels=levels)
    now = ORIGIN + 2005
    head(planner, checkpoint, now)
    widths = []
    for rows, is_dense in ((100, True), (100, True), (100, False), (20, False), (0, False)):
        plan = planner.backlog(checkpoint, now)
        assert plan is not None
        widths.append(plan.window.end - plan.window.start)
        covers = () if is_dense else (plan.window,)
        planner.succeeded(plan, reading(rows, *covers, dense=is_dense), levels)
        poll = Plan(Window(now - 15, now), "head", 0)
        planner.succeeded(poll, reading(0, poll.window), levels)
    assert widths == [100, 1, 1, 1, 2]


# ---- Catch-up


def test_downtime_is_caught_up_in_slices() -> None:
    """Given more than a slice before the head, slices are read from the frontier on, oldest first."""
    planner = planner_of_density(10, 10)
    checkpoint = covered(ORIGIN + 100)
    assert planner.is_behind(checkpoint, ORIGIN + 500)
    assert head(planner, checkpoint, ORIGIN + 500) == Plan(
        Window(ORIGIN + 100, ORIGIN + 200), "catch-up", None, 200
    )


@pytest.mark.parametrize("now", [ORIGIN + 120, ORIGIN + 200])
def test_what_fits_one_read_is_no_catch_up(now: int) -> None:
    """Given no more than a slice, or no more than four intervals, the head is read at once."""
    planner = planner_of_density(10, 10) if now > ORIGIN + 120 else planner_of_density(1000, 10)
    assert not planner.is_behind(covered(ORIGIN + 100), now)
    assert head(planner, covered(ORIGIN + 100), now).aim == "head"


def test_a_slice_is_a_second_at_least() -> None:
    """Given more events a second than a slice holds, slices are seconds."""
    planner = planner_of_density(10_000, 10)
    assert head(planner, covered(ORIGIN), ORIGIN + 50).window == Window(ORIGIN, ORIGIN + 1)


def test_a_dense_read_makes_the_next_one_smaller() -> None:
    """Given a window that was left off as too dense, it is cut into slices of half its width at most."""
    checkpoint = covered(ORIGIN)
    planner = WindowPlanner(PACING)
    plan = head(planner, checkpoint, ORIGIN + 800)
    planner.succeeded(plan, reading(0, dense=True), checkpoint.levels)
    after = head(planner, checkpoint, ORIGIN + 800)
    assert after.aim == "catch-up"
    assert 2 * (after.window.end - after.window.start) <= plan.window.end - plan.window.start


def test_after_a_catch_up_one_pass_reads_what_was_late_before_it() -> None:
    """Given a catch-up, its own span needs no second read: the pass ends where the catch-up began."""
    planner = planner_of_density(10, 10)
    checkpoint = covered(ORIGIN + 100)
    assert head(planner, checkpoint, ORIGIN + 500).aim == "catch-up"
    caught_up = covered(ORIGIN + 490, levels=checkpoint.levels)
    plan = head(planner, caught_up, ORIGIN + 502)
    assert (plan.level, plan.window) == (None, Window(ORIGIN + 482, ORIGIN + 502))
    first = planner.backlog(caught_up, ORIGIN + 502)
    assert first == Plan(Window(ORIGIN - 620, ORIGIN - 520), "pass", None, 200, purpose=Purpose.REVISIT)
    levels = caught_up.levels
    ends = []
    while (slice_ := planner.backlog(caught_up, ORIGIN + 502)) is not None:
        ends.append(slice_.window.end)
        levels = planner.succeeded(slice_, reading(100, slice_.window), levels)
    assert ends[-1] == ORIGIN + 100
    assert {read_at for _, read_at in levels} == {ORIGIN + 500}


def test_a_second_pass_reads_up_to_the_head() -> None:
    """Given a pass that took long, the next one goes on from there and not from the catch-up again."""
    planner = planner_of_density(10, 10)
    checkpoint = covered(ORIGIN + 100)
    head(planner, checkpoint, ORIGIN + 500)
    now = ORIGIN + 502
    caught_up = covered(now, levels=checkpoint.levels)
    head(planner, caught_up, now)
    levels = caught_up.levels
    while (plan := planner.backlog(caught_up, now)) is not None:
        levels = planner.succeeded(plan, reading(100, plan.window), levels)
    late = covered(ORIGIN + 1000, levels=levels)
    assert head(planner, late, ORIGIN + 1000, levels).level is None
    ends = set()
    while (plan := planner.backlog(late, ORIGIN + 1000)) is not None:
        ends.add(plan.window.end)
        levels = planner.succeeded(plan, reading(100, plan.window), levels)
    assert max(ends) == ORIGIN + 1000
    assert levels[0] == (20, ORIGIN + 1000)


# ---- Backlog


def test_a_level_too_dense_for_one_read_becomes_a_pass() -> None:
    """Given a due level of several slices, a shallower one is polled; the level counts at the pass's end."""
    planner = planner_of_density(10, 10)
    levels: Levels = tuple((length, ORIGIN + 2000.0) for length in LADDER.lengths)
    levels = (*levels[:2], (320, ORIGIN + 1500.0), levels[3])
    checkpoint = covered(ORIGIN + 2000, levels=levels, floor=ORIGIN + 1275.0)
    now = ORIGIN + 2005
    plan = head(planner, checkpoint, now)
    assert plan == Plan(Window(ORIGIN + 1985, ORIGIN + 2005), "head", 0)
    windows = []
    while (slice_ := planner.backlog(checkpoint, now)) is not None:
        windows.append(slice_.window)
        assert not planner.is_done(checkpoint)
        levels = planner.succeeded(slice_, reading(100, slice_.window), levels)
    assert windows[0].start == ORIGIN + 1276
    assert windows[-1].end == now
    assert levels == ((20, now), (80, now), (320, now), (960, ORIGIN + 2000))


def test_a_pass_is_dropped_when_its_level_was_read_after_all() -> None:
    """Given a level that a head poll has read since, its pass has nothing more to do."""
    planner = planner_of_density(10, 10)
    checkpoint = covered(ORIGIN + 2000, levels=tuple((n, ORIGIN + 1500.0) for n in LADDER.lengths))
    head(planner, checkpoint, ORIGIN + 2005)
    assert planner.backlog(checkpoint, ORIGIN + 2005) is not None
    plan = Plan(Window(ORIGIN + 800, ORIGIN + 2005), "head", 3)
    planner.succeeded(plan, reading(0, plan.window), checkpoint.levels)
    assert planner.backlog(checkpoint, ORIGIN + 2005) is None


def test_a_pass_asks_for_nothing_below_a_floor_that_has_risen() -> None:
    """Given a floor that was raised while a pass goes on, its next slice begins there, if any."""
    planner = planner_of_density(10, 10)
    checkpoint = covered(ORIGIN + 2000, levels=tuple((n, ORIGIN + 1500.0) for n in LADDER.lengths))
    head(planner, checkpoint, ORIGIN + 2005)
    raised = msgspec.structs.replace(checkpoint, floor=ORIGIN + 1900.0)
    plan = planner.backlog(raised, ORIGIN + 2005)
    assert plan == Plan(Window(ORIGIN + 1901, ORIGIN + 2001), "pass", None, 200, purpose=Purpose.REVISIT)
    raised = msgspec.structs.replace(checkpoint, floor=ORIGIN + 2010.0)
    assert planner.backlog(raised, ORIGIN + 2015) is None


def test_a_late_slice_of_a_dropped_pass_changes_nothing() -> None:
    """Given a slice that was under way when its pass was dropped, the levels stay as they are."""
    levels = covered(ORIGIN).levels
    plan = Plan(Window(ORIGIN, ORIGIN + 9), "pass")
    assert WindowPlanner(PACING).succeeded(plan, reading(0, plan.window), levels) == levels


def test_holes_are_read_oldest_first() -> None:
    """Given holes before the frontier, the oldest is next, in slices."""
    checkpoint = covered(ORIGIN, covered=Spans(((ORIGIN + 200, ORIGIN + 300), (ORIGIN + 320, ORIGIN + 400))))
    planner = planner_of_density(10, 10)
    assert planner.backlog(checkpoint, ORIGIN + 500) == Plan(
        Window(ORIGIN, ORIGIN + 100), "hole", None, 200, purpose=Purpose.REVISIT
    )
    assert WindowPlanner(PACING).backlog(checkpoint, ORIGIN + 500) == Plan(
        Window(ORIGIN, ORIGIN + 200), "hole", None, 200, purpose=Purpose.REVISIT
    )


def test_a_hole_that_fails_holds_up_no_other() -> None:
    """Given a hole whose read fails, the next one has its turn, and after a success the oldest again."""
    checkpoint = covered(ORIGIN, covered=Spans(((ORIGIN + 20, ORIGIN + 30), (ORIGIN + 32, ORIGIN + 40))))
    planner = WindowPlanner(PACING)
    plans: list[Plan] = []
    for has_failed in (True, False, True, True):
        plan = planner.backlog(checkpoint, ORIGIN + 50)
        assert plan is not None
        plans.append(plan)
        if has_failed:
            planner.failed(plan, pages=0)
        else:
            planner.succeeded(plan, reading(0, plan.window), checkpoint.levels)
    assert [plan.window.start - ORIGIN for plan in plans] == [0, 30, 0, 30]


@pytest.mark.parametrize("aim", ["hole", "catch-up"])
def test_what_brings_nothing_is_left_until_the_next_poll(aim: Aim) -> None:
    """Given a read that nothing came of, it is not repeated at once and for ever, but after the next poll."""
    checkpoint = covered(ORIGIN, covered=Spans(((ORIGIN + 20, ORIGIN + 30),)))
    now = ORIGIN + 500
    planner = planner_of_density(10, 10)
    planner.succeeded(Plan(Window(ORIGIN, ORIGIN + 20), aim), Reading(), checkpoint.levels)
    assert planner.backlog(checkpoint, now) is None
    assert not planner.is_behind(checkpoint, now)
    plan = head(planner, checkpoint, now)
    assert plan.aim == "head"
    planner.succeeded(plan, reading(500, plan.window), checkpoint.levels)
    assert planner.backlog(checkpoint, now) is not None
    assert planner.is_behind(checkpoint, now)


# ---- A finite span


def test_a_finite_span_ends_at_its_end() -> None:
    """Given an end in mid-second, the window goes up to the whole second after it, and no further."""
    planner = WindowPlanner(replace(PACING, until=ORIGIN + 99.5))
    assert head(planner, covered(ORIGIN), ORIGIN + 500).window.end == ORIGIN + 100
    assert not planner.is_done(covered(ORIGIN + 99))
    assert planner.is_done(covered(ORIGIN + 100))


def test_to_follow_is_never_done() -> None:
    """Given no end, there is always more to come."""
    assert not WindowPlanner(PACING).is_done(covered(ORIGIN + 100))


def test_a_finite_span_is_done_after_its_pass() -> None:
    """Given a finite span that was caught up in slices, late events before it are looked for as well."""
    planner = planner_of_density(10, 10, replace(PACING, until=ORIGIN + 500))
    checkpoint = covered(ORIGIN)
    head(planner, checkpoint, ORIGIN + 900)
    caught_up = covered(ORIGIN + 500, levels=checkpoint.levels)
    assert not planner.is_done(caught_up)
    assert planner.head(caught_up, caught_up.levels, ORIGIN + 900) is None
    assert not planner.is_done(caught_up)
    while (plan := planner.backlog(caught_up, ORIGIN + 900)) is not None:
        planner.succeeded(plan, reading(100, plan.window), caught_up.levels)
    assert planner.is_done(caught_up)


def test_many_that_become_due_at_once_are_spread_by_the_budget() -> None:
    """Those that are read take most of it, tries of parked ones a tenth; few wait for the interval only."""
    pacing = Pacing(Ladder(5.0, 3600.0), 5.0)
    assert (pacing.spread(1000), pacing.parked_spread) == (5.0, 0.0)

    pacing.fit(4, rate=2.0, page_limit=1000, max_held=1000)
    pacing.parked = 400
    assert pacing.spread(4) == 5.0
    assert pacing.spread(900) == 500.0
    assert pacing.parked_spread == 2000.0


def test_an_absence_is_read_again_between_polls() -> None:
    """Its span as it is due, no further than the head, nothing below the floor; a failure takes its turn."""
    absence = Absence()
    planner = WindowPlanner(PACING, absence)
    checkpoint = covered(ORIGIN + 1000)
    absence.begin((ORIGIN + 100, ORIGIN + 990), ORIGIN + 990.0, ORIGIN + 1000.0)
    plan = planner.backlog(checkpoint, ORIGIN + 1000.0)
    assert plan is not None
    assert (plan.window, plan.aim, plan.level) == (Window(ORIGIN + 100, ORIGIN + 990), "absence", None)
    planner.failed(plan, 0)
    assert planner.backlog(checkpoint, ORIGIN + 1000.0) == plan
    early = planner.backlog(checkpoint, ORIGIN + 500.0)
    assert early is None
    absence.read(ORIGIN + 990, ORIGIN + 1000.0, has_found=False)
    assert planner.backlog(checkpoint, ORIGIN + 1001.0) is None


def test_an_absence_below_the_floor_is_not_read() -> None:
    """Keys below it may be forgotten; a step that has nothing left to ask is over."""
    absence = Absence()
    planner = WindowPlanner(PACING, absence)
    checkpoint = covered(ORIGIN + 1000, floor=float(ORIGIN + 500))
    absence.begin((ORIGIN + 100, ORIGIN + 400), ORIGIN + 990.0, ORIGIN + 1000.0)
    assert planner.backlog(checkpoint, ORIGIN + 1000.0) is None
    assert absence.due(ORIGIN + 1000.0) is None


def test_an_absence_that_ends_after_the_head_waits() -> None:
    """API time may step back a little: what lies ahead of it is read when it has come."""
    absence = Absence()
    planner = WindowPlanner(PACING, absence)
    checkpoint = covered(ORIGIN + 1000)
    absence.begin((ORIGIN + 998, ORIGIN + 1000), ORIGIN + 996.0, ORIGIN + 1000.0)
    absence.next_at = ORIGIN + 990.0
    assert planner.backlog(checkpoint, ORIGIN + 997.5) is None
