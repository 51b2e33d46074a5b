"""When a file is put aside, what it is called, what is kept."""

from datetime import UTC, datetime

import pytest

from tailer.core.rotation import Retention, RotatedNames, Rotation

NAMES = RotatedNames("events", ".jsonl")


def at(text: str) -> float:
    """Read a time, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("length", "more", "is_due"), [(0, 101, False), (99, 1, False), (100, 1, True), (1, 500, True)]
)
def test_size_is_not_exceeded(length: int, more: int, is_due: bool) -> None:
    """A file that a batch would make too long is put aside before; an empty one never is."""
    assert Rotation(size=100).is_due(length, more, 0, 0) is is_due


@pytest.mark.parametrize(
    ("every", "written", "now", "is_due"),
    [
        (3600, "2026-11-23 08:59:59.9", "2026-11-23 09:00:00", True),
        (3600, "2026-11-23 09:00:00", "2026-11-23 09:59:59", False),
        (86400, "2026-11-23 23:59:59", "2026-11-24 00:00:00", True),
        (86400, "2026-11-24 00:00:00", "2026-11-24 23:59:59", False),
        (7 * 86400, "2026-11-22 23:59:59", "2026-11-23 00:00:00", True),
        (7 * 86400, "2026-11-23 00:00:00", "2026-11-29 23:59:59", False),
        (3600, "2026-11-23 09:00:00", "2026-11-23 08:00:00", False),
    ],
)
def test_periods_begin_on_the_hour_at_midnight_and_on_mondays(
    every: float, written: str, now: str, is_due: bool
) -> None:
    """A file of an earlier period is put aside, by UTC; a clock that was set back puts nothing aside."""
    assert Rotation(every=every).is_due(1, 1, at(written), at(now)) is is_due


def test_nothing_asked_is_never_due() -> None:
    """Given neither size nor period, a file is written for ever."""
    assert not Rotation().is_due(10**12, 10**9, 0, 10**9)


def test_name_tells_the_time() -> None:
    """The name holds the time of putting aside, UTC, between stem and suffix, and it is read back."""
    stamp = NAMES.next_stamp([], at("2026-11-23 08:00:00.7"))
    assert NAMES.name_of(stamp) == "events-20261123T080000Z.jsonl"
    assert NAMES.stamp_of("events-20261123T080000Z.jsonl") == stamp
    assert NAMES.stamp_of("events-20261123T080000Z.jsonl.gz") == stamp
    assert RotatedNames("events", "").name_of(stamp) == "events-20261123T080000Z"


@pytest.mark.parametrize(
    "name",
    [
        "events.jsonl",
        "events.jsonl.1",
        "events-20261123.jsonl",
        "events-20261123T080000Z.jsonl.bz2",
        "events-20261123T080000Z.jsonl.gz.gz",
        "events-20260231T080000Z.jsonl",
        "events-\u0662\u0660261123T080000Z.jsonl",
        "my-events-20261123T080000Z.jsonl",
        "events-audit-20261123T080000Z.jsonl",
        "events-20261123T080000ZXjsonl",
        "events-20261123T080000Z.jsonl\n",
        ".events-20261123T080000Z.jsonl.gz.new",
    ],
)
def test_names_of_others_are_not_ours(name: str) -> None:
    """A name that only resembles ours belongs to someone else."""
    assert NAMES.stamp_of(name) is None


@pytest.mark.parametrize(
    ("taken", "now", "stamp"),
    [
        ([], 100.9, 100),
        ([99], 100.9, 100),
        ([100], 100.9, 101),
        ([100, 101], 100.9, 102),
        ([150], 100.9, 151),
        ([10**9], 100.9, 100),
        ([100 + 86400, 100 + 86401], 100.9, 100 + 86402),
    ],
)
def test_names_sort_and_are_never_used_twice(taken: list[int], now: float, stamp: int) -> None:
    """A name is later than all that are there, even if the clock was set back; one of a wild clock aside."""
    assert NAMES.next_stamp(taken, now) == stamp


def test_the_oldest_go_when_there_are_too_many() -> None:
    """Given a number of files, the ones with the latest names are kept."""
    assert Retention(files=2).expired({3: 0, 1: 0, 2: 0, 4: 0}, 0) == [1, 2]
    assert Retention(files=4).expired({3: 0, 1: 0, 2: 0, 4: 0}, 0) == []


def test_what_was_written_too_long_ago_goes() -> None:
    """Given an age, a file that was last written longer ago goes, whatever its name says."""
    assert Retention(age=10).expired({1: 89, 2: 90, 3: 88}, 100) == [1, 3]


def test_without_bounds_all_is_kept() -> None:
    """Given no bound, nothing is ever deleted."""
    assert Retention().expired({1: 0, 2: 0}, 10**12) == []
