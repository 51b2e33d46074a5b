"""The journal in one SQLite file: for a daemon on one machine."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeVar

from tailer.core.sizes import format_size
from tailer.errors import JournalError, JournalFullError
from tailer.interfaces import Claim, Commit, ReaderState, Stored
from tailer.journal.claims import Claims
from tailer.journal.failures import translated
from tailer.journal.files import Files
from tailer.journal.group import PACE_SECONDS, GroupCommit
from tailer.journal.readers import Readers
from tailer.journal.reading import load_reader, load_shard, load_spending, read_entries
from tailer.journal.retention import delete_keys, delete_slice
from tailer.journal.shelf import Shelf
from tailer.journal.store import Group, used_bytes, write_group
from tailer.journal.worker import Worker
from tailer.model import Entry

T = TypeVar("T")

TAIL_EVENTS = 100_000
"""Events that are kept decoded for readers near the head: some 15 MB, minutes of the busiest fleet that one
budget can read."""

_AGAIN = 0.9
"""Part of the bound at which a journal that was full takes events again: what has reached its bound behind a
slow sink would otherwise pause and go on every few seconds."""

_MAX_EVENT_BYTES = 512
"""What a stored event takes at worst: one that was journaled alone, with the names of its source. Of many
together each takes some 15 bytes."""


class _Opened(NamedTuple):
    """The threads of an open journal, and its files, which the writer's thread opens and closes."""

    writing: Worker
    reading: Worker
    files: list[Files]

    def open_files(self, path: str) -> None:
        """Open the files; runs in the writer's thread."""
        self.files.append(Files(path))

    def close_files(self) -> None:
        """Close the files, if they were opened; runs in the writer's thread."""
        for files in self.files:
            files.close()

    async def close(self) -> None:
        """Close the files, end the threads."""
        try:
            await self.reading.stop()
            await self.writing.submit(self.close_files)
        finally:
            await self.writing.stop()


class SqliteJournal:
    """A journal in one SQLite file, with a ``.lock`` beside it; all of mode 0600.

    One thread writes, a second one, with a connection of its own, reads what is older than the tail in
    memory; so a long read delays no commit. A reader is known from its first ``load_reader`` or
    ``commit_reader`` on; as long as none is known, nothing counts as accepted and `retain` drops nothing.

    Args:
        path: The file; created unless it exists. Its folder must exist.
        tail_events: Committed events that are also kept decoded in memory; 0 keeps none.
        pace: Shortest time between two transactions under load, seconds (see `tailer.journal.group`).
        max_size_bytes: Above it what all readers have accepted is dropped however young it is; if that is
            not enough, commits with events raise `JournalFullError` until nine tenths of it are enough, or
            nothing waits for a reader. The rest is free to pass, so that readers can make room. ``None``:
            the disk is the limit.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        tail_events: int = TAIL_EVENTS,
        pace: float = PACE_SECONDS,
        max_size_bytes: int | None = None,
    ) -> None:
        self._path = os.fspath(path)
        self._tail_events = tail_events
        self._pace = pace
        self._max_size_bytes = max_size_bytes
        self._is_full = False
        self._tail = Shelf()
        self._head = 0
        self._used_bytes = 0
        self._claims = Claims()
        self._readers = Readers()
        self._group = GroupCommit(self._claims, self._write, pace)
        self._opened: _Opened | None = None

    @property
    def head(self) -> int:
        """One past the highest event number that is durable; never decreases, not even over restarts."""
        return self._head

    @property
    def durable(self) -> bool:
        """What is committed outlives the process."""
        return True

    @property
    def capacity(self) -> int | None:
        """Events that surely fit into `max_size_bytes`; without it the disk is the bound."""
        return None if self._max_size_bytes is None else self._max_size_bytes // _MAX_EVENT_BYTES

    @property
    def used_bytes(self) -> int:
        """Bytes of the file that are in use, as of the last transaction; free pages are not counted."""
        return self._used_bytes

    async def open(self) -> None:
        """Take the journal: lock, check the schema version, migrate.

        Raises:
            JournalLockedError: Another process owns it.
            SchemaVersionError: It is newer than this program, or no journal; it is left untouched.
            JournalError: Its folder is missing, it is a folder, it can't be written, it is damaged.
        """
        opened = _Opened(Worker("journal-writer"), Worker("journal-reader"), [])
        try:
            await opened.writing.submit(partial(opened.open_files, self._path))
        except BaseException:
            await opened.close()  # a call that was cancelled may have opened the files all the same
            raise
        self._opened = opened
        files = opened.files[0]
        self._head = files.head
        self._used_bytes = files.used_bytes
        self._claims = Claims(files.epochs)
        self._readers = Readers(files.readers)
        self._group = GroupCommit(self._claims, self._write, self._pace)

    async def claim(self, shard: str) -> Claim:
        """Become the owner of a shard; earlier claims end at once, the new one is durable on return."""
        claim = self._claims.take(shard)
        await self._group.commit_claim(claim)
        return claim

    async def release(self, claim: Claim) -> None:
        """Give a shard back, its held checkpoints stored."""
        if self._claims.is_current(claim):
            await self._group.flush()
            self._claims.give_back(claim)

    async def load(self, claim: Claim) -> dict[tuple[str, str], Stored]:
        """Read the shard's connectors with the keys of the events above each floor.

        Whatever was handed over before the call is in it, or was refused.
        """
        self._claims.check(claim)
        await self._group.flush()
        stored = await self._in_reader(lambda reader: load_shard(reader, claim.shard))
        self._claims.check(claim)
        return stored

    async def commit(self, claim: Claim, commit: Commit) -> None:
        """Store a poll's events and checkpoint in one atomic step; returns when both are durable.

        A commit without a segment is held and returns at once. A call that is cancelled while its
        transaction runs has stored its events all the same: `load` tells.
        """
        self._claims.check(claim)
        if commit.segment is None:
            self._group.hold(claim, commit)
            return
        if self._max_size_bytes is not None:
            await self._make_room(self._max_size_bytes)
        await self._group.commit(claim, commit, len(commit.segment.events))

    async def flush(self) -> None:
        """Return when every checkpoint handed over before the call is durable."""
        await self._group.flush()

    async def load_spending(self, principal: str) -> bytes | None:
        """Read what was kept last of a principal's spending; handed over before, it is in it."""
        await self._group.flush()
        return await self._in_reader(lambda reader: load_spending(reader, principal))

    def keep_spending(self, principal: str, record: bytes, *, at_once: bool = False) -> None:
        """Keep a record of a principal's spending; it goes with the next transaction."""
        self._group.keep(principal, record, at_once=at_once)

    async def read(self, offset: int, max_events: int) -> list[Entry]:
        """Read whole durable entries in order, from the one that holds `offset` or the first after it."""
        if offset >= self._head:
            return []
        start = self._tail.start
        if start is not None and offset >= start:
            return self._tail.read(offset, max_events)
        head = self._head
        return await self._in_reader(lambda reader: read_entries(reader, offset, head, max_events))

    @property
    def readers(self) -> list[str]:
        """Names of all readers that are known, those included that have not shown up in this run."""
        return self._readers.names

    def forget_readers(self) -> None:
        """Have readers show up again; until one has, nothing more is dropped than all known ones allow."""
        self._readers.forget()

    async def load_reader(self, name: str) -> ReaderState | None:
        """Read what the reader committed last; from now on nothing is dropped that it has not accepted."""
        self._readers.meet(name)
        return await self._in_reader(lambda reader: load_reader(reader, name))

    async def commit_reader(self, name: str, state: ReaderState) -> None:
        """Make a reader's state durable; ``state.highest`` adds to what is stored."""
        await self._group.commit_reader(name, state, max(0, state.offset - self._readers.offset(name)))
        self._readers.accept(name, state)

    async def retain(self, before: float) -> None:
        """Drop accepted events read before `before` (wall time), and keys that can't be met again.

        In slices, so that commits pass in between.
        """
        while await self._drop_slice(before):
            pass
        await self._in_writer(delete_keys)

    async def close(self) -> None:
        """Flush, release the lock, leave no thread or file handle behind; a second call does nothing."""
        if self._opened is None:
            return
        try:
            await self._group.flush()
        finally:
            self._group.stop()
            opened, self._opened = self._opened, None
            await opened.close()

    def _write(self, group: Group) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_task(self._store(group))

    async def _store(self, group: Group) -> None:
        """Make a group durable, then show it: head and tail move when the transaction has ended."""
        head = self._head

        def write(writer: sqlite3.Connection) -> tuple[Entry | None, int]:
            self._require().files[0].check()
            return write_group(writer, group, head), used_bytes(writer)

        entry, self._used_bytes = await self._in_writer(write)
        if entry is not None:
            self._head = entry.end
            self._tail.append(entry)
            self._tail.drop_oldest(self._tail_events)

    async def _drop_slice(self, before: float) -> bool:
        """Drop some accepted entries; tell whether there may be more."""
        accepted, head = self._readers.everywhere, self._head

        def drop(writer: sqlite3.Connection) -> tuple[list[int], int]:
            return delete_slice(writer, before, accepted, head), used_bytes(writer)

        dropped, self._used_bytes = await self._in_writer(drop)
        self._tail.remove(dropped)
        return bool(dropped)

    async def _in_writer(self, function: Callable[[sqlite3.Connection], T]) -> T:
        opened = self._require()
        return await opened.writing.submit(partial(_run, function, opened.files[0].writer, self._path))

    async def _in_reader(self, function: Callable[[sqlite3.Connection], T]) -> T:
        opened = self._require()
        return await opened.reading.submit(partial(_run, function, opened.files[0].reader, self._path))

    def _require(self) -> _Opened:
        if self._opened is None:
            raise JournalError(f"the journal {self._path} is not open")
        return self._opened

    async def _make_room(self, max_size_bytes: int) -> None:
        """Drop accepted events, the oldest first, until the file is small enough.

        Keys and checkpoints alone may take more; then nothing can be done, and waiting would have no end.

        Raises:
            JournalFullError: It is not, for the rest is not accepted yet.
        """
        while self._used_bytes > (_AGAIN if self._is_full else 1) * max_size_bytes:
            if await self._drop_slice(float("inf")):
                continue
            waiting = sum(end - start for start, end in self._readers.everywhere.missing(0, self._head))
            if not waiting:
                break
            self._is_full = True
            raise JournalFullError(
                f"the journal {self._path} has reached its max_size of {format_size(max_size_bytes)}, with"
                f" some {waiting} events that not all sinks have taken"
            )
        self._is_full = False


def _run(function: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection, path: str) -> T:
    with translated(path):
        return function(connection)
