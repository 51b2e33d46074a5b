"""Which window is read next: head, catch-up, hole, pass; and what each read leaves behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tailer.core.absence import Absence
from tailer.core.ladder import Ladder
from tailer.core.progress import Gap
from tailer.core.purpose import Purpose
from tailer.core.reading import Reading
from tailer.core.spans import Spans
from tailer.core.windows import Aim, Pacing, Plan, WindowPlanner
from tailer.model import Event, Window
from tests.unit.planning import LADDER, ORIGIN, PACING, covered, head, planner_of_density, reading

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


# ---- Backlog


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
