"""Sets of whole numbers as sorted half-open spans: seconds that were read, offsets that were accepted.

Rules:

1. A span is ``(start, end)`` with ``start < end`` and means every whole number from `start` to `end` - 1.
2. Spans are sorted, do not overlap and do not touch: what touches is merged.
3. Values are immutable: each change gives a new set, so that a failed commit leaves the old one in place.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

import msgspec

Span = tuple[int, int]
"""Half-open: `start` belongs to it, `end` does not."""


def _start(span: Span) -> int:
    return span[0]


def _end(span: Span) -> int:
    return span[1]


class Spans(msgspec.Struct, frozen=True, array_like=True):
    """An immutable set of whole numbers, held as merged half-open spans in ascending order."""

    items: tuple[Span, ...] = ()

    def __iter__(self) -> Iterator[Span]:
        """Yield the spans in ascending order."""
        return iter(self.items)

    def __len__(self) -> int:
        """Count the spans (not the numbers in them)."""
        return len(self.items)

    def __contains__(self, number: object) -> bool:
        """Tell whether a number is in one of the spans."""
        if not isinstance(number, int | float):
            return False
        at = bisect_right(self.items, number, key=_start) - 1
        return at >= 0 and number < self.items[at][1]

    @property
    def size(self) -> int:
        """How many numbers the set holds."""
        return sum(end - start for start, end in self.items)

    def add(self, start: int, end: int) -> Spans:
        """Return the set with ``[start, end)`` in it; an empty span changes nothing."""
        if start >= end:
            return self
        low = bisect_left(self.items, start, key=_end)
        high = bisect_right(self.items, end, key=_start)
        if low < high:
            start = min(start, self.items[low][0])
            end = max(end, self.items[high - 1][1])
        return Spans((*self.items[:low], (start, end), *self.items[high:]))

    def update(self, spans: Iterable[Span]) -> Spans:
        """Return the set with all of `spans` in it."""
        merged: list[Span] = []
        for start, end in sorted([*self.items, *spans]):
            if start >= end:
                continue
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return Spans(tuple(merged))

    def remove(self, start: int, end: int) -> Spans:
        """Return the set without ``[start, end)``."""
        if start >= end:
            return self
        low = bisect_right(self.items, start, key=_end)
        high = bisect_left(self.items, end, key=_start)
        kept: list[Span] = []
        for span in self.items[low:high]:
            if span[0] < start:
                kept.append((span[0], start))
            if span[1] > end:
                kept.append((end, span[1]))
        return Spans((*self.items[:low], *kept, *self.items[high:]))

    def missing(self, start: int, end: int) -> list[Span]:
        """List what of ``[start, end)`` is not in the set, ascending."""
        holes: list[Span] = []
        at = start
        low = bisect_right(self.items, start, key=_end)
        for span in self.items[low:]:
            if span[0] >= end:
                break
            if span[0] > at:
                holes.append((at, span[0]))
            at = max(at, span[1])
        if at < end:
            holes.append((at, end))
        return holes

    def common(self, other: Spans) -> Spans:
        """Return what is in both sets."""
        shared: list[Span] = []
        for start, end in self.items:
            at = start
            for low, high in other.missing(start, end):
                shared.append((at, low))
                at = high
            shared.append((at, end))
        return Spans(tuple(span for span in shared if span[0] < span[1]))

    def subtract(self, other: Spans) -> Spans:
        """Return the set without all that is in `other`."""
        if not other.items:
            return self
        return Spans(tuple(part for start, end in self.items for part in other.missing(start, end)))

    def first_missing(self, number: int) -> int:
        """Return the lowest number not below `number` that is not in the set."""
        at = bisect_right(self.items, number, key=_start) - 1
        if at >= 0 and number < self.items[at][1]:
            return self.items[at][1]
        return number
