"""What may not be durable while an event waits, so that a crash brings it back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tailer.core.keys import PADDING
from tailer.core.progress import Checkpoint, Gap
from tailer.core.spans import Spans
from tailer.core.withheld import withheld_for, without
from tailer.model import Event

BEFORE = Checkpoint(
    origin=100.5,
    floor=90.0,
    covered=Spans(((100, 200),)),
    gaps=(Gap(200, 210, "page cap"),),
    levels=((20, 200.0), (80, 190.0)),
    through=195.0,
)
AFTER = Checkpoint(
    origin=100.5,
    floor=120.0,
    covered=Spans(((100, 200), (210, 300))),
    gaps=(Gap(200, 210, "page cap"), Gap(300, 301, "page cap")),
    levels=((20, 300.0), (80, 190.0)),
    through=295.0,
)


def event(t: float, a: float | None = None) -> Event:
    """Make an event."""
    return Event(t, 1, "HaError", t if a is None else a)


def durable(*events: Event, before: Checkpoint = BEFORE, after: Checkpoint = AFTER) -> Checkpoint:
    """Give what may be durable while events of one read wait."""
    return without(after, [withheld_for(events, before)])


def test_while_nothing_waits_all_is_durable() -> None:
    """Given no waiting event, nothing is withheld."""
    assert without(AFTER, []) is AFTER


def test_the_seconds_of_a_waiting_event_are_holes() -> None:
    """Given t and a, neither second is covered: the API filters by one of the two."""
    assert durable(event(250.5, 252)).covered.items == ((100, 200), (210, 250), (251, 252), (253, 300))
    assert durable(event(150)).covered.items == ((100, 150), (151, 200), (210, 300))


def test_levels_and_floor_stay_where_they_were() -> None:
    """Given a read that moved them, the next start finds them as that read did."""
    kept = durable(event(250))
    assert [*kept.levels] == [*BEFORE.levels]
    assert kept.floor == 90.0
    assert kept.origin == AFTER.origin


def test_readers_wait_for_a_waiting_event() -> None:
    """Given an event that is not late, the mark stays at it; one that is late anyway holds up nothing."""
    assert durable(event(250.5)).through == 250.5
    assert durable(event(250.5), event(240)).through == 240
    assert durable(event(150)).through == 195.0
    assert durable(event(299)).through == 295.0


def test_the_earliest_of_several_reads_counts() -> None:
    """Given events of two reads, each withholds its own."""
    later = Checkpoint(origin=100.5, floor=110.0, levels=((20, 250.0), (80, 150.0)), through=260.0)
    kept = without(AFTER, [withheld_for([event(270)], later), withheld_for([event(220)], BEFORE)])
    assert [*kept.levels] == [(20, 200.0), (80, 150.0)]
    assert (kept.floor, kept.through) == (90.0, 220)
    assert kept.covered.items == ((100, 200), (210, 220), (221, 270), (271, 300))


def test_a_new_gap_is_not_known_yet_where_an_event_waits() -> None:
    """Given a second that turned out to be unreadable, it is tried again after a crash."""
    assert durable(event(300)).gaps == (Gap(200, 210, "page cap"),)


def test_an_old_gap_stays_one() -> None:
    """Given what was a gap before, it is not read unasked: below the floor keys are gone outside of gaps."""
    filled = Checkpoint(
        origin=100.5, floor=250.0, covered=Spans(((100, 300),)), levels=AFTER.levels, through=295.0
    )
    before = Checkpoint(
        origin=100.5,
        floor=250.0,
        covered=Spans(((100, 200), (210, 300))),
        gaps=(Gap(200, 210, "page cap"),),
        levels=AFTER.levels,
        through=295.0,
    )
    kept = durable(event(205), before=before, after=filled)
    assert kept.gaps == (Gap(205, 206, "page cap"),)
    assert kept.covered.items == ((100, 205), (206, 300))


def test_nothing_below_the_floor_is_to_be_read() -> None:
    """Given an event that padding brought in, the hole is the lowest that a request may ask for, or none."""
    before = Checkpoint(origin=50.0, floor=100.0, levels=BEFORE.levels)
    after = Checkpoint(origin=50.0, floor=100.0, covered=Spans(((50, 300),)), levels=BEFORE.levels)
    assert durable(event(100.5), before=before, after=after).covered.items == ((50, 101), (102, 300))
    assert durable(event(20, 200), before=before, after=after).covered.items == ((50, 200), (201, 300))
    assert durable(event(20), before=before, after=after).covered == after.covered


TIMES = st.integers(80, 320) | st.floats(80, 320)


@given(st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=6))
def test_a_waiting_event_can_be_read_again(times: list[tuple[float, float]]) -> None:
    """Whatever waits, no more is durable than was read, and a hole above the floor asks for each event."""
    events = [event(t, a) for t, a in times]
    kept = durable(*events)
    assert not kept.covered.subtract(AFTER.covered)
    assert kept.floor <= AFTER.floor
    assert kept.through <= AFTER.through
    holes = Spans().update(kept.covered.missing(100, 310))
    for one in events:
        for at in (one.t, one.a):
            if 100 <= at < 300:
                assert at in holes
    assert all(start - PADDING >= kept.floor for start, _ in holes)
