"""What is read from the file: by the reader's thread while the journal runs, by the writer's at its start."""

from __future__ import annotations

import math
import sqlite3

from tailer.core.keys import PADDING
from tailer.interfaces import ReaderState, Stored
from tailer.journal.codec import CHECKPOINT, KEY, SPANS, decode_block, decode_columns, decode_segments
from tailer.journal.keyring import Keyring
from tailer.model import Entry
from tailer.sqlite_file import transaction


def read_entries(connection: sqlite3.Connection, offset: int, head: int, max_events: int) -> list[Entry]:
    """Read whole entries below `head`, from the one that holds `offset` or the first after it."""
    rows = connection.execute(
        "SELECT offset, count, payload, crc FROM entries WHERE offset < ?2 AND offset >= coalesce("
        "(SELECT offset FROM entries WHERE offset <= ?1 ORDER BY offset DESC LIMIT 1), ?1) ORDER BY offset",
        (offset, head),
    )
    entries: list[Entry] = []
    for start, count, payload, crc in rows:
        if start + count <= offset:
            continue
        entries.append(Entry(start, decode_segments(payload, crc)))
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


def load_spending(connection: sqlite3.Connection, principal: str) -> bytes | None:
    """Give a principal's record, ``None`` without one."""
    row = connection.execute("SELECT record FROM spending WHERE principal = ?", (principal,)).fetchone()
    return None if row is None else row[0]


def load_shard(connection: sqlite3.Connection, shard: str) -> dict[tuple[str, str], Stored]:
    """Give checkpoint and keys of a shard's connectors, row by row: only the keys themselves take memory."""
    rings: dict[int, Keyring] = {}
    names: dict[tuple[str, str], Keyring] = {}
    with transaction(connection, "BEGIN"):
        for number, account, connector, blob in connection.execute(
            "SELECT id, account, connector, checkpoint FROM connectors WHERE shard = ?", (shard,)
        ):
            rings[number] = names[account, connector] = Keyring(CHECKPOINT.decode(blob))
        # Numbers first: to sort the blocks themselves would take them all into memory.
        blocks = connection.execute(
            "SELECT b.connector, b.id FROM connectors c JOIN key_blocks b ON b.connector = c.id"
            " WHERE c.shard = ? ORDER BY b.id",
            (shard,),
        ).fetchall()
        for number, block in blocks:
            row = connection.execute("SELECT block FROM key_blocks WHERE id = ?", (block,)).fetchone()
            rings[number].restore(decode_block(row[0]))
        lowest = min((ring.lowest for ring in names.values()), default=math.inf)
        for payload, crc in connection.execute(
            "SELECT payload, crc FROM entries WHERE read_at > ? ORDER BY offset", (lowest - 2 * PADDING,)
        ):
            for segment in decode_columns(payload, crc):
                ring = names.get((segment.account, segment.connector))
                if ring is not None:
                    ring.add(segment)
    return {name: Stored(ring.checkpoint, ring.close()) for name, ring in names.items()}
