"""What the writer's thread does with its connection: one transaction a group, nothing half done."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from tailer.interfaces import Claim, Commit, ReaderState
from tailer.journal.codec import CHECKPOINT, KEY, SPANS, encode_segments
from tailer.model import Entry, Segment
from tailer.sqlite_file import transaction


@dataclass(slots=True)
class Group:
    """What becomes durable together.

    Attributes:
        commits: Shard and commit, with events or without.
        readers: Name and state.
        epochs: New claims.
        spending: Records by principal.
    """

    commits: list[tuple[str, Commit]] = field(default_factory=list)
    readers: list[tuple[str, ReaderState]] = field(default_factory=list)
    epochs: list[Claim] = field(default_factory=list)
    spending: dict[str, bytes] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.commits or self.readers or self.epochs or self.spending)


def write_group(connection: sqlite3.Connection, group: Group, offset: int) -> Entry | None:
    """Store a group; return its entry, ``None`` when it brought no events.

    Args:
        connection: The writer's.
        group: Each connector occurs at most once in it.
        offset: Number of the group's first event.
    """
    segments = tuple(commit.segment for _, commit in group.commits if commit.segment is not None)
    with transaction(connection):
        if segments:
            _insert_entry(connection, offset, segments)
        connection.executemany(
            "INSERT INTO connectors (shard, account, connector, checkpoint, name, serial)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, connector) DO UPDATE"
            " SET shard = excluded.shard, checkpoint = excluded.checkpoint,"
            " name = coalesce(nullif(excluded.name, ''), name),"
            " serial = coalesce(nullif(excluded.serial, ''), serial)",
            [
                (
                    shard,
                    commit.account,
                    commit.connector,
                    CHECKPOINT.encode(commit.checkpoint),
                    commit.name,
                    commit.serial,
                )
                for shard, commit in group.commits
            ],
        )
        for name, state in group.readers:
            _put_reader(connection, name, state)
        connection.executemany(
            "INSERT INTO claims VALUES (?, ?) ON CONFLICT (shard) DO UPDATE SET epoch = excluded.epoch",
            group.epochs,
        )
        connection.executemany(
            "INSERT INTO spending VALUES (?, ?)"
            " ON CONFLICT (principal) DO UPDATE SET record = excluded.record",
            group.spending.items(),
        )
    return Entry(offset, segments) if segments else None


def used_bytes(connection: sqlite3.Connection) -> int:
    """Count the bytes of the file that are in use; the rest of it is free for what comes next."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _insert_entry(connection: sqlite3.Connection, offset: int, segments: Sequence[Segment]) -> None:
    count = sum(len(segment.events) for segment in segments)
    seen = max(segment.source.seen for segment in segments)
    read_at = max(segment.read_at for segment in segments)
    connection.execute(
        "INSERT INTO entries (offset, count, seen, read_at, payload, crc) VALUES (?, ?, ?, ?, ?, ?)",
        (offset, count, seen, read_at, *encode_segments(segments)),
    )


def _put_reader(connection: sqlite3.Connection, name: str, state: ReaderState) -> None:
    connection.execute(
        "INSERT INTO readers VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE"
        " SET offset = excluded.offset, above = excluded.above, sink = excluded.sink",
        (name, state.offset, SPANS.encode(state.above), state.sink),
    )
    connection.executemany(
        "INSERT INTO reader_marks VALUES (?, ?, ?) ON CONFLICT (reader, connector) DO UPDATE"
        " SET highest = excluded.highest",
        [(name, connector, KEY.encode(key)) for connector, key in state.highest.items()],
    )
