"""The keys of one connector, case by case."""

import math
from collections.abc import Iterable

import pytest

from tailer.core.keys import KeyBlock, KeyColumns, KeySet, kind_mark, stamp_of
from tailer.core.spans import Spans
from tailer.model import Event, Key


def _events(keys: Iterable[Key], kind: str = "Init") -> list[Event]:
    return [Event(t, n, kind, t) for t, n in keys]


def _all(keys: KeySet) -> dict[Key, int]:
    return keys.within(-math.inf, math.inf)


def _stamps(keys: KeySet) -> dict[Key, int]:
    """Find each key's stamp by forgetting at one floor after the other."""
    block = keys.block()
    found = {}
    for floor in range(200):
        left = KeySet()
        left.restore(block)
        left.forget(floor, at_once=True)
        found.update(dict.fromkeys(_all(left), floor))
    return found


@pytest.mark.parametrize(
    ("t", "a", "read_at", "stamp"),
    [
        (10, 12, 100.0, 12),
        (12, 10, 100.0, 12),
        (10.2, 11.5, 100.0, 12),
        (10, 500, 100.2, 102),
        (2_000_000_000, 100, 100.0, 101),
        (-5, -7, 100.0, 0),
        (2**40, 2**40, 2.0**40, 2**32 - 1),
    ],
)
def test_a_stamp_bounds_every_later_meeting(t: float, a: float, read_at: float, stamp: int) -> None:
    """It is the later of t and a, rounded up, but not above the time of reading plus padding."""
    assert stamp_of(t, a, read_at) == stamp


def test_keys_are_found_by_their_times() -> None:
    """A look-up gives the keys with t between both bounds, inclusive, and their kinds' marks."""
    keys = KeySet()
    keys.add(_events([(1, 1), (2, 1), (2, 2), (3, 1)]), 100.0)
    assert keys.within(2, 2) == {(2, 1): kind_mark("Init"), (2, 2): kind_mark("Init")}
    assert list(keys.within(2, 3)) == [(2, 1), (2, 2), (3, 1)]
    assert keys.within(4, 9) == {}
    assert len(keys) == 4


def test_keys_are_counted_from_a_time_on() -> None:
    """What a reach of so far back would have to remember; odd ones are always counted."""
    keys = KeySet()
    keys.add(_events([(10, 0), (10, 1), (20, 0), (30, 2**70)]), 40.0)
    assert keys.count_from(10) == 4
    assert keys.count_from(11) == 2
    assert keys.count_from(31) == 1


def test_whole_numbers_are_found_whatever_their_type() -> None:
    """3 and 3.0 are one key."""
    keys = KeySet()
    keys.add([Event(3, 7, "Init", 3)], 100.0)
    assert (3.0, 7.0) in keys.within(3.0, 3.0)


def test_odd_numbers_keep_every_digit() -> None:
    """Numbers that fit no machine word are kept exactly, beside the ordinary ones."""
    odd: list[Key] = [
        (-(2**60), 1),
        (1, -1),
        (1, 2**64),
        (1, 2**64 + 1),
        (1, 0.5),
        (2**53 + 1, 1),
        (2**70, 3),
    ]
    keys = KeySet()
    keys.add(_events(sorted([*odd, (1, 2**64 - 1), (1.25, 2**53 + 1)])), 100.0)
    assert set(_all(keys)) == {*odd, (1, 2**64 - 1), (1.25, 2**53 + 1)}
    assert len(keys) == 9
    assert set(keys.within(1, 1)) == {(1, -1), (1, 2**64), (1, 2**64 + 1), (1, 0.5), (1, 2**64 - 1)}
    assert keys.size_bytes > 7 * 250


def test_nothing_to_add() -> None:
    """A poll without events changes nothing."""
    keys = KeySet()
    keys.add([], 100.0)
    assert len(keys) == 0


@pytest.mark.parametrize("count", [1, 3, 500])
def test_earlier_keys_find_their_place(count: int) -> None:
    """Late keys, few or many, lie where their time puts them, each with its own stamp and mark."""
    keys = KeySet()
    keys.add(_events([(t, 0) for t in range(0, 1000, 2)], "Init"), 5000.0)
    late = [(t, n) for t, n in zip(range(1, 2 * count, 2), [5] * count, strict=True)]
    keys.add(_events(late, "Leave"), 5000.0)
    found = _all(keys)
    assert list(found) == sorted(found)
    assert found == dict.fromkeys([(t, 0) for t in range(0, 1000, 2)], kind_mark("Init")) | dict.fromkeys(
        late, kind_mark("Leave")
    )


def test_ties_are_ordered_by_number() -> None:
    """Late keys of a second that has keys already are put in by their n."""
    keys = KeySet()
    keys.add(_events([(1, 2), (1, 4), (2, 0)]), 100.0)
    keys.add(_events([(1, 1), (1, 3), (1, 5)]), 100.0)
    assert list(_all(keys)) == [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 0)]


def test_stamps_stay_with_their_keys() -> None:
    """Appended, late, odd and fast-clock keys are stamped by one rule."""
    keys = KeySet()
    keys.add([Event(10, 1, "Init", 12), Event(11, 1, "Init", 11)], 100.0)
    keys.add([Event(5, 1, "Init", 70)], 100.0)
    keys.add([Event(5, 1.5, "Init", 6.5)], 100.0)
    keys.add([Event(180, 1, "Init", 60)], 100.0)
    assert _stamps(keys) == {(10, 1): 12, (11, 1): 11, (5, 1): 70, (5, 1.5): 7, (180, 1): 101}


def test_only_ordinary_keys_are_appended() -> None:
    """Columns that hold an earlier, an odd or a fast-clock key are refused whole, others taken whole."""
    keys = KeySet()
    assert keys.append(KeyColumns([5, 5.5], [1, 2], [6, 6], [0, 0], 100.0))
    for times, numbers, collected in (
        ([4, 9], [1, 1], [4, 9]),
        ([9, 2**60], [1, 1], [9, 9]),
        ([9], [0.5], [9]),
        ([9], [-1], [9]),
        ([9], [2**64], [9]),
        ([9], [1], [9.5]),
        ([9], [1], [200]),
    ):
        assert not keys.append(KeyColumns(times, numbers, collected, [0] * len(times), 100.0))
    assert set(_all(keys)) == {(5, 1), (5.5, 2)}


def test_keys_below_the_floor_are_forgotten() -> None:
    """A key goes when its stamp is below the floor, and is counted."""
    keys = KeySet()
    keys.add([Event(1, 1, "Init", 5), Event(2, 1, "Init", 20), Event(3, 2**65, "Init", 3)], 100.0)
    assert keys.forget(6.0, at_once=True) == 2
    assert set(_all(keys)) == {(2, 1)}


def test_gaps_spare_keys() -> None:
    """A key with t or stamp inside a gap, padded by a second, stays below the floor too."""
    times = [(7, 7), (9, 9), (10, 50), (13, 13), (14, 14), (30, 31)]
    keys = KeySet()
    keys.add([Event(t, 1, "Init", a) for t, a in times], 99.0)
    keys.add([Event(9, 2**65, "Init", 9), Event(20, 2**65, "Init", 20)], 99.0)
    keys.forget(60.0, Spans(((10, 13), (31, 32))), at_once=True)
    assert set(_all(keys)) == {(9, 1), (10, 1), (13, 1), (30, 1), (9, 2**65)}


def test_little_work_is_put_off() -> None:
    """As long as less than an eighth could go, nothing is done; then all that can go goes."""
    keys = KeySet()
    keys.add(_events([(t, 0) for t in range(100)]), 100.0)
    assert keys.forget(12.0) == 0
    assert keys.forget(13.0) == 13
    assert len(keys) == 87


def test_growth_calls_for_a_look() -> None:
    """Keys whose t tells nothing of their stamp are looked through when their number has doubled."""
    keys = KeySet()
    keys.add([Event(t, 0.5, "Init", t) for t in range(1023)], 5000.0)
    assert keys.forget(500.0) == 0
    keys.add([Event(2000, 1, "Init", 2000)], 5000.0)
    assert keys.forget(500.0) == 500


def test_pinned_keys_do_not_cost_again_and_again() -> None:
    """Keys below the floor that a gap keeps don't count as work that is due."""
    keys = KeySet()
    keys.add(_events([(t, 0) for t in range(100)]), 100.0)
    gaps = Spans(((0, 49),))
    assert keys.forget(60.0, gaps) == 10
    assert keys.forget(65.0, gaps) == 0
    assert keys.forget(65.0, gaps, at_once=True) == 5


def test_a_block_brings_all_back() -> None:
    """What was packed is the same after it was restored, odd keys included."""
    keys = KeySet()
    keys.add(_events([(1, 1), (1, 2**66), (2.5, 3)]), 100.0)
    again = KeySet()
    again.restore(keys.block())
    assert _all(again) == _all(keys)
    assert _stamps(again) == _stamps(keys)


def test_blocks_overlap() -> None:
    """Blocks in any order, with keys in common, give each key once."""
    first, second = KeySet(), KeySet()
    first.add(_events([(1, 1), (3, 1), (3, 2**66)]), 100.0)
    second.add(_events([(2, 1), (3, 1), (3, 2**66), (4, 1)]), 100.0)
    keys = KeySet()
    for block in (second.block(), first.block(), first.block(), KeySet().block()):
        keys.restore(block)
    assert list(keys.within(0, 9)) == [(1, 1), (2, 1), (3, 1), (4, 1), (3, 2**66)]
    assert len(keys) == 5


def test_the_first_of_two_blocks_holds() -> None:
    """A key that two blocks tell differently keeps stamp and mark of the one that was restored first."""
    first, second = KeySet(), KeySet()
    first.add([Event(1, 1, "Init", 5), Event(2, 2**66, "Init", 6)], 100.0)
    second.add([Event(2, 2**66, "Leave", 9), Event(3, 1, "Leave", 9)], 100.0)
    keys = KeySet()
    keys.restore(first.block())
    keys.restore(second.block())
    assert _stamps(keys) == {(1, 1): 5, (2, 2**66): 6, (3, 1): 9}
    assert keys.within(2, 2) == {(2, 2**66): kind_mark("Init")}


def test_a_block_knows_its_newest_stamp() -> None:
    """It is the highest of all, 0 in an empty block."""
    keys = KeySet()
    assert keys.block().newest_stamp == 0
    keys.add([Event(1, 1, "Init", 9), Event(2, 1, "Init", 5)], 100.0)
    assert keys.block().newest_stamp == 9
    keys.add([Event(1, 0.5, "Init", 30)], 100.0)
    assert keys.block().newest_stamp == 30


def test_rows_come_in_any_order() -> None:
    """Rows are sorted on their way in; none at all is no trouble."""
    keys = KeySet()
    keys.add_rows([(3, 1, 3, 7), (1, 1, 1, 8), (2, 2**64, 2, 9)])
    keys.add_rows([])
    assert _all(keys) == {(1, 1): 8, (3, 1): 7, (2, 2**64): 9}


def test_memory_is_counted() -> None:
    """Packed keys take about 22 bytes each."""
    keys = KeySet()
    keys.restore(KeyBlock(b"", b"", b"", b"", []))
    keys.add(_events([(t, 0) for t in range(10_000)]), 1e5)
    assert 22 * 10_000 <= keys.size_bytes <= 25 * 10_000 + 400


def test_a_block_gives_its_keys_as_rows() -> None:
    """What was stored is there again, whole times as whole numbers and odd keys with every digit."""
    keys = KeySet()
    keys.add_rows([(3, 1, 5, 7), (4.5, 0, 6, 8), (4, 2**65, 9, 1)])
    rows = sorted(keys.block().rows())
    assert rows == [(3, 1, 5, 7), (4, 2**65, 9, 1), (4.5, 0, 6, 8)]
    assert [type(row[0]) for row in rows] == [int, int, float]
