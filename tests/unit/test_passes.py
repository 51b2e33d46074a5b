"""Levels that take more than a page are read as passes, in slices beside the polls."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from tailer.core.ladder import Levels
from tailer.core.progress import Checkpoint
from tailer.core.purpose import Purpose
from tailer.core.windows import Plan, WindowPlanner
from tailer.model import Window
from tests.unit.planning import LADDER, ORIGIN, PACING, covered, head, planner_of_density, reading


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
