"""The nouns of the house: events, where they came from, pages, windows, batches.

Plain data, decoded straight from the wire where that is possible. Times are epoch seconds UTC; numbers
that are whole are ints (3.0 on the wire is 3 here), so that identity, URL and output agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

import msgspec

from tailer.kinds import level_of

Key = tuple[int | float, int | float]
"""An event's identity within its connector: (t, n)."""


class Connector(msgspec.Struct, frozen=True):
    """A device whose events we read, as List Connectors tells it.

    ``license_key`` and everything else that is not needed is left on the wire.

    Attributes:
        account: Account id.
        id: Connector id.
        notes: What people wrote about it, any number of lines.
        serial: Serial number of the device, empty when there is none.
        last_heartbeat: When the device was heard of last, as the API writes it.
        activated: Whether it is in use; ``None``: not said.
        version: Software that was seen on it last, empty when not said.
    """

    account: str
    id: str
    notes: str = ""
    serial: str = ""
    last_heartbeat: str | None = None
    activated: bool | None = None
    version: str = ""

    @property
    def heartbeat_at(self) -> float | None:
        """`last_heartbeat` in epoch seconds; ``None`` when there was none or it can't be read."""
        try:
            moment = datetime.fromisoformat(self.last_heartbeat or "")
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    @property
    def name(self) -> str:
        """What people call it: the first line of its notes, else the serial number, else the id."""
        lines = self.notes.strip().splitlines()
        return (lines[0].strip() if lines else "") or self.serial or self.id


class Source(msgspec.Struct, frozen=True, eq=False):
    """Where and when events were read: one object a poll, shared by all of its events.

    ``name`` and ``serial`` are those at the time of reading; ``seen`` is our wall clock.
    """

    account: str
    connector: str
    name: str
    serial: str
    seen: float


UNKNOWN_SOURCE = Source("", "", "", "", 0.0)
"""What an event carries between its decoding and the end of its poll."""


Payload: TypeAlias = dict[str, Any]
"""What Get Event tells of one event: its kind again, and whatever else the API has, as JSON has it."""


class Event(msgspec.Struct, gc=False):
    """One telemetry event of one connector.

    Attributes:
        t: Time recorded by the device, epoch seconds.
        n: Sequence number, orders events with the same `t`.
        k: Kind, an open set.
        a: Time collected by Cloudflare, epoch seconds.
        source: The poll that found it.
        late: It sorts before an event that this reader's sink had already accepted.
        e: Its payload, where details were asked for and came, else ``None``; not to be changed.

    The three last are ours, or come by another way. Their wire names can't occur in an API answer, so one
    class serves for decoding and for all the rest of an event's way: a copy an event would cost more than the
    decoding does.
    """

    t: int | float
    n: int | float
    k: str
    a: int | float
    source: Source = msgspec.field(default=UNKNOWN_SOURCE, name="\x7fsource")
    late: bool = msgspec.field(default=False, name="\x7flate")
    e: Payload | None = msgspec.field(default=None, name="\x7fe")

    @property
    def account(self) -> str:
        """Account id."""
        return self.source.account

    @property
    def connector(self) -> str:
        """Connector id."""
        return self.source.connector

    @property
    def name(self) -> str:
        """First line of the connector's notes, else its serial number, else its id."""
        return self.source.name

    @property
    def serial(self) -> str:
        """Serial number of the device, empty when unknown."""
        return self.source.serial

    @property
    def seen(self) -> float:
        """Wall time at which `tailer` read it, epoch seconds."""
        return self.source.seen

    @property
    def id(self) -> str:
        """Stable identity: ``account/connector/t.n``."""
        return f"{self.source.account}/{self.source.connector}/{self.t}.{self.n}"

    @property
    def key(self) -> Key:
        """Identity within its connector."""
        return (self.t, self.n)

    @property
    def time(self) -> datetime:
        """`t` as an aware UTC datetime; raises ``OverflowError`` or ``ValueError`` beyond year 9999."""
        return datetime.fromtimestamp(self.t, UTC)

    @property
    def level(self) -> str:
        """How serious its kind is, from `k` alone: debug < info < notice < warning < error < critical."""
        return level_of(self.k)

    @property
    def lateness(self) -> float:
        """Seconds from being recorded to being collected (a - t); negative if the device's clock is ahead."""
        return self.a - self.t


class Page(msgspec.Struct, frozen=True):
    """One answer of List Events, in the order the API chose.

    Attributes:
        events: Rows of the page, sources not yet set; 0 to some thousands.
        count: The API's ``count``: rows of the page, or of the window, nobody says.
        cursor: Token of the next page; ``None`` when absent, null or empty.
        date: Epoch seconds of the ``Date`` header, ``None`` when missing or malformed.
    """

    events: list[Event]
    count: int
    cursor: str | None
    date: float | None


class EventsRequest(NamedTuple):
    """One request of List Events, exactly as it goes out.

    Attributes:
        start: ``from``, whole epoch seconds.
        end: ``to``, whole epoch seconds.
        cursor: Page cursor of the answer before, ``None`` for the first page.
        kind: ``k``, only where one kind and no journal is asked for; ``None`` sends none.
        limit: Rows a page; ``None`` sends none.
    """

    start: int
    end: int
    cursor: str | None = None
    kind: str | None = None
    limit: int | None = None


class Window(NamedTuple):
    """A half-open span ``[start, end)`` of API time, whole seconds, read by one poll."""

    start: int
    end: int


class Segment(NamedTuple):
    """What one poll of one connector added to the journal.

    Attributes:
        source: Connector and time of reading, the same object that every event carries.
        events: New events sorted by (t, n), none twice; never empty in the journal.
        read_at: API time at which the poll began, epoch seconds.
        through: No event of this connector with t below it is still to come, but late ones (API time).
    """

    source: Source
    events: list[Event]
    read_at: float
    through: float


class Entry(NamedTuple):
    """One durable step of the journal: the segments that were committed together.

    Events are numbered from `offset` on, through the segments in turn; the next entry's offset is not
    lower than `offset` plus this entry's events. Offsets are otherwise opaque and not dense.
    """

    offset: int
    segments: tuple[Segment, ...]

    @property
    def end(self) -> int:
        """One past the number of the last event."""
        return self.offset + sum(len(segment.events) for segment in self.segments)


class Watermark(NamedTuple):
    """How far one connector was read: what a sink has by then, and what it may still get. API time.

    Attributes:
        source: The connector; `Source.seen` is when this was found.
        read_through: End of the last span that was read whole.
        whole_through: Every second from the origin up to it was read, or is a recorded gap: the sink has
            every event of this time that the API showed when it was read.
        settled_through: No later read asks for what lies before it: nothing more comes from there. ``None``:
            nothing yet.
    """

    source: Source
    read_through: int
    whole_through: int
    settled_through: int | None

    @property
    def ref(self) -> str:
        """``account/connector``."""
        return f"{self.source.account}/{self.source.connector}"


class Batch(NamedTuple):
    """Events handed to one sink at once, in the order of its reader; at least one, at most ``max_events``."""

    events: Sequence[Event]
