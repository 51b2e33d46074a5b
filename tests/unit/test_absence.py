from __future__ import annotations

import math

from tailer.core.absence import AWAY, HABIT_EVENTS, MARGIN, Absence, absence_of
from tailer.core.lateness import Histogram
from tailer.model import Event

DAY = 86400.0


def reads_of(absence: Absence, *, until: float, findings: tuple[float, ...] = ()) -> list[float]:
    """List when an absence is read up to `until`; a read at or after each of `findings` brings something."""
    reads: list[float] = []
    left = list(findings)
    while absence.next_at <= until:
        now = absence.next_at
        span = absence.due(now)
        assert span is not None
        has_found = bool(left and left[0] <= now)
        if has_found:
            left.pop(0)
        absence.read(span[1], now, has_found=has_found)
        reads.append(now)
    return reads


def event(t: float, a: float) -> Event:
    """Make an event."""
    return Event(t=t, n=0, k="Init", a=a)


def test_nothing_is_read_again_of_one_that_was_never_away() -> None:
    """No absence is never due."""
    absence = Absence()
    assert absence.span is None
    assert absence.due(1e12) is None


def test_an_absence_is_read_again_at_growing_distances() -> None:
    """At +0, 1, 2, 4 ... 64 minutes, and then no more."""
    absence = Absence()
    absence.begin((1000, 2000), 2000.0, 2000.0)
    assert absence.span == (1000, 2000)
    assert absence.due(1999.9) is None
    assert reads_of(absence, until=DAY) == [2000 + 60 * m for m in (0, 1, 2, 4, 8, 16, 32, 64)]
    assert absence.span is None


def test_what_finds_something_is_followed_a_minute_later() -> None:
    """As long as reads find something new, also after the last step."""
    absence = Absence()
    absence.begin((1000, 2000), 2000.0, 2000.0)
    reads = reads_of(absence, until=DAY, findings=(2240.0, 2300.0, 5840.0, 5900.0))
    minutes = [(at - 2000) / 60 for at in reads]
    assert minutes == [0, 1, 2, 4, 5, 6, 8, 16, 32, 64, 65, 66]


def test_a_long_absence_is_read_in_slices() -> None:
    """A step is done when its last slice is; what any of them found counts."""
    absence = Absence()
    absence.begin((1000, 2000), 2000.0, 2000.0)
    absence.read(1500, 2000.0, has_found=True)
    assert absence.due(2001.0) == (1500, 2000)
    absence.read(2000, 2300.0, has_found=False)
    assert absence.due(2359.0) is None
    assert absence.due(2360.0) == (1000, 2000)


def test_an_absence_that_follows_is_joined() -> None:
    """One span, whose steps begin anew, but no two reads within a minute."""
    absence = Absence()
    absence.begin((1000, 2000), 2000.0, 2000.0)
    absence.read(2000, 2000.0, has_found=False)
    absence.begin((2010, 2030), 2030.0, 2030.0)
    absence.begin((900, 2030), 2030.0, 2030.0)
    assert absence.span == (900, 2030)
    assert absence.due(2060.0) == (900, 2030)
    assert reads_of(absence, until=DAY)[:4] == [2060, 2120, 2180, 2270]


def test_an_absence_of_the_past_is_past() -> None:
    """What ended before all steps, or not yet, is not read again."""
    absence = Absence()
    absence.begin((1000, 2000), 2000.0, 2000.0 + 3840 + 61)
    absence.begin((9000, 9010), 9010.0, 9000.5)
    assert absence.span is None
    absence.begin((1000, 2000), 2000.0, 2000.0 + 3840 + 30)
    assert len(reads_of(absence, until=DAY)) == 1


def test_late_collected_events_show_an_absence() -> None:
    """From before the earliest of them to the latest collection."""
    events = [event(5000, 5001), event(1000, 5000), event(3000, 5004)]
    assert absence_of(events, Histogram(), DAY) == ((int(1000 - MARGIN), 5004), 5004)


def test_ordinary_events_show_none() -> None:
    """Neither does a device clock that is off by years."""
    assert absence_of([event(5000, 5000 + AWAY), event(0, 1.8e9)], Histogram(), 2 * DAY) is None
    assert absence_of([], Histogram(), DAY) is None


def test_a_connector_that_is_always_late_was_not_away() -> None:
    """A habit is the ladder's business; a few events make none, nor do late ones among many prompt ones."""
    late = [event(1000, 5000)]
    assert absence_of(late, Histogram().with_more({4000: HABIT_EVENTS}), DAY) is None
    assert absence_of(late, Histogram().with_more({4000: HABIT_EVENTS - 1}), DAY) is not None
    assert absence_of(late, Histogram().with_more({4000: 10, 1: 20}), DAY) is not None
    assert math.isinf(Absence().next_at)
