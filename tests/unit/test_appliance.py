from __future__ import annotations

from tailer.core.appliance import Appliance
from tailer.core.lateness import Histogram
from tailer.model import Event

LONGEST = 86400.0


def appliance(collected: Histogram = Histogram()) -> Appliance:  # noqa: B008 - frozen
    """Make one that is known since second 1000."""
    return Appliance(1000.0, LONGEST, collected)


def event(t: float, a: float) -> Event:
    """Make an event."""
    return Event(t=t, n=0, k="Init", a=a)


def test_a_heartbeat_that_resumes_has_the_absence_read_again() -> None:
    """From the last sign of life until it was listed as alive."""
    one = appliance()
    one.listed(1500.0, 2000.0, was_missing=False)
    assert one.silent_since == 1500.0
    assert one.absence.span is None
    one.listed(2290.0, 2300.0, was_missing=False)
    assert not one.silent_since
    assert one.absence.span == (1500, 2300)


def test_events_collected_late_have_the_absence_read_again() -> None:
    """Also without a heartbeat; not where being late is what its events always are."""
    one = appliance()
    one.brought([event(2000, 5000)], Histogram(), 5001.0, is_again=False)
    assert one.absence.span == (1940, 5000)
    slow = appliance(Histogram().with_more({3000: 50}))
    slow.brought([event(2000, 5000)], Histogram(), 5001.0, is_again=False)
    assert slow.absence.span is None


def test_what_a_read_of_the_absence_brings_begins_no_other() -> None:
    """It is what was looked for; but it is a sign of life."""
    one = appliance()
    one.brought([event(2000, 5000)], Histogram(), 5001.0, is_again=True)
    assert one.absence.span is None
    one.brought([], Histogram(), 5002.0, is_again=False)
    one.listed(4000.0, 5050.0, was_missing=False)
    assert one.silent_since is None


def test_a_habit_is_judged_by_what_came_before() -> None:
    """The first upload after an absence is no habit, though all known events are late with it."""
    one = appliance()
    late = Histogram().with_more({3000: 50})
    one.brought([event(2000 + n, 5000) for n in range(50)], late, 5001.0, is_again=False)
    assert one.absence.span is not None
    for _ in range(100):
        one.absence.read(5000, 10_000.0, has_found=False)
    assert one.absence.due(1e9) is None
    one.brought([event(7000, 10_000)], late, 10_001.0, is_again=False)
    assert one.absence.span is None


def test_one_that_was_not_listed_has_the_time_between_read_again() -> None:
    """Since the last listing that had it: the API may have answered as if it had no events."""
    one = appliance()
    one.listed(None, 2000.0, was_missing=False)
    one.listed(None, 3000.0, was_missing=True)
    assert one.absence.span == (2000, 3000)
