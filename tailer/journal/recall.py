"""What a journal remembers of one connector's past, and how far back that is all of it.

Two things are known to be whole: the keys that may be met again (`tailer.core.keys`), from the floor on, and
the entries, from what retention has deleted last on. Either suffices.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tailer.core.keys import PADDING, KeyRow
from tailer.core.progress import Checkpoint
from tailer.errors import JournalError
from tailer.journal.codec import CHECKPOINT, decode_block, decode_columns
from tailer.journal.keyring import key_columns
from tailer.journal.look import look_at
from tailer.model import Key

_DROPPED_SINCE = 4
"""Schema from which on it is noted what retention has deleted."""


class Recall(NamedTuple):
    """What is remembered of one connector.

    Attributes:
        checkpoint: How far it was read.
        reaches: Every journaled event whose t lies at or after it is remembered, if it was in the asked span.
        stamps: The stamp (`tailer.core.keys.stamp_of`) of each event in the asked span, by (t, n).
    """

    checkpoint: Checkpoint
    reaches: float
    stamps: dict[Key, int]


def recall(path: Path, account: str, connector: str, start: float, end: float) -> Recall:
    """Look up what is journaled of ``[start, end)``; blocks, about a second a million events of the journal.

    Args:
        path: The journal; an owner may be at work on it.
        account: Account id.
        connector: Connector id.
        start: API time, inclusive.
        end: API time, exclusive.

    Raises:
        SchemaVersionError: It is newer than this program, or no journal.
        JournalError: It does not know the connector, or can't be read.
    """
    return look_at(path, partial(_recall, _Asked(account, connector, start, end)))


class _Asked(NamedTuple):
    account: str
    connector: str
    start: float
    end: float


def _recall(asked: _Asked, connection: sqlite3.Connection, path: Path, version: int) -> Recall:
    account, connector, start, end = asked
    row = connection.execute(
        "SELECT id, checkpoint FROM connectors WHERE account = ? AND connector = ?", (account, connector)
    ).fetchone()
    if row is None:
        raise JournalError(f"the journal {path} knows nothing of connector {connector}")
    number, checkpoint = row[0], CHECKPOINT.decode(row[1])
    stamps: dict[Key, int] = {}

    def take(rows: Iterable[KeyRow]) -> None:
        stamps.update(((t, n), stamp) for t, n, stamp, _ in rows if start <= t < end)

    for (block,) in connection.execute("SELECT block FROM key_blocks WHERE connector = ?", (number,)):
        take(decode_block(block).rows())
    for payload, crc in connection.execute(
        "SELECT payload, crc FROM entries WHERE read_at > ?", (start - 2 * PADDING,)
    ):
        for part in decode_columns(payload, crc):
            if (part.account, part.connector) == (account, connector):
                take(key_columns(part).rows())
    kept_from = checkpoint.floor + PADDING
    return Recall(checkpoint, min(kept_from, _whole_from(connection, version)), stamps)


def _whole_from(connection: sqlite3.Connection, version: int) -> float:
    """Tell from when on all entries are there."""
    if version < _DROPPED_SINCE:
        return math.inf
    dropped = connection.execute("SELECT dropped FROM meta").fetchone()[0]
    return -math.inf if dropped is None else dropped + 2 * PADDING
