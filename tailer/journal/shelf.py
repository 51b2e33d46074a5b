"""Decoded entries in the order of their offsets, found by event number."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection

from tailer.model import Entry


class Shelf:
    """A sorted run of entries in memory.

    Attributes:
        events: How many events it holds.
    """

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._ends: list[int] = []
        self.events = 0

    @property
    def start(self) -> int | None:
        """Offset of the first entry, ``None`` when there is none."""
        return self._entries[0].offset if self._entries else None

    def append(self, entry: Entry) -> None:
        """Put an entry at the end; its offset is not below the last one's end."""
        end = entry.end
        self._entries.append(entry)
        self._ends.append(end)
        self.events += end - entry.offset

    def read(self, offset: int, max_events: int) -> list[Entry]:
        """List whole entries from the one that holds `offset` or the first after it.

        Stops when `max_events` is reached or passed; at least one entry if there is one.
        """
        first = last = bisect_right(self._ends, offset)
        room = max_events
        while last < len(self._entries) and (room > 0 or last == first):
            room -= self._ends[last] - self._entries[last].offset
            last += 1
        return self._entries[first:last]

    def drop_below(self, offset: int) -> None:
        """Drop the entries that end at or below `offset`."""
        self._cut(bisect_right(self._ends, offset))

    def drop_oldest(self, max_events: int) -> None:
        """Drop from the front until at most `max_events` are left."""
        excess = self.events - max_events
        count = 0
        while excess > 0:
            excess -= self._ends[count] - self._entries[count].offset
            count += 1
        self._cut(count)

    def remove(self, offsets: Collection[int]) -> None:
        """Drop the entries with these offsets; offsets of none are passed over."""
        gone = set(offsets)
        if self._entries and gone and max(gone) >= self._entries[0].offset:
            self._entries = [entry for entry in self._entries if entry.offset not in gone]
            self._ends = [entry.end for entry in self._entries]
            self.events = sum(entry.end - entry.offset for entry in self._entries)

    def _cut(self, count: int) -> None:
        if count:
            self.events -= sum(self._ends[at] - self._entries[at].offset for at in range(count))
            del self._entries[:count], self._ends[:count]
