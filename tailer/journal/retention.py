"""Deletes events that every reader has accepted, and keeps their keys for as long as they may be met again.

1. Work is done in slices: a transaction each, short enough for polls' commits to slip in between.
2. The keys at or above their connector's durable floor, or in one of its gaps, move to ``key_blocks`` in the
   transaction that deletes their events. The floor is the stored one, so it is durable by construction.
3. A slice leaves one small block a connector. `FAN_IN` blocks of one tier are merged into one of the next, so
   a connector has at most a few dozen and a key is rewritten a logarithmic number of times.
4. Deleted pages are used again by what is stored next; the file does not shrink, and does not grow for ever.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator

from tailer.core.progress import Checkpoint
from tailer.core.spans import Spans
from tailer.journal.codec import CHECKPOINT, SegmentColumns, decode_block, decode_columns, encode_block
from tailer.journal.keyring import Keyring
from tailer.sqlite_file import transaction

FAN_IN = 8
"""Blocks of one tier that become one of the next: fewer rewrite keys more often, more make more rows."""

_SLICE_EVENTS = 20_000
"""Events a transaction: some 20 ms."""

_SLICE_ROWS = 2_000
"""Entries that a transaction looks at, be they accepted or not."""


def delete_slice(connection: sqlite3.Connection, before: float, accepted: Spans, head: int) -> list[int]:
    """Delete some accepted entries read before `before`; return their offsets, empty when none are left.

    Args:
        connection: The writer's.
        before: Wall time, exclusive.
        accepted: The numbers of the events that every reader has accepted.
        head: Number of the next event; it outlives the entries.
    """
    if not accepted:
        return []
    with transaction(connection):
        offsets: list[int] = []
        newest = -math.inf
        moved: dict[tuple[str, str], list[SegmentColumns]] = {}
        for offset, read_at, payload, crc in _candidates(connection, before, accepted):
            offsets.append(offset)
            newest = max(newest, read_at)
            for columns in decode_columns(payload, crc):
                moved.setdefault((columns.account, columns.connector), []).append(columns)
        for (account, connector), segments in moved.items():
            _keep_keys(connection, account, connector, segments)
        connection.executemany("DELETE FROM entries WHERE offset = ?", [(offset,) for offset in offsets])
        if offsets:
            connection.execute(
                "UPDATE meta SET head = ?1, dropped = max(coalesce(dropped, ?2), ?2)", (head, newest)
            )
    return offsets


def delete_keys(connection: sqlite3.Connection) -> None:
    """Delete the key blocks that lie below their connectors' floors and outside their gaps."""
    with transaction(connection):
        rows = connection.execute(
            "SELECT b.id, b.newest, c.checkpoint FROM key_blocks b JOIN connectors c ON c.id = b.connector"
        )
        dead = []
        for number, newest, blob in rows:
            checkpoint = CHECKPOINT.decode(blob)
            if newest < checkpoint.floor and not _is_spared(connection, number, checkpoint):
                dead.append((number,))
        connection.executemany("DELETE FROM key_blocks WHERE id = ?", dead)


def _candidates(
    connection: sqlite3.Connection, before: float, accepted: Spans
) -> Iterator[tuple[int, float, bytes, int | None]]:
    rows = connection.execute(
        "SELECT offset, count, read_at, payload, crc FROM entries WHERE seen < ? AND offset < ?"
        " ORDER BY seen LIMIT ?",
        (before, accepted.items[-1][1], _SLICE_ROWS),
    )
    room = _SLICE_EVENTS
    for offset, count, read_at, payload, crc in rows:
        if accepted.missing(offset, offset + count):
            continue
        yield offset, read_at, payload, crc
        room -= count
        if room <= 0:
            break


def _keep_keys(
    connection: sqlite3.Connection, account: str, connector: str, segments: list[SegmentColumns]
) -> None:
    number, blob = connection.execute(
        "SELECT id, checkpoint FROM connectors WHERE account = ? AND connector = ?", (account, connector)
    ).fetchone()
    ring = Keyring(CHECKPOINT.decode(blob))
    for segment in segments:
        ring.add(segment)
    _put_block(connection, number, ring)


def _put_block(connection: sqlite3.Connection, number: int, ring: Keyring, tier: int = 0) -> None:
    """Store gathered keys as a block of `tier`; merge the tier into the next when it is full."""
    keys = ring.close()
    if not keys:
        return
    block = keys.block()
    peers = connection.execute(
        "SELECT id, block FROM key_blocks WHERE connector = ? AND tier = ? ORDER BY id", (number, tier)
    ).fetchall()
    if len(peers) + 1 < FAN_IN:
        connection.execute(
            "INSERT INTO key_blocks (connector, tier, newest, block) VALUES (?, ?, ?, ?)",
            (number, tier, block.newest_stamp, encode_block(block)),
        )
    else:
        merged = Keyring(ring.checkpoint)
        for former in [*(decode_block(blob) for _, blob in peers), block]:
            merged.restore(former)
        connection.executemany("DELETE FROM key_blocks WHERE id = ?", [(peer,) for peer, _ in peers])
        _put_block(connection, number, merged, tier + 1)


def _is_spared(connection: sqlite3.Connection, block: int, checkpoint: Checkpoint) -> bool:
    """Tell whether a gap keeps one of a block's keys."""
    if not checkpoint.gaps:
        return False
    row = connection.execute("SELECT block FROM key_blocks WHERE id = ?", (block,)).fetchone()
    ring = Keyring(checkpoint)
    ring.restore(decode_block(row[0]))
    return len(ring.close()) > 0
