"""Which events of one connector are journaled: exact, compact, and forgotten only when that is safe.

Rules:

1. An event's key is (t, n). A key is remembered once its event is durable, and never before.
2. Each key carries a stamp, min(max(t, a), first seen in API time + `PADDING`), rounded up to whole seconds:
   no later read of a span that begins above the stamp can return the event, whether the API filters by t
   or by a, and a device clock in 2036 does not pin it.
3. Keys are forgotten only below a floor (see `tailer.core.progress`) that is already durable, and outside
   every recorded gap.
4. Numbers compare by value: 3 and 3.0 are one key. Numbers that fit no machine word are kept aside as
   Python objects, exactly.
5. Each key also keeps a 16-bit mark of its kind, so that one (t, n) that comes back with another kind is
   noticed (a wrong silence once in 65,536).

Four parallel arrays sorted by (t, n) take 22 bytes a key plus the arrays' slack (at most one eighth); a set
of tuples would take about 200. New keys nearly always belong at the end, which appends; an earlier one
rebuilds the arrays' tail from there on.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import compress
from typing import NamedTuple
from zlib import crc32

import msgspec

from tailer.core.spans import Spans
from tailer.model import Event, Key

PADDING = 1
"""Seconds by which reads are wider than what they cover: bounds may be inclusive or exclusive."""

_MAX_WORD = 2**64 - 1
_MAX_EXACT = 2**53
_MAX_STAMP = 2**32 - 1
_MIN_REBUILD = 1024
_MAX_SINGLE = 128
"""So many keys are put in singly: that moves each array's tail once a key, some 2 ns a moved key; to rebuild
the tail takes some 500 ns a key, once."""
_NO_SPANS = Spans()


@lru_cache(maxsize=1024)
def kind_mark(kind: str) -> int:
    """Give the 16-bit mark of a kind."""
    return crc32(kind.encode("utf-8", "surrogatepass")) & 0xFFFF


def stamp_of(t: int | float, a: int | float, read_at: float) -> int:
    """Give the time from which on a key can't be met again.

    Args:
        t: Time recorded.
        a: Time collected.
        read_at: API time at which the poll that found the event began.
    """
    return max(0, min(_MAX_STAMP, math.ceil(min(max(t, a), read_at + PADDING))))


KeyRow = tuple[int | float, int | float, int, int]
"""A key as a row: t, n, stamp, mark of its kind."""


class KeyColumns(NamedTuple):
    """What the keys of one poll's events are made from, by column; sorted by (t, n), none twice.

    Attributes:
        times: `t` of each event.
        numbers: `n`.
        collected: `a`.
        marks: The marks of the kinds.
        read_at: API time at which the poll began.
    """

    times: Sequence[int | float]
    numbers: Sequence[int | float]
    collected: Sequence[int | float]
    marks: Sequence[int]
    read_at: float

    def rows(self) -> list[KeyRow]:
        """Give the keys as rows."""
        columns = zip(self.times, self.numbers, self.collected, self.marks, strict=True)
        return [(t, n, stamp_of(t, a, self.read_at), mark) for t, n, a, mark in columns]


class KeyBlock(msgspec.Struct, frozen=True, array_like=True):
    """Keys in a form that a journal stores: four packed arrays (native order) and the odd ones.

    Native order is part of the journal's format: the file does not move between machine types.
    """

    times: bytes
    numbers: bytes
    stamps: bytes
    marks: bytes
    odd: list[KeyRow]

    def rows(self) -> Iterator[KeyRow]:
        """Give the keys as rows."""
        times, numbers, stamps, marks = array("d"), array("Q"), array("I"), array("H")
        times.frombytes(self.times)
        numbers.frombytes(self.numbers)
        stamps.frombytes(self.stamps)
        marks.frombytes(self.marks)
        for t, n, stamp, mark in zip(times, numbers, stamps, marks, strict=True):
            yield int(t) if t.is_integer() else t, n, stamp, mark
        yield from self.odd

    @property
    def newest_stamp(self) -> int:
        """The highest stamp in it, 0 when it is empty."""
        stamps = array("I")
        stamps.frombytes(self.stamps)
        return max(max(stamps, default=0), max((row[2] for row in self.odd), default=0))


class KeySet:
    """The remembered keys of one connector."""

    __slots__ = ("_kept_below", "_marks", "_numbers", "_odd", "_rebuilt_size", "_stamps", "_times")

    def __init__(self) -> None:
        self._times = array("d")
        self._numbers = array("Q")
        self._stamps = array("I")
        self._marks = array("H")
        self._odd: dict[Key, tuple[int, int]] = {}
        self._rebuilt_size = 0
        self._kept_below = 0

    def __len__(self) -> int:
        """Count the keys."""
        return len(self._times) + len(self._odd)

    @property
    def size_bytes(self) -> int:
        """Bytes of memory that the packed keys take, slack included; odd ones are counted at 250 each."""
        arrays = (self._times, self._numbers, self._stamps, self._marks)
        return sum(part.__sizeof__() for part in arrays) + 250 * len(self._odd)

    def within(self, low: int | float, high: int | float) -> dict[Key, int]:
        """Give the keys with ``low <= t <= high`` and the marks of their kinds."""
        start, end = bisect_left(self._times, low), bisect_right(self._times, high)
        found: dict[Key, int] = {}
        if start < end:
            keys = zip(self._times[start:end], self._numbers[start:end], strict=True)
            found = dict(zip(keys, self._marks[start:end], strict=True))
        if self._odd:
            found.update({key: mark for key, (_, mark) in self._odd.items() if low <= key[0] <= high})
        return found

    def count_from(self, t: float) -> int:
        """Count the keys with this time or a later one; odd ones all."""
        return len(self._times) - bisect_left(self._times, t) + len(self._odd)

    def add(self, events: Sequence[Event], read_at: float) -> None:
        """Remember events that have become durable.

        Args:
            events: Sorted by (t, n), none twice, none remembered yet.
            read_at: API time at which their poll began.
        """
        columns = KeyColumns(
            [event.t for event in events],
            [event.n for event in events],
            [event.a for event in events],
            [kind_mark(event.k) for event in events],
            read_at,
        )
        if events and not self.append(columns):
            self._insert(columns.rows())

    def append(self, columns: KeyColumns) -> bool:
        """Remember keys that are ordinary and all belong at the end; of others none, and tell so.

        Args:
            columns: At least one key.
        """
        times, numbers, collected, marks, read_at = columns
        if self._times and (times[0], numbers[0]) < self._last():
            return False
        if not -_MAX_EXACT <= times[0] <= times[-1] <= _MAX_EXACT:
            return False
        # A conditional expression takes half the time of ``max``.
        stamps = [a if a > t else t for t, a in zip(times, collected, strict=True)]  # noqa: FURB136
        if max(stamps) > read_at + PADDING:
            return False
        try:
            packed = _words("Q", numbers), _words("I", stamps)
        except (OverflowError, TypeError):
            return False  # a fraction, a negative or a huge number among them
        self._extend(array("d", times), *packed, array("H", marks))
        return True

    def add_rows(self, rows: Iterable[KeyRow]) -> None:
        """Remember keys that are durable, in any order, none twice, none remembered yet."""
        self._insert(sorted(rows))

    def forget(self, floor: float, spared: Spans = _NO_SPANS, *, at_once: bool = False) -> int:
        """Drop keys whose stamp is below a durable floor; return how many.

        Args:
            floor: API time, epoch seconds; exclusive.
            spared: Recorded gaps: keys with t or stamp inside one (padded) stay.
            at_once: Otherwise work is put off until another eighth of the keys has come to lie below the
                floor or their number has doubled, so that the cost a key is constant on average.
        """
        before = len(self)
        fresh = bisect_left(self._times, floor) - self._kept_below
        is_due = fresh * 8 >= before or before >= max(_MIN_REBUILD, 2 * self._rebuilt_size)
        if not (is_due or at_once):
            return 0
        padded = Spans().update((start - PADDING, end + PADDING) for start, end in spared)
        if self._stamps and min(self._stamps) < floor:
            keep = [stamp >= floor for stamp in self._stamps]
            if padded:
                keys = zip(keep, self._times, self._stamps, strict=True)
                keep = [kept or t in padded or stamp in padded for kept, t, stamp in keys]
            self._times = array("d", compress(self._times, keep))
            self._numbers = array("Q", compress(self._numbers, keep))
            self._stamps = array("I", compress(self._stamps, keep))
            self._marks = array("H", compress(self._marks, keep))
        self._odd = {
            key: value
            for key, value in self._odd.items()
            if value[0] >= floor or key[0] in padded or value[0] in padded
        }
        self._rebuilt_size = len(self)
        self._kept_below = bisect_left(self._times, floor)
        return before - len(self)

    def block(self) -> KeyBlock:
        """Pack all keys for storage."""
        return KeyBlock(
            self._times.tobytes(),
            self._numbers.tobytes(),
            self._stamps.tobytes(),
            self._marks.tobytes(),
            [(*key, *value) for key, value in self._odd.items()],
        )

    def restore(self, block: KeyBlock) -> None:
        """Remember the keys of a stored block; keys that are remembered already are kept once."""
        times, numbers, stamps, marks = array("d"), array("Q"), array("I"), array("H")
        times.frombytes(block.times)
        numbers.frombytes(block.numbers)
        stamps.frombytes(block.stamps)
        marks.frombytes(block.marks)
        if times and (not self._times or self._last() < (times[0], numbers[0])):
            self._extend(times, numbers, stamps, marks)
            self._insert(row for row in block.odd if (row[0], row[1]) not in self._odd)
        else:
            rows = [*zip(times, numbers, stamps, marks, strict=True), *block.odd]
            if rows:
                known = self.within(min(rows)[0], max(rows)[0])
                self.add_rows(row for row in rows if (row[0], row[1]) not in known)

    def _insert(self, rows: Iterable[KeyRow]) -> None:
        """Put rows of (t, n, stamp, mark), sorted and new, where they belong."""
        packed = []
        for row in rows:
            if _fits(row[0], row[1]):
                packed.append(row)
            else:
                self._odd[(row[0], row[1])] = (row[2], row[3])
        if not packed:
            return
        if not self._times or (packed[0][0], packed[0][1]) > self._last():
            self._extend(*_columns(packed))
        elif len(packed) <= _MAX_SINGLE:
            for row in packed:
                self._insert_one(*row)
        else:
            self._rebuild(packed)

    def _insert_one(self, t: int | float, n: int | float, stamp: int, mark: int) -> None:
        low, high = bisect_left(self._times, t), bisect_right(self._times, t)
        at = bisect_left(self._numbers, n, low, high)
        self._times.insert(at, t)
        self._numbers.insert(at, int(n))
        self._stamps.insert(at, stamp)
        self._marks.insert(at, mark)

    def _rebuild(self, rows: list[KeyRow]) -> None:
        """Merge rows into the arrays from the first row's place on."""
        start = bisect_left(self._times, rows[0][0])
        arrays = (self._times, self._numbers, self._stamps, self._marks)
        tail = zip(*(part[start:] for part in arrays), strict=True)
        merged = sorted([*tail, *rows])
        for part in arrays:
            del part[start:]
        self._extend(*_columns(merged))

    def _extend(
        self, times: array[float], numbers: array[int], stamps: array[int], marks: array[int]
    ) -> None:
        self._times.extend(times)
        self._numbers.extend(numbers)
        self._stamps.extend(stamps)
        self._marks.extend(marks)

    def _last(self) -> Key:
        return (self._times[-1], self._numbers[-1])


def _columns(rows: list[KeyRow]) -> tuple[array[float], array[int], array[int], array[int]]:
    times, numbers, stamps, marks = zip(*rows, strict=True)
    return array("d", times), _words("Q", numbers), array("I", stamps), array("H", marks)


def _words(code: str, values: Sequence[int | float]) -> array[int]:
    """Pack whole numbers; ``TypeError`` for a float among them, ``OverflowError`` if one does not fit."""
    return array(code, values)  # type: ignore[arg-type]


def _fits(t: int | float, n: int | float) -> bool:
    """Tell whether a key fits the packed arrays without losing a digit."""
    return isinstance(n, int) and 0 <= n <= _MAX_WORD and -_MAX_EXACT <= t <= _MAX_EXACT
