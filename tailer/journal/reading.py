"""What is read from the file: by the reader's thread while the journal runs, by the writer's at its start."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from tailer.core.keys import PADDING, KeySet, key_rows
from tailer.core.progress import Checkpoint
from tailer.core.spans import Spans
from tailer.interfaces import ReaderState, Stored
from tailer.journal.codec import CHECKPOINT, COLUMNS, KEY, KEY_BLOCK, SPANS, SegmentColumns, decode_segments
from tailer.journal.schema import transaction
from tailer.model import Entry

_ROWS_AT_ONCE = 4096
"""Keys of a connector that are collected before they are packed: 0.5 MB of tuples, for some connectors."""


def read_entries(connection: sqlite3.Connection, offset: int, head: int, max_events: int) -> list[Entry]:
    """Read whole entries below `head`, from the one that holds `offset` or the first after it."""
    rows = connection.execute(
        "SELECT offset, count, payload FROM entries WHERE offset < ?2 AND offset >= coalesce("
        "(SELECT offset FROM entries WHERE offset <= ?1 ORDER BY offset DESC LIMIT 1), ?1) ORDER BY offset",
        (offset, head),
    )
    entries: list[Entry] = []
    for start, count, payload in rows:
        if start + count <= offset:
            continue
        entries.append(Entry(start, decode_segments(payload)))
        max_events -= count
        if max_events <= 0:
            break
    return entries


def load_head(connection: sqlite3.Connection) -> int:
    """Give the number of the next event."""
    kept = connection.execute("SELECT head FROM meta").fetchone()[0]
    last = connection.execute("SELECT offset + count FROM entries ORDER BY offset DESC LIMIT 1").fetchone()
    return max(int(kept), int(last[0]) if last else 0)


def load_epochs(connection: sqlite3.Connection) -> dict[str, int]:
    """Give the highest epoch of every shard."""
    return dict(connection.execute("SELECT shard, epoch FROM claims"))


def load_reader(connection: sqlite3.Connection, name: str) -> ReaderState | None:
    """Give what a reader committed last."""
    with transaction(connection, "BEGIN"):
        row = connection.execute("SELECT offset, above, sink FROM readers WHERE name = ?", (name,)).fetchone()
        if row is None:
            return None
        marks = connection.execute("SELECT connector, highest FROM reader_marks WHERE reader = ?", (name,))
        highest = {connector: KEY.decode(blob) for connector, blob in marks}
    return ReaderState(offset=row[0], above=SPANS.decode(row[1]), highest=highest, sink=row[2])


def load_readers(connection: sqlite3.Connection) -> dict[str, ReaderState]:
    """Give offset and spans of every reader, all that retention asks for."""
    rows = connection.execute("SELECT name, offset, above FROM readers")
    return {name: ReaderState(offset=offset, above=SPANS.decode(above)) for name, offset, above in rows}


@dataclass(slots=True)
class Held:
    """A connector while its keys are being gathered."""

    checkpoint: Checkpoint
    gaps: Spans
    lowest: float
    keys: KeySet
    rows: list[tuple[int | float, int | float, int, int]]

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Held:
        """Begin with no keys."""
        gaps = checkpoint.gap_spans
        lowest = min(checkpoint.floor, gaps.items[0][0] - PADDING) if gaps else checkpoint.floor
        return cls(checkpoint, gaps, lowest, KeySet(), [])

    def add(self, columns: SegmentColumns) -> None:
        """Take the keys of a stored segment."""
        if columns.read_at + 2 * PADDING < self.lowest:
            return  # no stamp in it can reach the floor or a gap
        self.rows += key_rows(
            columns.times,
            columns.numbers,
            columns.collected,
            map(columns.kinds.__getitem__, columns.which),
            columns.read_at,
        )
        if len(self.rows) >= _ROWS_AT_ONCE:
            self.settle()

    def settle(self) -> None:
        """Pack what was collected, forget what is below the floor."""
        self.keys.add_rows(self.rows)
        self.rows = []
        self.keys.forget(self.checkpoint.floor, self.gaps)


def load_shard(connection: sqlite3.Connection, shard: str) -> dict[tuple[str, str], Stored]:
    """Give checkpoint and keys of a shard's connectors, row by row: only the keys themselves take memory."""
    held: dict[int, Held] = {}
    names: dict[tuple[str, str], Held] = {}
    with transaction(connection, "BEGIN"):
        for number, account, connector, blob in connection.execute(
            "SELECT id, account, connector, checkpoint FROM connectors WHERE shard = ?", (shard,)
        ):
            held[number] = names[account, connector] = Held.of(CHECKPOINT.decode(blob))
        for number, blob in connection.execute(
            "SELECT b.connector, b.block FROM connectors c JOIN key_blocks b ON b.connector = c.id"
            " WHERE c.shard = ? ORDER BY c.id, b.id",
            (shard,),
        ):
            one = held[number]
            one.keys.restore(KEY_BLOCK.decode(blob))
            one.keys.forget(one.checkpoint.floor, one.gaps)
        lowest = min((one.lowest for one in names.values()), default=0.0)
        for (payload,) in connection.execute(
            "SELECT payload FROM entries WHERE read_at >= ? ORDER BY offset", (lowest - 2 * PADDING,)
        ):
            for columns in COLUMNS.decode(payload):
                known = names.get((columns.account, columns.connector))
                if known is not None:
                    known.add(columns)
    for one in names.values():
        one.settle()
    return {name: Stored(one.checkpoint, one.keys) for name, one in names.items()}
