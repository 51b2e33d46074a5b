"""What is known of a collection at one moment, as plain data: for people, for programs, for metrics.

Times are epoch seconds UTC; those that come from the API's clock (spans, what was read through) say so.
Everything is bounded: of many connectors the summary counts all, and only the worst are listed. Nothing in
it is a secret; names and error messages come from far away, so whoever shows them to a terminal escapes them.
`tailer.app.daemon.snapshot` takes it from a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from tailer.core.durations import Seconds
from tailer.core.missing import GapState
from tailer.core.standing import Condition

Phase: TypeAlias = Literal["starting", "running", "draining"]
"""``starting``: the journal is open, the connectors are not yet known. ``draining``: nothing new is read."""

OverdueReason: TypeAlias = Literal["journal full", "paused", "silent", "budget", "behind", "under way"]
"""Why deep reads of a connector are overdue. ``silent``: its appliance is, so it is polled rarely. ``under
way``: they have not been made yet, as after a downtime, or the API is slow."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Root of all that is shown."""


class ProcessStatus(Shown, frozen=True, kw_only=True):
    """Who collects.

    Attributes:
        version: Of the program, "unknown" in a checkout that is not installed.
        pid: Process id.
        host: Name of its machine.
        started_at: Wall time of its start.
    """

    version: str
    pid: int
    host: str
    started_at: float


class GapStatus(Shown, frozen=True, kw_only=True):
    """A span ``[start, end)`` of API time, whole seconds, that was not read: see `tailer.core.missing`.

    Attributes:
        start: Inclusive.
        end: Exclusive.
        state: Whether it is still to be read (open) or can't be (lost).
        reason: Why: of a lost one a `tailer.core.progress.GapReason`, of an open one what is known.
    """

    start: int
    end: int
    state: GapState
    reason: str


class LatenessStatus(Shown, frozen=True, kw_only=True):
    """How late events are: quantiles in seconds, rounded up by less than a fifth or a second.

    Attributes:
        events: How many were counted, about; those that were there before anybody looked count for
            `collected` only.
        collected: From being recorded to being collected by Cloudflare (a - t), by quantile.
        found: From being collected to being read here.
        seen: From being recorded to being read here.
    """

    events: int
    collected: Mapping[str, Seconds]
    found: Mapping[str, Seconds] = {}
    seen: Mapping[str, Seconds] = {}


class ConnectorStatus(Shown, frozen=True, kw_only=True):
    """One connector. API time, where nothing else is said.

    Attributes:
        account: Account id.
        connector: Its id.
        name: What people call it, its id when nothing better is known.
        serial: Serial number of the device, "" when unknown.
        condition: See `tailer.core.standing.Condition`; "unknown" when nobody polls.
        newest_at: Time of its newest event, ``None`` before the first.
        origin: From when on its events belong to the journal.
        read_through: End of the last span read whole and journaled.
        whole_through: Every second from the origin up to it was read, or is one of the gaps.
        settled_through: End of what no later read asks for again; ``None``: nothing yet.
        gaps: How many lost gaps there are: spans that can't be read.
        gap_seconds: Their length.
        unread: How many open gaps there are: spans before `read_through` that are still to be read.
        unread_seconds: Their length.
        spans: The newest of both sorts in the order of time, at most `MAX_SPANS`.
        failures: Failed polls in a row.
        error: Message of the last failure; ``None`` when the last poll was a good one.
        next_poll_at: Wall time of the next try; ``None`` when nobody polls.
        keys: Events that are remembered so that none is journaled twice; ``None`` when not counted.
        reach: Seconds that it is read back at most, where memory is short (``max_keys``); ``None``: as far
            as it is configured, or nobody polls.
        affordable_reach: Seconds of lateness up to which its late events are found in time, where deeper
            reads are overdue; ``None``: all are made in time, or nobody polls.
        overdue_because: Why they are overdue (`OverdueReason`); ``None``: none is.
        lateness: How late its events are; ``None`` before the first.
        silent_since: Last sign of life of its appliance, whose heartbeat has stopped; ``None``: it
            has not, or nobody knows.
        away: The absence of its appliance that is being read again; ``None``: none is.
    """

    account: str
    connector: str
    name: str
    serial: str
    condition: Condition | Literal["unknown"]
    newest_at: float | None
    origin: float
    read_through: int
    whole_through: int
    settled_through: int | None
    gaps: int
    gap_seconds: int
    unread: int
    unread_seconds: int
    spans: tuple[GapStatus, ...]
    failures: int = 0
    error: str | None = None
    next_poll_at: float | None = None
    keys: int | None = None
    reach: Seconds | None = None
    affordable_reach: Seconds | None = None
    overdue_because: OverdueReason | None = None
    lateness: LatenessStatus | None = None
    silent_since: float | None = None
    away: tuple[int, int] | None = None


class FleetStatus(Shown, frozen=True, kw_only=True):
    """All connectors together. API time.

    Attributes:
        connectors: How many there are; the sum of the next five.
        well: Read as they should be.
        behind: Not failing, but not read up to the present.
        failing: Their last poll failed.
        parked: Refused by the API, tried now and then.
        unknown: Nobody polls them.
        whole_through: Lowest `ConnectorStatus.whole_through` of those neither failing nor parked, silent ones
            left out unless all are; ``None`` when there is none.
        settled_through: Lowest `ConnectorStatus.settled_through`; ``None`` if one has none, or there is none.
        oldest: Lowest `ConnectorStatus.whole_through` of all; ``None`` without connectors.
        oldest_name: Who has it.
        newest_at: Time of the newest event of all.
        with_gaps: Connectors that have recorded gaps.
        gaps: Recorded gaps of all.
        gap_seconds: Their length.
        unread: Spans still to be read behind what was.
        keys: Events that are remembered, of all; ``None`` when not counted.
        cut: Connectors that are read less far back than configured, because memory is short.
        shortest_reach: Seconds that the worst of them is read back; ``None`` without any.
        lags: Seconds from `ConnectorStatus.whole_through` to the present, by quantile over the connectors
            neither parked nor silent; "1" is the worst. Empty when nobody collects.
        lateness: How late their events are; ``None`` before the first.
        silent: Connectors whose appliance sends no heartbeat; they are polled rarely until it does.
        silent_since: The earliest `ConnectorStatus.silent_since`; ``None`` without any.
        ladder_reach: Seconds after its time at which an event may become visible and is still found in time,
            at every connector that is read: as configured, or less where memory or budget do not allow it;
            ``None``: none is read.
        overdue: Connectors whose deep reads are not made in time.
        overdue_because: How many of them there are for each reason.
        affordable_reach: The lowest `ConnectorStatus.affordable_reach`; ``None`` without any.
    """

    connectors: int = 0
    well: int = 0
    behind: int = 0
    failing: int = 0
    parked: int = 0
    unknown: int = 0
    whole_through: int | None = None
    settled_through: int | None = None
    oldest: int | None = None
    oldest_name: str | None = None
    newest_at: float | None = None
    with_gaps: int = 0
    gaps: int = 0
    gap_seconds: int = 0
    unread: int = 0
    keys: int | None = None
    cut: int = 0
    shortest_reach: Seconds | None = None
    lags: Mapping[str, Seconds] = {}
    lateness: LatenessStatus | None = None
    silent: int = 0
    silent_since: float | None = None
    ladder_reach: Seconds | None = None
    overdue: int = 0
    overdue_because: Mapping[OverdueReason, int] = {}
    affordable_reach: Seconds | None = None


class AccountStatus(Shown, frozen=True, kw_only=True):
    """One account.

    Attributes:
        account: Its id.
        connectors: How many of its connectors are read.
        error: Why none of them is read at present: the account was refused as a whole, or was never listed.
            It is tried again. ``None``: it is read.
        unlisted: Connectors that earlier runs have read and that no listing of this one has told of.
        unlisted_ids: The ids of the first of them.
    """

    account: str
    connectors: int
    error: str | None = None
    unlisted: int = 0
    unlisted_ids: tuple[str, ...] = ()


class PrincipalStatus(Shown, frozen=True, kw_only=True):
    """One budget, and the accounts whose requests it counts.

    Attributes:
        principal: Its name.
        accounts: In the order of the configuration.
        quota: Requests a window that the API allows to all clients together.
        window: Length of the window, seconds.
        allowed: Requests a window that we allow ourselves.
        spent: Requests of ours in the present window.
        spent_on: The same by purpose (`tailer.core.purpose`).
        foreign: Requests that others have spent of the quota, as far as its headers show; ``None``: not said.
        remaining: What the API last said to be left of the quota, whoever spent the rest; ``None``: not said.
        paused_until: Wall time until which nothing is sent, possibly past while a probe is out; ``None``:
            requests go out as usual.
        pause_reason: Why, in words.
        connectors: How many share it.
        interval: Configured seconds between two polls of one connector.
        max_interval: Configured longest time between two polls of one connector, seconds; `longest_interval`
            is longer where the budget does not hold it.
        effective_interval: `interval` as the budget allows it at present, on average over the connectors.
        longest_interval: The longest of any of them, those that are parked left out.
        expected_delay: Seconds that an event waits for its poll, on average over the events.
        clock_offset: Seconds by which the API's clock is ahead of this machine's.
    """

    principal: str
    accounts: tuple[AccountStatus, ...]
    quota: int
    window: Seconds
    allowed: int
    spent: int
    remaining: int | None
    paused_until: float | None
    pause_reason: str | None
    connectors: int
    interval: Seconds
    max_interval: Seconds
    effective_interval: Seconds
    longest_interval: Seconds
    expected_delay: Seconds
    clock_offset: Seconds
    spent_on: Mapping[str, int] = {}
    foreign: int | None = None


class SinkStatus(Shown, frozen=True, kw_only=True):
    """One sink and the reader that feeds it.

    Attributes:
        sink: Its name.
        type: The ``type`` of its table; ``None`` when not known.
        order: In which it gets events; ``None`` when not known.
        offset: Every event of the journal numbered below it is accepted.
        backlog: Events of the journal that it has not accepted, about: numbers may be left out.
        held: Those of them that wait for their order; ``None`` when not counted.
        delivered: Events accepted in this process; ``None`` when not counted.
        set_aside: Events rejected in this process; ``None`` when not counted.
        failing_since: Wall time of the first failure in a row; ``None``: it takes events.
        failures: Failed tries in a row.
        error: Message of the last.
        is_configured: Whether it still is; an absent one holds nothing back.
    """

    sink: str
    type: str | None = None
    order: str | None = None
    offset: int = 0
    backlog: int = 0
    held: int | None = None
    delivered: int | None = None
    set_aside: int | None = None
    failing_since: float | None = None
    failures: int = 0
    error: str | None = None
    is_configured: bool = True


class JournalStatus(Shown, frozen=True, kw_only=True):
    """The journal.

    Attributes:
        path: Its file; ``None`` in memory.
        head: One past the highest event number.
        used_bytes: Bytes of the file that are in use; ``None`` in memory.
        full_since: Wall time since when it has no room, and polling is paused; ``None``: it has some, or
            nobody collects.
    """

    path: str | None
    head: int
    used_bytes: int | None
    full_since: float | None = None


class Totals(Shown, frozen=True, kw_only=True):
    """Counters since the start of the process.

    Attributes:
        events: New events journaled.
        duplicates: Rows that were known already, and removed.
        changed: Those of them that came with another kind.
        details: Events whose details were fetched.
        details_missed: Events journaled without the details that they waited for.
        late: Late events delivered.
        gaps: Gaps recorded.
        polls: Polls that read their window whole.
        failed_polls: Polls that did not.
        requests: Requests sent, retries included.
        requests_for: The same by purpose (`tailer.core.purpose`).
        retries: Requests sent again.
        throttled: Answers that asked to slow down.
        body_bytes: Bytes of all answers, uncompressed.
    """

    events: int = 0
    duplicates: int = 0
    changed: int = 0
    details: int = 0
    details_missed: int = 0
    late: int = 0
    gaps: int = 0
    polls: int = 0
    failed_polls: int = 0
    requests: int = 0
    requests_for: Mapping[str, int] = {}
    retries: int = 0
    throttled: int = 0
    body_bytes: int = 0


class Status(Shown, frozen=True, kw_only=True):
    """Everything that is known at one moment.

    Attributes:
        taken_at: Wall time of that moment.
        phase: Where the daemon stands; "silent": a process has the journal, but can't be asked; ``None``:
            none has it.
        process: Who collects; ``None``: nobody does.
        journal: The journal.
        fleet: All connectors together.
        principals: The budgets; empty when nobody collects.
        sinks: In the order of the configuration, then those that are no longer configured; while it starts,
            those that are ready.
        connectors: The worst first, then by name; cut where `fleet` counts more.
        totals: Counters; ``None`` when nobody collects.
    """

    taken_at: float
    phase: Phase | Literal["silent"] | None
    process: ProcessStatus | None
    journal: JournalStatus
    fleet: FleetStatus
    principals: tuple[PrincipalStatus, ...] = ()
    sinks: tuple[SinkStatus, ...] = ()
    connectors: tuple[ConnectorStatus, ...] = ()
    totals: Totals | None = None


MAX_UNLISTED = 3
"""Connectors that are named in a status though it is not known what people call them."""

MAX_SPANS = 20
"""Spans listed of one connector; thousands of gaps would tell no more."""

MAX_CONNECTORS = 50
"""Connectors listed unless more are asked for: a screen or two."""
