import pytest

from tailer.core.spacing import Spacing


def times(spacing: Spacing, count: int, now: float) -> list[float]:
    """Ask so often at one moment, where 80 requests in 38 s are allowed: one in half a second after four."""
    return [spacing.next(now, allowed=80, rate=80 / 38) for _ in range(count)]


def test_a_small_fleet_begins_at_once() -> None:
    """A twentieth of the window's requests, and one, go out at the first moment."""
    assert times(Spacing(), 5, 100.0) == [100.0] * 5


def test_a_large_fleet_begins_at_the_rate_of_the_budget() -> None:
    """Those beyond the head start follow evenly: together they take a window's requests in a window."""
    began = times(Spacing(), 81, 100.0)

    assert began[5:9] == pytest.approx([100.5, 101.0, 101.5, 102.0])
    assert began[80] == pytest.approx(138.0)


def test_after_a_pause_they_are_spread_anew() -> None:
    """However long nobody asked, no more begin at once than at the start."""
    spacing = Spacing()
    times(spacing, 50, 100.0)

    assert times(spacing, 7, 500.0) == pytest.approx([500.0] * 5 + [500.5, 501.0])


def test_who_asks_less_often_never_waits() -> None:
    """Regular polls that fit into the budget begin when they are due."""
    spacing = Spacing()
    asked = [100 + 0.6 * number for number in range(1000)]

    assert [times(spacing, 1, now)[0] for now in asked] == asked


def test_a_rate_that_rises_counts_at_once() -> None:
    """Headers that tell of a larger quota shorten the distances from the next one on."""
    spacing = Spacing()
    times(spacing, 5, 100.0)

    assert spacing.next(100.0, allowed=800, rate=800 / 38) == pytest.approx(100.5)
    assert spacing.next(100.0, allowed=800, rate=800 / 38) == pytest.approx(100.55)
