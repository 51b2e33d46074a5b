"""Levels: how long, when due, from where they read."""

import pytest

from tailer.core.ladder import REACH, Ladder, floor_of, reach_in_effect, start_of, visited

LADDER = Ladder(5, 960)


def test_lengths_grow_fourfold_up_to_the_longest() -> None:
    """Levels are four intervals long, then four times as long each, the last cut to the maximum."""
    assert LADDER.lengths == (20, 80, 320, 960)


@pytest.mark.parametrize("revisit_max", [0, 19, 20])
def test_a_short_maximum_leaves_the_first_level_alone(revisit_max: int) -> None:
    """Given no more to revisit than four intervals, there is one level."""
    assert Ladder(5, revisit_max).lengths == (20,)


def test_at_first_all_levels_count_as_read_at_origin() -> None:
    """Given nothing stored, every level was last read at the origin."""
    assert LADDER.levels((), 7.0) == ((20, 7.0), (80, 7.0), (320, 7.0), (960, 7.0))


def test_stored_levels_carry_over_to_other_lengths() -> None:
    """A level counts as read when a stored one at least as long was, or else at origin."""
    stored = ((40, 90.0), (160, 50.0))
    assert LADDER.levels(stored, 7.0) == ((20, 90.0), (80, 50.0), (320, 7.0), (960, 7.0))


@pytest.mark.parametrize(
    ("now", "ceiling", "level"),
    [
        *[(1000, None, 0), (1019, None, 0), (1020, None, 1), (1080, None, 2), (1240, None, 3)],
        *[(9999, 2, 2), (9999, 1, 1), (9999, 0, 0), (9999, 8, 3)],
    ],
)
def test_the_deepest_due_level_is_chosen(now: int, ceiling: int | None, level: int) -> None:
    """A level is due a quarter of its length after its last read; after a failure none above the ceiling."""
    levels = LADDER.levels((), 1000.0)
    assert LADDER.deepest_due(levels, now, ceiling) == level


def test_a_read_reaches_back_from_the_read_before() -> None:
    """A read begins three quarters of the level's length before its last read, whatever the time is now."""
    assert start_of(((20, 1000.0), (80, 960.0)), 1) == 900


def test_a_read_counts_for_all_shallower_levels() -> None:
    """After a read, its level and all below it were read then, those above it were not."""
    levels = ((20, 100.0), (80, 90.0), (320, 50.0))
    assert visited(levels, 1, 120) == ((20, 120), (80, 120), (320, 50.0))


def test_a_read_that_began_earlier_takes_nothing_back() -> None:
    """A pass that was planned long ago does not undo what was read since."""
    levels = ((20, 100.0), (80, 60.0))
    assert visited(levels, 1, 80) == ((20, 100.0), (80, 80))


def test_the_floor_is_the_earliest_start_of_any_level() -> None:
    """No level will ask for anything before the floor."""
    assert floor_of(((20, 1000.0), (80, 960.0), (320, 950.0))) == 710


@pytest.mark.parametrize(
    ("read_at", "deepest"),
    [
        *[((1000, 1000, 1000, 1000), 3), ((1000, 1000, 1000, 510), 3), ((1000, 1000, 1000, 509), 2)],
        *[((1000, 1000, 829, 1000), 1), ((1000, 949, 1000, 1000), 0), ((0, 1000, 1000, 1000), 3)],
    ],
)
def test_the_reach_in_effect_ends_at_the_first_level_that_is_overdue(
    read_at: tuple[int, ...], deepest: int
) -> None:
    """A level may be overdue as long as it takes to be due again, and the time of a poll."""
    levels = tuple(zip(LADDER.lengths, map(float, read_at), strict=True))
    assert reach_in_effect(levels, 1000, 5) == REACH * LADDER.lengths[deepest]


def test_without_levels_nothing_is_reached() -> None:
    """Of a connector that has none nothing is said."""
    assert reach_in_effect((), 1000, 5) == 0
