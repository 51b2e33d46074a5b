"""What all sinks have in common: keys that every ``[[sinks]]`` table may have, and what a sink is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, BinaryIO, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from tailer.clock import Clock, SystemClock
from tailer.config.options import Word, read_start
from tailer.config.tables import Duration
from tailer.core.filter import EventFilter
from tailer.model import Event
from tailer.observe import Observer
from tailer.sinks.formats.chosen import ChosenField, read_fields
from tailer.sinks.text import payload_text

RECORD_BYTES = 400
"""What a JSON Lines record takes besides its connector's name: two ids of 32 characters, each twice, and
the rest, measured with the kinds of August 2026."""


_A_START = 'a time such as "now", "earliest", "1h" (back from now) or "2026-08-01T12:00:00Z"'


def read_beginning(raw: object) -> str:
    """Check where a new sink begins; raises ``ValueError`` as `tailer.config.options.read_start` does."""
    return raw if raw == "earliest" and isinstance(raw, str) else read_start(raw)


Fields: TypeAlias = Annotated[
    tuple[ChosenField, ...],
    Meta(extra={"read": read_fields, "expected": 'a list of fields such as ["time", "k"], or a table'}),
]

Beginning: TypeAlias = Annotated[str, Meta(extra={"read": read_beginning, "expected": _A_START})]


class FilterOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``filter`` of a sink: which events it gets; an event must meet all that is written.

    Attributes:
        kinds: Kinds, or shell patterns of kinds such as "Ha*", case ignored. By default, and when empty, all.
        level: The least serious level that it gets: "warning" also lets errors and critical ones through.
        connectors: Ids, or patterns over id, serial number and the first line of the notes. By default, and
            when empty, all.
        late: true: only events that sort before one that the sink has; false: only the others. Absent: both.
    """

    kinds: tuple[Word, ...] = ()
    level: Literal["debug", "info", "notice", "warning", "error", "critical"] = "debug"
    connectors: tuple[Word, ...] = ()
    late: bool | None = None

    def make(self) -> EventFilter:
        """Make the filter."""
        return EventFilter(kinds=self.kinds, level=self.level, connectors=self.connectors, late=self.late)


class SinkOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys that every ``[[sinks]]`` table may have; the sink's own ``Config`` has the others.

    A batch is handed over when it has `max_events` or `max_bytes`, or when its first event has waited
    `linger`.

    Attributes:
        type: Which sink it is, by a name of the entry point group ``tailer.sinks``. Required.
        name: What it is called in the journal, in messages and metrics. Absent: its `type`. Two sinks need
            two names; one that is renamed starts anew.
        order: "connector": each connector's events by (t, n); "global": all connectors' events merged;
            "arrival": as they came in, which waits for nothing.
        max_events: Most events of one batch. Live batches are small, whatever is allowed; a backlog makes
            them full, and each costs two fsyncs (the sink's and the journal's), which 10,000 events share.
        max_bytes: Most bytes of one batch, estimated as a JSON Lines record's; a batch of one event is always
            allowed. The default is what 10,000 events take.
        linger: How long an incomplete batch waits for more events, seconds. 0: what is there goes.
        watermarks: Whether the sink is also told, once a minute and at the end, how far each connector was
            read. See `tailer.interfaces.WatermarkSink`.
        filter: Which events it gets, see `FilterOptions`; the others count as accepted by it. Absent: all
            that the accounts' `kinds` allow.
        fields: Which fields its records have and in which order: a list such as ["time", "name", "k"], or a
            table from the names that the place wants to ours. Where a record is text it is for "jsonl",
            "logfmt" and "csv"; a table has its columns. Absent, and when empty: all, by our names.
        start: Where a sink begins that the journal does not know yet: "earliest", with all that the journal
            still holds, so that nothing that waits is passed over; "now", with what is read from then on; or
            with what was read since a time. For one that is known a change has no effect: give it another
            `name`, or use `tailer replay`.
    """

    type: Annotated[str, Meta(min_length=1)]
    name: Annotated[str, Meta(min_length=1)] | None = None
    order: Literal["arrival", "connector", "global"] = "connector"
    max_events: Annotated[int, Meta(ge=1, le=100_000)] = 10_000
    max_bytes: Annotated[int, Meta(ge=1)] = 5_000_000
    linger: Annotated[Duration, Meta(le=3600)] = 0.0
    watermarks: bool = False
    filter: FilterOptions = FilterOptions()
    fields: Fields = ()
    start: Beginning = "earliest"


class SinkContext(NamedTuple):
    """What a sink is given besides its ``Config``.

    Attributes:
        name: The sink's name, for messages.
        stdout: Where data for standard output goes, as bytes; never closed by a sink.
        environ: Environment variables, for secrets that a ``Config`` names and for ``NO_COLOR``.
        observer: Told what happened; to be called on the event loop only.
        clock: Time, for sinks that care; to be read on the event loop only.
        fields: Which fields records have; empty: all. For sinks whose ``Config`` has an attribute
            ``no_fields``: why they can't be chosen with these options, or ``None``. It may have a method
            ``why_unfit``, which says so of the fields that it is given.
        watermarks: Whether the sink is told how far connectors were read.
    """

    name: str
    stdout: BinaryIO
    environ: Mapping[str, str]
    observer: Observer
    clock: Clock = SystemClock()
    fields: Sequence[ChosenField] = ()
    watermarks: bool = False


def estimate_bytes(event: Event) -> int:
    """Estimate what one event takes in a batch; cheap enough to be asked for each."""
    size = RECORD_BYTES + len(event.source.name)
    return size if event.e is None else size + len(payload_text(event.e))
