from __future__ import annotations

import msgspec
import pytest

from tailer.core.lateness import LONGEST, MEMORY, Histogram, Lateness, merged
from tailer.core.progress import Checkpoint
from tailer.journal.codec import CHECKPOINT
from tailer.model import Event


def event(t: float, a: float) -> Event:
    """Make an event."""
    return Event(t=t, n=0, k="Init", a=a)


def test_an_empty_histogram_tells_nothing() -> None:
    """There is no quantile of nothing."""
    assert Histogram().quantile(0.5) is None
    assert Histogram().total == 0


@pytest.mark.parametrize(("duration", "told"), [(-5, 1), (0, 1), (1, 1), (2, 2), (3, 2**1.75), (4, 4)])
def test_a_duration_is_told_as_the_end_of_its_bucket(duration: float, told: float) -> None:
    """Up to a second they are one; powers of two are exact; a clock that runs ahead counts as no delay."""
    assert Histogram().with_more({duration: 1}).quantile(1) == pytest.approx(told)


def test_absurd_durations_share_the_last_bucket() -> None:
    """A device clock in 1970 is one bucket, not a row of them."""
    assert Histogram().with_more({1.8e9: 1, 2e9: 1}).quantile(1) == LONGEST


def test_a_quantile_is_that_of_its_rank() -> None:
    """One in a thousand decides the highest of a thousandth, not a lower one."""
    histogram = Histogram().with_more({1: 999, 4096: 1})
    assert histogram.quantile(0.999) == 1
    assert histogram.quantile(0.9991) == 4096


def test_old_events_are_forgotten_by_halves() -> None:
    """A connector that was late for long and is prompt again is told as prompt."""
    histogram = Histogram().with_more({1024: MEMORY})
    assert histogram.total == MEMORY
    for _ in range(20):
        histogram = histogram.with_more({1: MEMORY // 2})
        assert histogram.total <= MEMORY
    assert histogram.quantile(0.999) == 1
    assert histogram.quantile(1) == 1024


def test_what_was_there_before_anybody_looked_counts_as_collected_only() -> None:
    """A history that is read for the first time, or after a downtime, took no time to be found."""
    lateness = Lateness().with_events([event(100, 108), event(900, 1000)], seen_at=1004.0, since=1000.0)
    assert (lateness.collected.total, lateness.found.total, lateness.seen.total) == (2, 1, 1)
    assert lateness.found.quantile(1) == 4
    assert lateness.seen.quantile(1) == pytest.approx(2**6.75)
    old = Lateness().with_events([event(100, 108)], seen_at=1004.0, since=1000.0)
    assert old.collected.total == 1
    assert old.seen == Histogram()


def test_no_events_change_nothing() -> None:
    """A poll without events leaves the very same value, so that nothing is stored."""
    lateness = Lateness()
    assert lateness.with_events([], seen_at=5.0, since=0.0) is lateness


def test_a_fleet_is_the_sum_of_its_connectors() -> None:
    """Merging is exact."""
    one = Lateness().with_events([event(10, 12)] * 3, seen_at=20.0, since=0.0)
    other = Lateness().with_events([event(10, 12)] * 2 + [event(5, 500)], seen_at=600.0, since=0.0)
    fleet = merged([one, other, Lateness()])
    assert fleet.collected.total == 6
    assert fleet.collected == Histogram().with_more({2: 5, 495: 1})


def test_a_checkpoint_keeps_its_lateness_in_some_bytes() -> None:
    """It comes back as it was, in about a hundred bytes; a checkpoint from before it has none."""
    lateness = Lateness()
    for t in range(2000):
        late = 7200 * (t % 500 == 0) + t % 3
        lateness = lateness.with_events([event(t, t + late)], seen_at=t + late + t % 6, since=0.0)
    checkpoint = Checkpoint(1.0, 0.0, lateness=lateness)
    stored = CHECKPOINT.encode(checkpoint)
    assert CHECKPOINT.decode(stored) == checkpoint
    assert len(stored) - len(CHECKPOINT.encode(Checkpoint(1.0, 0.0))) < 120
    before = msgspec.msgpack.decode(CHECKPOINT.encode(Checkpoint(1.0, 0.0)))[:7]
    assert CHECKPOINT.decode(msgspec.msgpack.encode(before)) == Checkpoint(1.0, 0.0)
