"""The journal in memory: for a tail on the screen, where the API itself is the history."""

from __future__ import annotations

import asyncio
from collections import deque

from tailer.core.alerts import originals
from tailer.core.keys import KeySet
from tailer.interfaces import Claim, Commit, ReaderState, Stored
from tailer.journal.claims import Claims
from tailer.journal.readers import Readers
from tailer.journal.shelf import Shelf
from tailer.model import Entry

MAX_EVENTS = 2_000_000
"""Events held until all readers have accepted them, some 250 MB at worst: what a merge over a fleet's history
may hold back (half of it), and as much again on its way."""


class MemoryJournal:
    """A journal that ends with its process; no thread, no encoding, no copy of an event.

    An event is held until every known reader has accepted it, and dropped then: nothing is kept for replay.
    A reader is known from its first ``load_reader`` or ``commit_reader`` on; as long as none is known, all is
    held. Keys stay as long as the contract says.

    Args:
        max_events: While a commit would bring the events held above it, the commit waits, first come first
            served. One that is larger by itself passes when nothing else is held.
    """

    def __init__(self, *, max_events: int = MAX_EVENTS) -> None:
        self._max_events = max_events
        self._shelf = Shelf()
        self._head = 0
        self._claims = Claims()
        self._readers = Readers()
        self._states: dict[str, ReaderState] = {}
        self._shards: dict[tuple[str, str], str] = {}
        self._connectors: dict[tuple[str, str], Stored] = {}
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._reserved = 0
        self._spending: dict[str, bytes] = {}

    @property
    def head(self) -> int:
        """One past the highest event number; never decreases."""
        return self._head

    @property
    def durable(self) -> bool:
        """Nothing here outlives the process."""
        return False

    @property
    def capacity(self) -> int | None:
        """Events that can wait for acceptance before `commit` waits too."""
        return self._max_events

    @property
    def used_bytes(self) -> int | None:
        """Nothing of the disk is in use."""
        return None

    async def open(self) -> None:
        """There is nothing to take."""

    async def claim(self, shard: str) -> Claim:
        """Become the owner of a shard; ends every earlier claim of it."""
        return self._claims.take(shard)

    async def release(self, claim: Claim) -> None:
        """Give a shard back; a claim that was fenced is released silently."""
        self._claims.give_back(claim)

    async def load(self, claim: Claim) -> dict[tuple[str, str], Stored]:
        """Give the shard's connectors with copies of their keys."""
        self._claims.check(claim)
        return {
            name: Stored(stored.checkpoint, _copy(stored.keys))
            for name, stored in self._connectors.items()
            if self._shards[name] == claim.shard
        }

    async def commit(self, claim: Claim, commit: Commit) -> None:
        """Take a poll's events and checkpoint; waits while the journal is full.

        A call that is cancelled while it waits has stored nothing.
        """
        self._claims.check(claim)
        segment = commit.segment
        if segment is not None:
            await self._room(len(segment.events))
            self._claims.check(claim)
        name = (commit.account, commit.connector)
        known = self._connectors.get(name)
        keys = known.keys if known else KeySet()
        self._shards[name] = claim.shard
        self._connectors[name] = Stored(commit.checkpoint, keys)
        if segment is not None:
            entry = Entry(self._head, (segment,))
            self._head = entry.end
            self._shelf.append(entry)
            keys.add(originals(segment.events), segment.read_at)
        keys.forget(commit.checkpoint.floor, commit.checkpoint.gap_spans)

    async def flush(self) -> None:
        """Everything is as durable as it will get."""

    async def load_spending(self, principal: str) -> bytes | None:
        """Give what was kept last."""
        return self._spending.get(principal)

    def keep_spending(
        self,
        principal: str,
        record: bytes,
        *,
        at_once: bool = False,  # noqa: ARG002 - memory waits for nothing
    ) -> None:
        """Take a record of a principal's spending."""
        self._spending[principal] = record

    async def read(self, offset: int, max_events: int) -> list[Entry]:
        """Read whole entries in order, from the one that holds `offset` or the first after it."""
        return self._shelf.read(offset, max_events)

    @property
    def readers(self) -> list[str]:
        """Names of all readers that are known, those included that have not shown up in this run."""
        return self._readers.names

    def forget_readers(self) -> None:
        """Have readers show up again; until one has, nothing more is dropped than all known ones allow."""
        self._readers.forget()

    async def load_reader(self, name: str) -> ReaderState | None:
        """Give what the reader committed last; from now on nothing is dropped that it has not accepted."""
        self._readers.meet(name)
        return self._states.get(name)

    async def commit_reader(self, name: str, state: ReaderState) -> None:
        """Take a reader's state; drop what all readers have accepted, and let waiting commits in."""
        known = self._states.get(name)
        highest = {**known.highest, **state.highest} if known else dict(state.highest)
        self._states[name] = ReaderState(
            offset=state.offset, above=state.above, highest=highest, sink=state.sink
        )
        self._readers.accept(name, state)
        self._shelf.drop_below(self._readers.everywhere.first_missing(0))
        self._admit()

    async def retain(self, before: float) -> None:
        """Do nothing: what all readers have accepted is gone already."""

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def _room(self, size: int) -> None:
        """Return when there is room for a commit's events, which the caller then stores without waiting."""
        if not self._waiting and self._fits(size):
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, place))
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self._reserved -= size  # let in, but not here to take it
            self._admit()
            raise
        self._reserved -= size

    def _admit(self) -> None:
        """Let waiting commits in, in turn, as long as they fit."""
        if self._waiting:
            self._sweep()
        while self._waiting:
            size, place = self._waiting[0]
            if not place.done():
                if not self._fits(size):
                    return
                self._reserved += size
                place.set_result(None)
            self._waiting.popleft()

    def _fits(self, size: int) -> bool:
        held = self._shelf.events + self._reserved
        return not held or held + size <= self._max_events

    def _sweep(self) -> None:
        """Drop accepted entries that lie behind one that is not; looked for only when room is short."""
        accepted = self._readers.everywhere
        if accepted:
            entries = self._shelf.read(0, self._shelf.events)
            self._shelf.remove([one.offset for one in entries if not accepted.missing(one.offset, one.end)])


def _copy(keys: KeySet) -> KeySet:
    copied = KeySet()
    copied.restore(keys.block())
    return copied
