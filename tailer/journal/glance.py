"""A look at a journal's state without owning it: for ``status``, beside a running daemon or after it.

1. Nothing is written and no lock is kept: not the file, not its log, not the lock file. A read holds back
   only the shrinking of the log, for as long as it lasts (milliseconds).
2. A file with a ``-wal`` beside it is read through it. Without one nobody has the file open (or it is a
   copy), and SQLite is told that it does not change, or it would make a log and an index beside it. Should
   somebody open it meanwhile, the look is repeated.
3. All of it is of one moment, but for the owner.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from tailer.core.progress import Checkpoint
from tailer.errors import JournalError
from tailer.journal.codec import CHECKPOINT
from tailer.journal.failures import translated
from tailer.journal.lock import Owner, owner_of
from tailer.journal.reading import load_head, load_readers
from tailer.journal.schema import check_schema, connect_reader, transaction
from tailer.journal.store import used_bytes

_TRIES = 5
"""Looks at a file that is opened or closed by its owner at that very moment."""


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
        newest_seen: Wall time (epoch seconds) at which the newest of the stored events was read from the
            API; ``None`` when none is stored (before the first, or all have been dropped after delivery).
        owner: Who has the journal, or had it last; ``None`` when that is not known.
        connectors: By account and id.
        readers: By name.
    """

    path: Path
    used_bytes: int
    head: int
    newest_seen: float | None
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
    place = path.resolve()
    with translated(place):
        _check_place(place)
        for _ in range(_TRIES):
            found = _look(place)
            if found is not None:
                return found
    raise JournalError(f"the journal {place} is being opened or closed again and again: try once more")


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise JournalError(f"the journal {path} is a folder: give the path of a file")
    if not path.exists():
        raise JournalError(f"there is no journal {path}: `tailer run` makes it at its first start")
    if not (path.stat().st_size or _log_of(path).exists()):
        raise JournalError(f"the journal {path} is empty: no run has used it yet")


def _look(path: Path) -> Glance | None:
    """Read everything once; ``None`` when the file was opened or changed under a look that can't stand it."""
    if _log_of(path).exists():
        with closing(connect_reader(path)) as connection:
            return _read(connection, path)
    before = _state_of(path)
    try:
        with closing(connect_reader(path, "immutable=1")) as connection:
            found = _read(connection, path)
    except sqlite3.Error:
        if _state_of(path) == before:
            raise
        return None
    return found if _state_of(path) == before else None


def _read(connection: sqlite3.Connection, path: Path) -> Glance:
    with transaction(connection, "BEGIN"):
        version = check_schema(connection, path)
        if not version:
            raise JournalError(f"the journal {path} is empty: no run has used it yet")
        head = load_head(connection)
        newest = connection.execute("SELECT seen FROM entries ORDER BY offset DESC LIMIT 1").fetchone()
        return Glance(
            path=path,
            used_bytes=used_bytes(connection),
            head=head,
            newest_seen=newest[0] if newest else None,
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


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _state_of(path: Path) -> tuple[bool, int, int, int]:
    """Give what differs after somebody has opened or written the file."""
    status = path.stat()
    return _log_of(path).exists(), status.st_ino, status.st_size, status.st_mtime_ns
