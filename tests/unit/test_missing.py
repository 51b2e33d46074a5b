"""What is missing of a connector, and why, case by case."""

from __future__ import annotations

import math

from tailer.core.missing import Missing, end_of_gaps, missing_of, within
from tailer.core.progress import Checkpoint, Gap
from tailer.core.spans import Spans

READ = Checkpoint(
    origin=10.0,
    floor=5.0,
    covered=Spans(((10, 20), (30, 40), (50, 60))),
    gaps=(Gap(20, 22, "page cap"), Gap(45, 50, "refused")),
)


def test_what_was_tried_is_lost_and_what_was_not_is_open() -> None:
    """A recorded gap is lost with its reason; every other second that was not read is open."""
    assert missing_of(READ, 60, "read failed: it is away") == [
        (20, 22, "lost", "page cap"),
        (22, 30, "open", "read failed: it is away"),
        (40, 45, "open", "read failed: it is away"),
        (45, 50, "lost", "refused"),
    ]


def test_what_comes_after_the_last_read_is_open() -> None:
    """Asked for a span that ends later than all reads, the rest of it is missing."""
    assert missing_of(READ, 65)[-1] == (60, 65, "open", "not yet read")


def test_gaps_end_where_the_asked_span_ends() -> None:
    """Of a gap that goes on beyond the end only what lies before it is told."""
    assert missing_of(READ, 21) == [(20, 21, "lost", "page cap")]


def test_a_connector_that_was_never_read_misses_everything() -> None:
    """From its origin on, nothing else is known of it."""
    assert missing_of(Checkpoint(origin=10.0, floor=9.0), 30) == [(10, 30, "open", "not yet read")]
    assert missing_of(Checkpoint(origin=10.0, floor=9.0), 5) == []


def test_gaps_are_cut_to_whole_seconds_of_the_asked_span() -> None:
    """A second that lies in the span only in part counts whole: some of it was asked for."""
    gap = Missing(10, 20, "lost", "refused")
    assert within([gap], 12.7, 14.2) == [(12, 15, "lost", "refused")]
    assert within([gap], 20.0, math.inf) == []
    assert within([gap], -math.inf, 10.0) == []
    assert within([gap], -math.inf, math.inf) == [gap]


def test_the_present_is_not_missing_as_long_as_polls_come() -> None:
    """What came after the last poll counts once that is long ago; with an asked end, up to that at once."""
    assert end_of_gaps(READ, 100.5, None, 60.0) == 60
    assert end_of_gaps(READ, 100.5, None, 40.0) == 100
    assert end_of_gaps(READ, 100.5, 62.5, 60.0) == 63
    assert end_of_gaps(READ, 100.5, 200.0, 60.0) == 100
