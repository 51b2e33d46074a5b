"""What the rooms of the rim promise the pipeline: API, journal and sink, as contracts in prose.

Every implementation runs the suites in `tailer.testing`, which hold exactly these sentences.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import msgspec

from tailer.core.apitime import ApiTime
from tailer.core.budget import Budget
from tailer.core.keys import KeySet
from tailer.core.progress import Checkpoint
from tailer.core.purpose import Purpose
from tailer.core.spans import Spans
from tailer.model import (
    Batch,
    Connector,
    Entry,
    Event,
    EventsRequest,
    Key,
    Page,
    Payload,
    Segment,
    Watermark,
)


class RequestCounters(Protocol):
    """What was asked of the API so far; all from 0."""

    @property
    def requests(self) -> int:
        """Requests sent, retries included."""

    @property
    def purposes(self) -> Mapping[Purpose, int]:
        """The same requests by what they were sent for; none for what nothing was sent for."""

    @property
    def retries(self) -> int:
        """Requests sent again."""

    @property
    def throttled(self) -> int:
        """Answers that asked to slow down."""

    @property
    def body_bytes(self) -> int:
        """Bytes of all answers, uncompressed."""


class EventApi(Protocol):
    """The API as one principal may use it. Its methods are called by many tasks at once.

    Every method waits for the budget, where its `purpose` decides who goes first, retries what passes by
    itself, and teaches budget and API time.
    """

    @property
    def budget(self) -> Budget:
        """What this principal may spend."""

    @property
    def api_time(self) -> ApiTime:
        """What the API's clock shows."""

    @property
    def counters(self) -> RequestCounters:
        """What was done so far."""

    async def renew(self) -> bool:
        """Read the credentials' file again, if they came from one; use what it holds from now on.

        Returns:
            Whether they are others than before.

        Raises:
            ConfigError: The file can't be read or holds no token; the credentials stay as they were.
        """

    async def list_connectors(self, account: str, purpose: Purpose = Purpose.LIVE) -> list[Connector]:
        """List an account's connectors.

        Raises:
            ApiError: One of its subclasses; what it asks for is said there.
        """

    async def list_events(
        self,
        account: str,
        connector: str,
        request: EventsRequest,
        purpose: Purpose = Purpose.LIVE,
        until: float = math.inf,
    ) -> Page:
        """Read one page of a connector's events; not sent if it still waits for the budget at `until`.

        Raises:
            UnsentError: It was not sent.
            ApiError: One of its subclasses; what it asks for is said there.
        """

    async def get_event(self, account: str, connector: str, key: Key, purpose: Purpose) -> Payload:
        """Read the payload of one event.

        Raises:
            EventGoneError: The API does not know the event.
            ApiError: One of its subclasses; what it asks for is said there.
        """


class Claim(NamedTuple):
    """The right to write for one shard; a later claim of the same shard ends it (`epoch` grows)."""

    shard: str
    epoch: int


class Stored(NamedTuple):
    """What the journal knows of one connector: its checkpoint, and the keys it still remembers."""

    checkpoint: Checkpoint
    keys: KeySet


class Commit(NamedTuple):
    """What one poll of one connector achieved.

    Attributes:
        account: Account id.
        connector: Connector id.
        checkpoint: Replaces the connector's former one.
        segment: The new events, ``None`` when the poll found none.
        name: What people call the connector, kept for those who look at the journal; empty: as before.
        serial: Its appliance's serial number, kept likewise.
    """

    account: str
    connector: str
    checkpoint: Checkpoint
    segment: Segment | None = None
    name: str = ""
    serial: str = ""


class ReaderState(msgspec.Struct, frozen=True, kw_only=True):
    """How far one reader's sink has accepted.

    Attributes:
        offset: Every event numbered below it is accepted.
        above: Accepted numbers at or above `offset`.
        highest: Highest accepted (t, n) per ``account/connector``: what `late` is judged by.
        sink: The sink's own state, as it returned it; ``None`` before its first.
    """

    offset: int = 0
    above: Spans = Spans()
    highest: Mapping[str, Key] = {}
    sink: bytes | None = None


class Journal(Protocol):
    """An append-only log of events with the checkpoints that they complete.

    All methods are called from one event loop. ``open`` is called once before, ``close`` once after all
    others. Any method may raise `JournalError`; after one, the caller stops and nothing that was returned
    earlier is taken back.
    """

    @property
    def head(self) -> int:
        """One past the highest event number that is durable; 0 in an empty journal. Never decreases."""

    @property
    def durable(self) -> bool:
        """Whether what is committed outlives the process."""

    @property
    def capacity(self) -> int | None:
        """Events that can wait for acceptance before `commit` waits too; ``None``: no such bound.

        A reader that holds events back for the sake of order must hold less than this, or nobody moves.
        """

    @property
    def used_bytes(self) -> int | None:
        """Bytes of the disk in use, as of the last step; ``None``: it takes memory only."""

    async def open(self) -> None:
        """Take the journal: lock, check the schema version, migrate.

        Raises:
            JournalLockedError: Another process owns it; pid and host are in the message.
            SchemaVersionError: It is newer than this program, or no journal; it is left untouched.
        """

    async def claim(self, shard: str) -> Claim:
        """Become the owner of a shard (an account); ends every earlier claim of it."""

    async def release(self, claim: Claim) -> None:
        """Give a shard back; a claim that was fenced is released silently."""

    async def load(self, claim: Claim) -> dict[tuple[str, str], Stored]:
        """Read the shard's connectors by (account, connector), keys of the events above each floor included.

        A write barrier: what an earlier owner had in flight is either in it or will be refused.

        Raises:
            FencedError: The claim is not the shard's latest.
        """

    async def commit(self, claim: Claim, commit: Commit) -> None:
        """Store a poll's events and checkpoint in one atomic step; returns when both are durable.

        Called at most once at a time per connector, but for many connectors at once: such calls are
        grouped, so that they cost one fsync. A commit without a segment may return at once and become
        durable with the next one, or after ten seconds: behind is always safe. When the journal is
        bounded and full, it waits: that is the back-pressure on polling.

        Raises:
            FencedError: The claim is not the shard's latest; nothing was stored.
            JournalFullError: No room; nothing was stored, the caller may try again later.
        """

    async def flush(self) -> None:
        """Return when everything handed over before the call is durable."""

    async def load_spending(self, principal: str) -> bytes | None:
        """What was kept of a principal's spending last, ``None`` when nothing ever was."""

    def keep_spending(self, principal: str, record: bytes, *, at_once: bool = False) -> None:
        """Keep a record of a principal's spending in place of the former one.

        It becomes durable with the next commit, or after ten seconds, or `at_once`; nobody waits for it.
        """

    async def read(self, offset: int, max_events: int) -> list[Entry]:
        """Read entries in order, from the one that holds event number `offset` or the first after it.

        Whole entries, until `max_events` is reached or passed (so at least one when there is one, and
        possibly events below `offset` at its beginning). Empty at the head. Only durable entries.
        """

    @property
    def readers(self) -> Sequence[str]:
        """Names of all readers that are known, those included that have not shown up since `open`."""

    def forget_readers(self) -> None:
        """Have readers show up again, as after ``open``: another configuration takes over."""

    async def load_reader(self, name: str) -> ReaderState | None:
        """What the reader committed last, ``None`` when it never did."""

    async def commit_reader(self, name: str, state: ReaderState) -> None:
        """Make a reader's state durable. ``state.highest`` holds only what changed since the last commit.

        Grouped with polls' commits. Durable on return.
        """

    async def retain(self, before: float) -> None:
        """Drop events that every reader has accepted and that were read before `before` (wall time).

        Readers count that have loaded or committed since `open`; a stored one that has not shown up (its sink
        is no longer configured) keeps nothing from being dropped, once another one has.

        Their keys stay for as long as they are at or above their connector's durable floor. Keys below
        the floor are dropped as well.
        """

    async def close(self) -> None:
        """Flush, release the lock, leave no thread, task or file handle behind."""


class Resume(NamedTuple):
    """What a sink committed last: journal offset and its own state (``None`` at the very first start)."""

    offset: int
    state: bytes | None


class Sink(Protocol):
    """A place that events go to. One reader owns it; its methods are never called in parallel.

    A sink class has a nested ``Config`` (a frozen `msgspec.Struct`) whose fields are the keys that its
    ``[[sinks]]`` table may have besides the common ones, and is built as ``SinkClass(config, context)``.
    Third parties register theirs under the entry point group ``tailer.sinks``.
    """

    async def open(self, resume: Resume) -> bytes | None:
        """Make ready; return the state that is committed before the first write.

        Called once per start, and again after `SinkUnavailableError` from itself.

        Raises:
            SinkUnavailableError: The counterpart is away; called again after a back-off.
        """

    async def write(self, batch: Batch) -> bytes | None:
        """Deliver a batch; return the state that is committed with it, before the next write.

        On return the batch is accepted: it is never written again. A batch is written again after
        `SinkUnavailableError`, and after a crash before its commit: `open` then gets the state before it.

        Events that the counterpart will never take are set aside with their reason, durably and before the
        commit; they may be written again one day, when someone asks for it. After a crash in between they
        are written, and perhaps rejected, once more.

        Raises:
            SinkUnavailableError: Keep the batch, back off, write the same batch again.
            SinkRejectedError: Some events can never be taken. If it names them, all others are accepted and
                its state is committed as a returned one would be. If it names none, nothing of the batch is
                accepted and the former state holds: smaller parts of the batch, in their order, are written
                until what is rejected is alone. A batch of one event that is rejected needs no name.
            SinkMovedError: Commit the state that it carries, then write the same batch again, at once. So a
                sink that goes on in a new file never has a batch in one that was not committed to, which it
                would not know for its own after a crash.
            SinkClosedError: Nobody reads any more; the reader ends.
        """

    async def close(self) -> None:
        """Let go of everything. Called exactly once after a successful or failed ``open``."""


@runtime_checkable
class CheckableSink(Protocol):
    """A sink that can tell beforehand whether it could deliver; that is up to each class.

    ``tailer check`` builds such a sink and calls nothing but this.
    """

    async def check(self) -> str:
        """Look whether the counterpart is there and would take events; say what was found in one sentence.

        Never between ``open`` and ``close``, but perhaps beside another process that delivers to the same
        place. Nothing is written, locked or made, and nothing is left open.

        Raises:
            SinkUnavailableError: It could not deliver now; the message says why and what to do.
        """


@runtime_checkable
class WatermarkSink(Protocol):
    """A sink that can pass on, in band, how far connectors were read; ``watermarks = true`` needs one.

    Its ``Config`` may have an attribute ``no_watermarks``: why they make no sense with these options, in
    words, or ``None``.
    """

    async def mark(self, watermarks: Sequence[Watermark]) -> bytes | None:
        """Pass watermarks on; return the state that is committed with them, before the next call.

        Called between two writes, about once a minute, and at an orderly end after the last one, and only
        with what `write` has accepted all events for (or set aside); not at all where ``watermarks`` was not
        asked for. After a crash the first ones may repeat earlier ones, of any connector: the later times
        hold.

        Raises:
            SinkUnavailableError: Back off, and call again with the same ones.
            SinkMovedError: Commit the state that it carries, then call again, at once.
            SinkClosedError: Nobody reads any more; the reader ends.
        """


class DeadLetter(NamedTuple):
    """An event that a sink will never take.

    Attributes:
        sink: The sink's name.
        event: The event itself; enough to write it again.
        reason: Why, in one line, bounded and without credentials.
        at: Wall time at which it was set aside, epoch seconds.
    """

    sink: str
    event: Event
    reason: str
    at: float


class DeadLetters(Protocol):
    """Where events lie that were set aside, until someone has them written again.

    One for all sinks of a run; its methods are called from one event loop, also at once. A dead letter is
    known by its sink and its event's id.
    """

    @property
    def where(self) -> str:
        """Where they lie, for people."""

    async def add(self, letters: Sequence[DeadLetter]) -> None:
        """Keep some more; durable on return, all of them or none.

        One that is kept already may be added again, after a crash or another try: the later one counts.

        Raises:
            SinkUnavailableError: They can't be stored at present; nothing was.
        """

    async def read(self) -> list[DeadLetter]:
        """Give all, none twice, in the order in which they were added first.

        Raises:
            SinkUnavailableError: They can't be read.
        """

    async def remove(self, sink: str, ids: Collection[str]) -> None:
        """Forget those that a sink has accepted at last; those that are not there are no mistake.

        Raises:
            SinkUnavailableError: They can't be stored at present; nothing was changed.
        """
