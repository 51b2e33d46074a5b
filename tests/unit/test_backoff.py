"""How long is waited after failures in a row."""

import pytest

from tailer.core.backoff import backoff

ALMOST_ONE = 1 - 2**-53


@pytest.mark.parametrize(("failures", "bound"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (6, 10)])
def test_the_bound_doubles_up_to_the_cap(failures: int, bound: float) -> None:
    """Each failure doubles the longest wait, and none exceeds the cap."""
    assert backoff(failures, first=1, cap=10, unit=ALMOST_ONE) == pytest.approx(bound)


def test_jitter_is_full() -> None:
    """The wait lies anywhere between nothing and its bound, in proportion to the random number."""
    assert [backoff(3, first=2, cap=60, unit=unit) for unit in (0.0, 0.25, 0.5)] == [0.0, 2.0, 4.0]


def test_endless_failures_do_not_overflow() -> None:
    """After a year of failures the wait is still the cap."""
    assert backoff(10**9, first=0.5, cap=300, unit=0.5) == 150


def test_no_failure_counts_as_one() -> None:
    """Asked without any failure, the first bound applies."""
    assert backoff(0, first=4, cap=60, unit=0.5) == 2
