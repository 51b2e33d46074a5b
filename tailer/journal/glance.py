"""What a journal holds at one moment: for ``status``, beside a running daemon or after it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from tailer.core.progress import Checkpoint
from tailer.journal.codec import CHECKPOINT
from tailer.journal.lock import Owner, owner_of
from tailer.journal.look import look_at
from tailer.journal.reading import load_head, load_readers
from tailer.journal.store import used_bytes


class ConnectorGlance(msgspec.Struct, frozen=True, kw_only=True):
    """One connector as the journal has it.

    Attributes:
        account: Account id.
        connector: Connector id.
        name: What people called it when it was last polled; empty if it was stored by an older version.
        serial: Its appliance's serial number; empty likewise, or when it has none.
        checkpoint: How far it was read, with its gaps and its newest event.
    """

    account: str
    connector: str
    name: str
    serial: str
    checkpoint: Checkpoint


class ReaderGlance(msgspec.Struct, frozen=True, kw_only=True):
    """One reader (a sink) as the journal has it, configured or not.

    Attributes:
        name: The sink's.
        offset: Every event numbered below it is accepted.
        backlog: Events that it has not accepted: an estimate from above, as numbers are not dense.
        sink: The sink's own state as it committed it, ``None`` before its first.
    """

    name: str
    offset: int
    backlog: int
    sink: bytes | None


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal held at one moment.

    Attributes:
        path: The file, links followed.
        used_bytes: Bytes in use in it; its own size may be larger, and its log comes on top.
        head: One past the highest event number.
        owner: Who has the journal, or had it last; ``None`` when that is not known.
        connectors: By account and id.
        readers: By name.
    """

    path: Path
    used_bytes: int
    head: int
    owner: Owner | None
    connectors: tuple[ConnectorGlance, ...]
    readers: tuple[ReaderGlance, ...]


def glance(path: Path) -> Glance:
    """Look at a journal; blocks for some milliseconds, longer the more connectors there are.

    Args:
        path: The file; an owner may be at work on it.

    Raises:
        SchemaVersionError: It is newer than this program, or no journal.
        JournalError: It is missing, empty, damaged, or can't be read.
    """
    return look_at(path, _read)


def _read(connection: sqlite3.Connection, path: Path, version: int) -> Glance:
    head = load_head(connection)
    return Glance(
        path=path,
        used_bytes=used_bytes(connection),
        head=head,
        owner=owner_of(path),
        connectors=_connectors(connection, version),
        readers=_readers(connection, head),
    )


def _connectors(connection: sqlite3.Connection, version: int) -> tuple[ConnectorGlance, ...]:
    names = "name, serial" if version >= 2 else "'', ''"
    rows = connection.execute(
        f"SELECT account, connector, checkpoint, {names} FROM connectors ORDER BY account, connector"  # noqa: S608 - one of two
    )
    return tuple(
        ConnectorGlance(
            account=account,
            connector=connector,
            name=name,
            serial=serial,
            checkpoint=CHECKPOINT.decode(blob),
        )
        for account, connector, blob, name, serial in rows
    )


def _readers(connection: sqlite3.Connection, head: int) -> tuple[ReaderGlance, ...]:
    sinks = dict(connection.execute("SELECT name, sink FROM readers"))
    return tuple(
        ReaderGlance(
            name=name,
            offset=state.offset,
            backlog=sum(end - start for start, end in state.above.missing(state.offset, head)),
            sink=sinks[name],
        )
        for name, state in sorted(load_readers(connection).items())
    )
