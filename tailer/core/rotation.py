"""When a file is put aside, what it is called then, and how long it is kept.

Rules:

1. A file is put aside before a batch is written to it: if the batch would make it longer than `size`, or if
   it was last written in an earlier period of `every` seconds. An empty file never is, so a batch that is
   longer than `size` gets a file of its own.
2. Periods count from a Monday, 1970-01-05, 00:00 UTC: hours begin on the hour, days at midnight UTC, weeks
   on Monday. Not local time: its days have 23 or 25 hours twice a year, and one hour comes twice.
3. ``events.jsonl`` becomes ``events-20261123T080000Z.jsonl``, and ``.gz`` is added when it is compressed. The
   time is the one of putting aside, UTC: all that is in the file was written before it. Names sort as the
   files were written, and none is used twice: one that is not later than the latest is made a second later.
4. What is put aside goes the oldest first, by name: what is too many, and what was last written too long ago.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from tailer.core.durations import Seconds
from tailer.core.sizes import Bytes

_FIRST_MONDAY = 4 * 86400
_STAMP = "%Y%m%dT%H%M%SZ"
_DAY = 86400

COMPRESSED = ".gz"
"""What is added to a name when its file is compressed."""


class Rotation(NamedTuple):
    """When a file is put aside; see rules 1 and 2.

    Attributes:
        size: Most bytes of a file; ``None``: no bound.
        every: Length of a period; ``None``: none ends.
    """

    size: Bytes | None = None
    every: Seconds | None = None

    def is_due(self, length: Bytes, more: Bytes, written_at: float, now: float) -> bool:
        """Tell whether a file is to be put aside before it is written to.

        Args:
            length: Bytes that it has.
            more: Bytes that are about to be written.
            written_at: When it was last written, wall time.
            now: Wall time.
        """
        if not length:
            return False
        if self.size is not None and length + more > self.size:
            return True
        return self.every is not None and _period(written_at, self.every) < _period(now, self.every)


class Retention(NamedTuple):
    """How long a file that was put aside is kept; see rule 4.

    Attributes:
        files: Most files; ``None``: any number.
        age: Longest time since a file was last written; ``None``: any.
    """

    files: int | None = None
    age: Seconds | None = None

    def expired(self, written_at: dict[int, float], now: float) -> list[int]:
        """Tell which files have had their time, the oldest first.

        Args:
            written_at: By the stamp of a file (see `RotatedNames`), when it was last written; wall time.
            now: Wall time.
        """
        stamps = sorted(written_at)
        surplus = 0 if self.files is None else max(0, len(stamps) - self.files)
        return [
            stamp
            for place, stamp in enumerate(stamps)
            if place < surplus or (self.age is not None and now - written_at[stamp] > self.age)
        ]


class RotatedNames:
    """The names of what one file becomes when it is put aside, and nothing else; see rule 3.

    Args:
        stem: What every name begins with.
        suffix: What every name ends with, but for the one of compression.
    """

    def __init__(self, stem: str, suffix: str) -> None:
        self._stem = stem
        self._suffix = suffix
        self._pattern = re.compile(
            rf"{re.escape(stem)}-([0-9]{{8}}T[0-9]{{6}}Z){re.escape(suffix)}(?:{re.escape(COMPRESSED)})?"
        )

    def stamp_of(self, name: str) -> int | None:
        """Read the time in a name, epoch seconds; ``None`` if the name is none of these."""
        match = self._pattern.fullmatch(name)
        if match is None:
            return None
        try:
            return int(datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC).timestamp())
        except ValueError:  # the 31st of February
            return None

    def name_of(self, stamp: int) -> str:
        """Write the name with a time; not compressed."""
        return f"{self._stem}-{datetime.fromtimestamp(stamp, UTC).strftime(_STAMP)}{self._suffix}"

    def next_stamp(self, taken: Iterable[int], now: float) -> int:
        """Choose the time in the name of a file that is put aside now.

        Args:
            taken: Those of the files that are there. One that is more than a day ahead comes from a clock
                that was wrong, and does not pin the others.
            now: Wall time.
        """
        stamps = set(taken)
        stamp = max([int(now), *(other + 1 for other in stamps if other <= now + _DAY)])
        while stamp in stamps:
            stamp += 1
        return stamp


def _period(at: float, every: Seconds) -> float:
    return (at - _FIRST_MONDAY) // every
