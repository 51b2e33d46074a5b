"""How a checkpoint moves: coverage, gaps, holes, floor."""

from __future__ import annotations

import math

from tailer.core.advance import advanced, dropped, first_checkpoint, frontier_of, holes_of
from tailer.core.ladder import Ladder, Levels
from tailer.core.progress import Checkpoint, Gap
from tailer.core.reading import Reading
from tailer.core.spans import Spans

LADDER = Ladder(5, 80)
FIRST = first_checkpoint(1000.5, LADDER)


def after(
    checkpoint: Checkpoint,
    *covered: tuple[int, int],
    gaps: tuple[Gap, ...] = (),
    levels: Levels | None = None,
    through: float = 0.0,
    reach: float = math.inf,
) -> Checkpoint:
    """Give the checkpoint after a read."""
    reading = Reading(covered=[*covered], gaps=[*gaps])
    return advanced(
        checkpoint,
        reading,
        checkpoint.levels if levels is None else levels,
        through=through,
        newest=(7, 1),
        reach=reach,
    )


def test_a_connector_begins_at_its_origin() -> None:
    """Given a new connector, all is a hole, and its floor is what the deepest level may ask for."""
    assert [*FIRST.levels] == [(20, 1000.5), (80, 1000.5)]
    assert FIRST.floor == 939
    assert FIRST.through == 1000.5
    assert frontier_of(FIRST) == 1000
    assert holes_of(FIRST, 1003) == [(1000, 1003)]


def test_what_was_covered_is_no_hole() -> None:
    """Coverage within the asked span counts, whatever order it came in; what lies before does not."""
    checkpoint = after(FIRST, (1020, 1030), (990, 1010))
    assert checkpoint.covered == Spans(((1000, 1010), (1020, 1030)))
    assert holes_of(checkpoint, 1040) == [(1010, 1020), (1030, 1040)]
    assert frontier_of(checkpoint) == 1030
    assert checkpoint.newest == (7, 1)


def test_a_gap_is_no_hole_either() -> None:
    """A gap is accounted for: reading goes on behind it."""
    checkpoint = after(FIRST, gaps=(Gap(990, 1010, "too old"),))
    assert checkpoint.gaps == (Gap(1000, 1010, "too old"),)
    assert frontier_of(checkpoint) == 1010
    assert holes_of(checkpoint, 1010) == []


def test_coverage_closes_gaps() -> None:
    """Given a gap that was read after all, it is none any more."""
    checkpoint = after(FIRST, gaps=(Gap(1000, 1010, "refused"),))
    assert after(checkpoint, (1002, 1010)).gaps == (Gap(1000, 1002, "refused"),)


def test_gaps_take_nothing_away() -> None:
    """Given a gap over what was covered or is another gap, only the rest is new."""
    checkpoint = after(FIRST, (1000, 1004), gaps=(Gap(1006, 1008, "page cap"),))
    checkpoint = after(checkpoint, gaps=(Gap(1000, 1010, "refused"),))
    assert checkpoint.covered == Spans(((1000, 1004),))
    assert checkpoint.gaps == (
        Gap(1004, 1006, "refused"),
        Gap(1006, 1008, "page cap"),
        Gap(1008, 1010, "refused"),
    )


def test_the_floor_rises_with_the_levels() -> None:
    """Given levels that were read later, nothing is asked for before the earliest of their starts."""
    checkpoint = after(FIRST, (1000, 1100), levels=((20, 1100.0), (80, 1090.0)))
    assert checkpoint.floor == 1029


def test_a_short_reach_raises_the_floor() -> None:
    """Given a reach shorter than the levels, the floor follows the end of what was read at its distance."""
    levels = ((20, 1100.0), (80, 1090.0))
    assert after(FIRST, (1000, 1100), levels=levels, reach=30.5).floor == 1068
    assert after(FIRST, (1000, 1100), levels=levels, reach=500).floor == 1029
    assert after(FIRST, reach=10).floor == 989  # nothing read yet: counted from the origin


def test_a_short_reach_leaves_holes_above_the_floor() -> None:
    """Given a hole, no reach is so short that its keys could be forgotten."""
    assert after(FIRST, (1000, 1010), (1020, 1500), reach=20).floor == 1009


def test_the_floor_stays_below_holes() -> None:
    """Given a hole, the floor leaves it and its padding above, however late the levels were read."""
    checkpoint = after(FIRST, (1000, 1010), (1020, 1500), levels=((20, 1500.0), (80, 1500.0)))
    assert checkpoint.floor == 1009


def test_the_floor_never_decreases() -> None:
    """Given a deeper ladder after a change of configuration, the floor stays where keys may be forgotten."""
    checkpoint = after(FIRST, (1000, 1100), levels=((20, 1100.0), (80, 1100.0)))
    assert after(checkpoint, levels=((20, 1100.0), (960, 1000.5))).floor == checkpoint.floor


def test_no_event_is_promised_beyond_a_hole() -> None:
    """Given a hole, readers are not told to expect nothing more behind it; and marks never fall."""
    checkpoint = after(FIRST, (1000, 1010), (1020, 1030), through=1028.5)
    assert checkpoint.through == 1010
    checkpoint = after(checkpoint, (1010, 1020), through=1028.5)
    assert checkpoint.through == 1028.5
    assert after(checkpoint, through=1001.0).through == 1028.5


def test_what_is_dropped_is_a_gap_unless_it_is_accounted_for() -> None:
    """Given coverage, a gap and holes, only the holes of the asked spans become gaps, and no hole is left."""
    checkpoint = after(FIRST, (1010, 1020), (1030, 1040), gaps=(Gap(1022, 1025, "too old"),))
    left = dropped(checkpoint, [(1005, 1030), (1040, 1050)])
    assert left.gaps == (
        Gap(1005, 1010, "dropped"),
        Gap(1020, 1022, "dropped"),
        Gap(1022, 1025, "too old"),
        Gap(1025, 1030, "dropped"),
        Gap(1040, 1050, "dropped"),
    )
    assert holes_of(left, 1050) == [(1000, 1005)]
    assert left.covered == checkpoint.covered
    assert dropped(left, [(1005, 1050), (900, 1000)]) == left  # before the origin nothing is asked for
