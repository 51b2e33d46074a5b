from typing import Any

import pytest

from tailer.simulator.options import SimulatorOptions
from tailer.simulator.quota import Quota


def quota(**chosen: Any) -> Quota:
    """A quota of 3 requests in 10 s, then 5 s of block, from time 0."""
    return Quota(SimulatorOptions(**{"quota": 3, "quota_window": 10.0, "block": 5.0, **chosen}), 0.0)


def test_quota_is_spent_and_crossed() -> None:
    """The request after the last allowed one is refused, and everything for the time of the block."""
    sut = quota()
    assert [sut.take(at) for at in (0, 1, 2)] == [True] * 3
    assert [sut.take(at) for at in (3, 4, 7.9)] == [False] * 3
    assert sut.crossings == 1
    assert sut.take(8)


def test_crossing_again_counts_again() -> None:
    """Each crossing is counted once, however many requests its block refuses."""
    sut = quota()
    for at in (0, 0, 0, 0, 1, 5, 5, 5, 5, 6):
        sut.take(at)
    assert sut.crossings == 2


def test_sliding_window_frees_one_by_one() -> None:
    """In a sliding window each request is free again one window later."""
    sut = quota()
    for at in (0, 4, 8):
        assert sut.take(at)
    assert sut.remaining(10) == 0
    assert sut.remaining(10.1) == 1
    assert sut.resets_in(10.1) == pytest.approx(3.9)
    assert sut.take(10.1)
    assert not sut.take(10.2)


def test_fixed_window_starts_anew() -> None:
    """In a fixed window all is free again at the next multiple of its length."""
    sut = quota(quota_kind="fixed")
    for at in (7, 8, 9):
        assert sut.take(at)
    assert sut.resets_in(9) == 1
    assert sut.remaining(10) == 3


def test_headers_tell_what_is_left() -> None:
    """The headers carry quota, window, remaining requests and the seconds to the reset, rounded up."""
    sut = quota()
    sut.take(0)
    assert sut.headers(0.5) == {
        "Ratelimit": '"default";r=2;t=10',
        "Ratelimit-Policy": '"default";q=3;w=10',
    }
    for at in (1, 1, 1):
        sut.take(at)
    assert sut.headers(2)["Ratelimit"] == '"default";r=0;t=4'


def test_others_spend_of_the_same_quota() -> None:
    """Foreign requests lower what is left, but never cross the quota by themselves."""
    sut = quota(quota=10, foreign_rate=0.5)
    assert sut.take(0)
    assert sut.take(5)
    assert sut.remaining(5) == 10 - 2 - 2
    assert sut.take(6)
    assert sut.remaining(6) == 10 - 3 - 3
    assert sut.take(100)
    assert sut.remaining(100) == 10 - 1 - 6  # one exactly a window old still counts
    busy = quota(foreign_rate=100.0)
    assert not busy.take(1)
    assert busy.crossings == 1
