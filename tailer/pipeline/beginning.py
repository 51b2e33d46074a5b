"""Where a reader begins that has never committed anything: at a moment, found in the journal."""

from __future__ import annotations

import math

from tailer.interfaces import Journal


async def offset_since(journal: Journal, since: float) -> int:
    """Give the number from which on events were read at or after a moment; the head if none was.

    Entries follow each other in the order of their reading, but for the seconds that polls overlap, so a
    few dozen single ones are looked at, whatever the journal holds.

    Args:
        journal: Open.
        since: API time, epoch seconds; ``-inf``: everything that is held; ``inf``: nothing of it.

    Raises:
        JournalError: It can't be read.
    """
    if math.isinf(since):
        return journal.head if since > 0 else 0
    low, high = 0, journal.head
    while low < high:
        middle = (low + high) // 2
        entries = await journal.read(middle, 1)
        if not entries or max(segment.read_at for segment in entries[0].segments) >= since:
            high = middle
        else:
            low = entries[0].end
    return low
