from __future__ import annotations

import pytest

from tailer.core.keys import PADDING
from tailer.core.progress import Checkpoint, Gap
from tailer.core.spans import Spans
from tailer.core.standing import BEHIND_AFTER, condition_of, standing_of


def checkpoint(*covered: tuple[int, int], gaps: tuple[Gap, ...] = (), floor: float = 0) -> Checkpoint:
    """Make one that begins at half a second."""
    return Checkpoint(origin=1000.5, floor=floor, covered=Spans(covered), gaps=gaps)


def test_a_connector_that_was_never_read_stands_at_its_origin() -> None:
    """Nothing is read, nothing is settled, nothing is missing yet."""
    assert standing_of(checkpoint()) == (1000, 1000, None, ())


def test_what_is_whole_ends_at_the_first_hole() -> None:
    """What was read beyond a hole is told, but does not count as whole."""
    standing = standing_of(checkpoint((1000, 1100), (1200, 1300)))

    assert standing.read_through == 1300
    assert standing.whole_through == 1100
    assert standing.holes == ((1100, 1200),)


def test_a_recorded_gap_is_no_hole() -> None:
    """What can't be read is accounted for; even at the end."""
    standing = standing_of(
        checkpoint((1000, 1100), gaps=(Gap(1100, 1200, "refused"), Gap(1200, 1250, "page cap")))
    )

    assert standing.read_through == 1100
    assert standing.whole_through == 1250
    assert standing.holes == ()


def test_settled_is_what_no_later_read_asks_for() -> None:
    """It ends one padding above the floor, and is nothing before the floor has passed the origin."""
    read = ((1000, 9000),)

    assert standing_of(checkpoint(*read, floor=5000 - PADDING)).settled_through == 5000
    assert standing_of(checkpoint(*read, floor=1000 - PADDING)).settled_through is None
    assert standing_of(checkpoint(*read, floor=9500 - PADDING)).settled_through == 9000


@pytest.mark.parametrize(
    ("whole_through", "is_parked", "is_failing", "condition"),
    [
        (0, True, True, "parked"),
        (0, False, True, "failing"),
        (1000 - 20 - BEHIND_AFTER - 1, False, False, "behind"),
        (1000 - 20 - BEHIND_AFTER, False, False, "well"),
    ],
)
def test_the_worst_condition_counts(
    whole_through: float, is_parked: bool, is_failing: bool, condition: str
) -> None:
    """A refusal outranks a failure, a failure a lag, and a lag is what four intervals don't explain."""
    assert condition_of(whole_through, 1000.0, 5.0, is_parked=is_parked, is_failing=is_failing) == condition
