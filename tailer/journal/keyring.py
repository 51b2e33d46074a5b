"""The keys of one connector while they are gathered from what is stored."""

from __future__ import annotations

from itertools import compress

from tailer.core.alerts import is_derived
from tailer.core.keys import PADDING, KeyBlock, KeyColumns, KeyRow, KeySet, kind_mark
from tailer.core.progress import Checkpoint
from tailer.journal.codec import SegmentColumns
from tailer.kinds import PREFIX

_MAX_ROWS = 4096
"""Out-of-order keys that wait to be merged at once: 0.5 MB at most."""


class Keyring:
    """Gathers a connector's keys in the order of the journal, forgetting on the way what is below its floor.

    Args:
        checkpoint: The connector's durable one.

    Attributes:
        lowest: A key whose stamp is below it can't be met again.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._gaps = checkpoint.gap_spans
        starts = [start - PADDING for start, _ in self._gaps]
        self.lowest: float = min([checkpoint.floor, *starts])
        self._keys = KeySet()
        self._rows: list[KeyRow] = []
        self._forget_at = _MAX_ROWS

    def add(self, segment: SegmentColumns) -> None:
        """Take the keys of a stored segment."""
        if segment.read_at + 2 * PADDING <= self.lowest:
            return  # a stamp is at most the next whole second after the reading, padded
        columns = key_columns(segment)
        if not columns.times:
            return
        if not self._keys.append(columns):
            self._rows += columns.rows()
            if len(self._rows) >= _MAX_ROWS:
                self._merge()
        self._forget()

    def restore(self, block: KeyBlock) -> None:
        """Take the keys of a stored block."""
        self._keys.restore(block)
        self._forget()

    def close(self) -> KeySet:
        """Give the keys that may be met again."""
        self._merge()
        self._keys.forget(self.checkpoint.floor, self._gaps, at_once=True)
        return self._keys

    def _merge(self) -> None:
        self._keys.add_rows(self._rows)
        self._rows = []

    def _forget(self) -> None:
        """Keep memory in bounds: look again whenever the keys have doubled."""
        if len(self._keys) >= self._forget_at:
            self._keys.forget(self.checkpoint.floor, self._gaps, at_once=True)
            self._forget_at = max(_MAX_ROWS, 2 * len(self._keys))


def key_columns(segment: SegmentColumns) -> KeyColumns:
    """Give what the keys of a stored segment are made from; derived events have none."""
    marks = [kind_mark(kind) for kind in segment.kinds]
    columns = KeyColumns(
        segment.times,
        segment.numbers,
        segment.collected,
        [marks[index] for index in segment.which],
        segment.read_at,
    )
    if not any(kind.startswith(PREFIX) for kind in segment.kinds):
        return columns
    kinds = [segment.kinds[index] for index in segment.which]
    kept = [not is_derived(kind, n) for kind, n in zip(kinds, segment.numbers, strict=True)]
    return KeyColumns(
        list(compress(columns.times, kept)),
        list(compress(columns.numbers, kept)),
        list(compress(columns.collected, kept)),
        list(compress(columns.marks, kept)),
        columns.read_at,
    )
