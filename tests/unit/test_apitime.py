"""How API time is told from Date headers."""

import pytest

from tailer.core.apitime import ApiTime


def test_our_clock_counts_until_the_api_has_spoken() -> None:
    """Before the first answer, API time is our wall clock carried on by the monotonic one."""
    clock = ApiTime(wall=1000.0, monotonic=10.0)
    assert clock.now(10.0) == 1000.0
    assert clock.now(25.5) == 1015.5


@pytest.mark.parametrize("date", [1000, 1001])
def test_an_answer_that_agrees_changes_nothing(date: int) -> None:
    """A Date that fits what we believe, at either end of its bounds, leaves API time as it is."""
    clock = ApiTime(wall=1001.0, monotonic=0.0)
    assert clock.observe(date, sent=0.0, received=0.5) is None
    assert clock.now(0.0) == 1001.0


def test_a_slow_clock_moves_to_the_lower_bound() -> None:
    """When the Date is ahead of us, API time becomes the earliest that the answer allows."""
    clock = ApiTime(wall=1000.0, monotonic=0.0)
    assert clock.observe(1001, sent=0.0, received=0.25) is None
    assert clock.now(0.25) == 1001.0


def test_a_fast_clock_moves_to_the_upper_bound() -> None:
    """When the Date is behind us, API time becomes the latest that the answer allows."""
    clock = ApiTime(wall=1002.5, monotonic=0.0)
    assert clock.observe(1000, sent=0.0, received=0.25) is None
    assert clock.now(0.0) == 1001.0


def test_second_edges_sharpen_the_estimate() -> None:
    """Answers on both sides of the edge of a second leave no more doubt than their round trip."""
    clock = ApiTime(wall=1000.5, monotonic=0.0)  # in truth it is 1000.0
    clock.observe(1000, sent=0.98, received=0.99)
    assert clock.now(0.0) == pytest.approx(1000.02)
    clock.observe(1001, sent=1.0, received=1.01)
    assert clock.now(0.0) == pytest.approx(1000.0, abs=0.021)


@pytest.mark.parametrize("error", [-3600.0, -3.5, 3.5, 3600.0, 10.0**9])
def test_a_step_is_absorbed_at_once_and_told(error: float) -> None:
    """One answer corrects a clock that is off by more than two seconds, and its step is returned."""
    clock = ApiTime(wall=1000.0 + error, monotonic=0.0)
    step = clock.observe(1000, sent=0.0, received=0.0)
    assert step == pytest.approx(-error, abs=1.0)
    assert 1000 <= clock.now(0.0) <= 1001
    assert clock.observe(1000, sent=0.0, received=0.0) is None


def test_a_move_of_two_seconds_is_no_news() -> None:
    """Only a move by more than two seconds is told."""
    clock = ApiTime(wall=1000.0, monotonic=0.0)
    assert clock.observe(1002, sent=0.0, received=0.0) is None
    assert clock.now(0.0) == 1002.0
