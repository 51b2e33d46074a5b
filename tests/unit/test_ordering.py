"""Three orders: what is held, what is let go, what is late, what acceptance means."""

from __future__ import annotations

import math

import pytest

from tailer.core.ordering import HOLD_GRACE, Order, Ordering, longest_wait
from tailer.core.released import Chunk, Released, joined
from tailer.core.spans import Spans
from tailer.model import Event, Key, Segment, Source

HOLD = 10


def begin(
    order: Order, *, max_held: int = 100, highest: dict[str, Key] | None = None, now: float = 0.0
) -> Ordering:
    """Begin an order."""
    return Ordering(order, hold=HOLD, max_held=max_held, highest=highest or {}, now=now)


def segment(connector: str, *times: float, read_at: float = 1000, through: float = -math.inf) -> Segment:
    """Give what a poll of a connector of account x brought, one event for each time."""
    source = Source("x", connector, "", "", 0.0)
    return Segment(source, [Event(t, n, "Init", t, source) for n, t in enumerate(times)], read_at, through)


def take(
    ordering: Ordering, part: Segment, number: int = 0, *, now: float = 0, accepted: Spans | None = None
) -> None:
    """Take a segment."""
    ordering.take(part, number, accepted or Spans(), now)


def out(released: Released) -> list[str]:
    """Give what was released in short: connector, t, and ! for late."""
    return [f"{e.connector}{e.t}{'!' if e.late else ''}" for e in released.events]


def release(ordering: Ordering, now: float = 0, fleet: float = -math.inf, **options: float) -> list[str]:
    """Release, and give it in short."""
    return out(ordering.release(now, fleet_mark=fleet, **options))


# ---- What is held


def test_arrival_holds_nothing() -> None:
    """Given ``arrival``, events go out at once, in the order of the journal."""
    ordering = begin("arrival")
    take(ordering, segment("b", 1, 2), 0)
    take(ordering, segment("a", 5), 2)
    take(ordering, segment("b", 3), 3)
    assert release(ordering) == ["b1", "b2", "a5", "b3"]
    assert (ordering.held, [*ordering.waiting]) == (0, [])


def test_a_connector_waits_for_its_own_mark() -> None:
    """Given ``connector``, events below their connector's mark go out, others wait."""
    ordering = begin("connector")
    take(ordering, segment("a", 1, 5, 9, through=5))
    take(ordering, segment("b", 1), 3)
    assert release(ordering) == ["a1"]
    assert (ordering.held, sorted(ordering.waiting)) == (3, ["x/a", "x/b"])
    assert [ordering.held_from(ref) for ref in ("x/a", "x/b", "x/c")] == [5, 1, math.inf]
    ordering.advance("x/a", 4)
    assert release(ordering) == []
    ordering.advance("x/a", 9.5)
    assert release(ordering) == ["a5", "a9"]


def test_segments_of_a_connector_are_merged() -> None:
    """Given two polls that overlap in time, their events go out sorted."""
    ordering = begin("connector")
    take(ordering, segment("a", 1, 5))
    take(ordering, segment("a", 3, 4, through=6), 2)
    assert release(ordering) == ["a1", "a3", "a4", "a5"]


def test_the_fleet_waits_for_the_slowest() -> None:
    """Given ``global``, events below the mark of all go out, sorted by time, connector and number."""
    ordering = begin("global")
    take(ordering, segment("b", 1, 2, through=50))
    take(ordering, segment("a", 2, 2, 8, through=50), 2)
    assert release(ordering, fleet=3) == ["b1", "a2", "a2", "b2"]
    assert release(ordering, fleet=9) == ["a8"]


@pytest.mark.parametrize("order", ["connector", "global"])
def test_nothing_is_held_for_ever(order: Order) -> None:
    """Given a mark that does not rise, events go out `hold` after they were taken, not before."""
    ordering = begin(order)
    take(ordering, segment("a", 1, 99), now=5)
    take(ordering, segment("a", 50), 2, now=6)
    assert release(ordering, now=4.9 + HOLD) == []
    assert release(ordering, now=5 + HOLD) == ["a1", "a99"]
    assert release(ordering, now=6 + HOLD) == ["a50!"]


def test_the_hold_counts_from_the_end_of_the_first_read() -> None:
    """Given history that is still being read, events wait for its end, and `hold` longer."""
    ordering = begin("global")
    take(ordering, segment("a", 1), now=5)
    assert release(ordering, now=500, counted_from=math.inf) == []
    assert release(ordering, now=100 + HOLD - 1, counted_from=100) == []
    assert release(ordering, now=100 + HOLD, counted_from=100) == ["a1"]


def test_what_was_released_before_is_not_overdue() -> None:
    """Given a segment that went out in time, nothing of it comes again."""
    ordering = begin("connector")
    take(ordering, segment("a", 1, through=2), now=5)
    assert release(ordering, now=5) == ["a1"]
    assert release(ordering, now=50) == []


@pytest.mark.parametrize("order", ["connector", "global"])
def test_held_events_are_bounded(order: Order) -> None:
    """Given more than may be held, the earlier half goes out whatever the marks say."""
    ordering = begin(order, max_held=3)
    take(ordering, segment("a", 1, 4, 6))
    take(ordering, segment("b", 2, 3, 8), 3)
    assert sorted(release(ordering)) == ["a1", "a4", "b2", "b3"]
    assert ordering.held == 2


def test_at_the_end_everything_goes_out() -> None:
    """Given nothing more to come, all that is held goes out in order."""
    ordering = begin("global")
    take(ordering, segment("b", 1, 4))
    take(ordering, segment("a", 2), 2)
    assert out(ordering.release_all()) == ["b1", "a2", "b4"]
    assert out(ordering.release_all()) == []


# ---- Late


@pytest.mark.parametrize("order", ["arrival", "connector", "global"])
def test_what_sorts_before_a_released_event_is_late(order: Order) -> None:
    """An event before one of its connector that is out is marked, in a copy; one after it is not."""
    ordering = begin(order)
    take(ordering, segment("a", 5, through=6))
    release(ordering, fleet=6)
    late = segment("a", 4, 7)
    take(ordering, late, 1)
    ordering.advance("x/a", 9)
    assert release(ordering, fleet=9) == ["a4!", "a7"]
    assert not late.events[0].late


def test_late_ones_are_told_within_one_release() -> None:
    """Given ``arrival`` and two segments taken at once, the second one's earlier events are late."""
    ordering = begin("arrival")
    take(ordering, segment("a", 5))
    take(ordering, segment("a", 4), 1)
    assert release(ordering) == ["a5", "a4!"]


def test_late_once_is_late_for_good() -> None:
    """Given an event that is late already, it is passed on as it is."""
    part = segment("a", 4)
    part.events[0].late = True
    ordering = begin("arrival", highest={"x/a": (5, 0)})
    take(ordering, part)
    assert ordering.release(0, fleet_mark=0).events[0] is part.events[0]


@pytest.mark.parametrize(
    ("connector", "expected"),
    [("a", ["a4!", "a5!", "a6"]), ("b", ["b4!", "b5!", "b6"]), ("c", ["c4!", "c5", "c6"])],
)
def test_globally_other_connectors_make_late_too(connector: str, expected: list[str]) -> None:
    """Given ``global``, what sorts by time and connector before an event of any connector is late."""
    ordering = begin("global")
    first = segment("b", 5)
    first.events[0].n = 9
    take(ordering, first)
    release(ordering, fleet=6)
    take(ordering, segment(connector, 4, 5, 6), 1)
    assert release(ordering, fleet=9) == expected


def test_by_connector_others_make_nothing_late() -> None:
    """Given ``connector``, only the own connector's events count."""
    ordering = begin("connector", highest={"x/b": (5, 0)})
    take(ordering, segment("a", 4, through=9))
    assert release(ordering) == ["a4"]


@pytest.mark.parametrize(("read_at", "late"), [(98, True), (97.5, False)])
def test_a_fast_clock_makes_others_not_late(read_at: float, late: bool) -> None:
    """Given an event more than a second ahead of API time when it was read, others are not late for it."""
    ordering = begin("global")
    take(ordering, segment("a", 50, 99, read_at=read_at))
    release(ordering, fleet=math.inf)
    take(ordering, segment("b", 51), 2)
    take(ordering, segment("a", 52), 3)
    assert release(ordering, fleet=math.inf) == ["b51!" if late else "b51", "a52!"]


@pytest.mark.parametrize(("now", "expected"), [(49, ["b40!"]), (48.5, ["b40"])])
def test_late_is_judged_by_earlier_runs_too(now: float, expected: list[str]) -> None:
    """Given what was accepted before a restart, what sorts before it is late, unless it was ahead of time."""
    ordering = begin("global", highest={"x/a": (50, 1)}, now=now)
    take(ordering, segment("b", 40))
    assert release(ordering, fleet=math.inf) == expected


# ---- Acceptance


def test_acceptance_names_numbers_and_highest() -> None:
    """What a batch means: the journal numbers it accepts, and the highest event of each connector."""
    ordering = begin("global")
    take(ordering, segment("a", 1, 4, 9), 10)
    take(ordering, segment("b", 2, 3), 20)
    events, chunks = ordering.release(0, fleet_mark=math.inf)
    assert [event.t for event in events] == [1, 2, 3, 4, 9]
    first, rest = ordering.accept(chunks[:3]), ordering.accept(chunks[3:])
    assert sorted(first.spans) == [(10, 11), (20, 22)]
    assert first.highest == {"x/a": (1, 0), "x/b": (3, 1)}
    assert rest.spans == [(11, 13)]
    assert rest.highest == {"x/a": (9, 2)}


def test_the_highest_is_that_of_all_chunks() -> None:
    """Given a late event behind a later one, the later one stays the highest."""
    ordering = begin("arrival")
    take(ordering, segment("a", 5))
    take(ordering, segment("a", 4), 1)
    _, chunks = ordering.release(0, fleet_mark=0)
    assert ordering.accept(chunks).highest == {"x/a": (5, 0)}


def test_a_late_event_lowers_no_highest() -> None:
    """Given an earlier run that accepted more, what is late now leaves that run's highest as it is."""
    ordering = begin("connector", highest={"x/a": (5, 0)})
    take(ordering, segment("a", 3, through=9))
    assert ordering.accept(ordering.release(0, fleet_mark=0).chunks).highest == {}
    take(ordering, segment("a", 7, through=9), 1)
    assert ordering.accept(ordering.release(0, fleet_mark=0).chunks).highest == {"x/a": (7, 0)}


def test_what_was_accepted_before_is_left_out() -> None:
    """Given numbers that an earlier run accepted, only the others are handed out."""
    ordering = begin("connector")
    take(ordering, segment("a", 1, 2, 3, 4, through=9), 10, accepted=Spans(((0, 11), (12, 13))))
    events, chunks = ordering.release(0, fleet_mark=0)
    assert [event.t for event in events] == [2, 4]
    assert ordering.accept(chunks).spans == [(11, 12), (13, 14)]
    take(ordering, segment("a", 1), 14, accepted=Spans(((0, 15),)))
    assert ordering.held == 0


def test_runs_are_joined_and_sorted() -> None:
    """A run alone is given back as it is, and so is one that holds a single event or none."""
    chunk = Chunk("x/a", 0, [], 0)
    one = Released([Event(1, 1, "Init", 1)], [chunk])
    assert joined([Released([], []), one]) is one
    assert one.by_number() is one
    assert joined([]) == Released([], [])


def test_the_poll_that_releases_an_event_comes_before_the_clock() -> None:
    """Given an event read a second early, the poll after its settle ends within the longest wait."""
    settle, interval, early, poll = 2, 5, 1, 0.9
    assert early + settle + interval + poll < longest_wait(settle, interval)
    assert longest_wait(settle, interval) == settle + interval + HOLD_GRACE


def test_a_part_of_what_was_released_can_be_accepted() -> None:
    """A beginning is accepted by itself, and the rest counts from there."""
    ordering = begin("connector")
    take(ordering, segment("a", 1, 2, 3, through=9))
    first, rest = ordering.release(0, fleet_mark=0).parted(2)

    assert (out(first), out(rest)) == (["a1", "a2"], ["a3"])
    assert ordering.accept(first.chunks) == ([(0, 2)], {"x/a": (2, 1)})
    assert ordering.accept(rest.chunks) == ([(2, 3)], {"x/a": (3, 2)})
