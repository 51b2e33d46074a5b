"""Takes the status of a run while it runs: one pass over the connectors, details for a few of them."""

from __future__ import annotations

import math
import os
import socket
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from tailer.app.gaps.holes import why_unread
from tailer.app.run.run import Run
from tailer.app.status.facts import (
    MAX_CONNECTORS,
    MAX_UNLISTED,
    AccountStatus,
    ConnectorStatus,
    FleetStatus,
    JournalStatus,
    OverdueReason,
    Phase,
    PrincipalStatus,
    ProcessStatus,
    SinkStatus,
    Status,
    Totals,
)
from tailer.app.status.survey import Overdue, Surveyed, described, summarized, worst_of
from tailer.core.ladder import REACH, reach_in_effect
from tailer.core.matching import is_meant
from tailer.core.purpose import Purpose
from tailer.core.standing import Condition, condition_of, standing_of
from tailer.pipeline.delivery import Delivery
from tailer.pipeline.fleet import Fleet
from tailer.pipeline.poller import Poller


class _Moment(NamedTuple):
    """The time of a snapshot on both clocks."""

    wall: float
    monotonic: float

    def wall_of(self, monotonic: float | None) -> float | None:
        """Give a monotonic time as wall time."""
        return None if monotonic is None else self.wall + (monotonic - self.monotonic)


def this_process(started_at: float) -> ProcessStatus:
    """Describe this process; the version is looked up on the disk, so ask once."""
    try:
        known = version("cf-tailer")
    except PackageNotFoundError:
        known = "unknown"
    return ProcessStatus(version=known, pid=os.getpid(), host=socket.gethostname(), started_at=started_at)


def snapshot(
    run: Run,
    process: ProcessStatus,
    phase: Phase,
    *,
    limit: int | None = MAX_CONNECTORS,
    patterns: Sequence[str] = (),
) -> Status:
    """Take the status of a run that has been entered.

    Some 10 us a connector, on the event loop; describing one costs as much again.

    Args:
        run: Its connectors may still be unknown.
        process: See `this_process`.
        phase: Where it stands.
        limit: Connectors that are listed at most, the worst first; ``None``: all.
        patterns: Names those that are listed (`tailer.core.matching`); none: all. The summary counts all of
            them in any case.
    """
    now = _Moment(run.clock.wall(), run.clock.monotonic())
    surveyed = [
        _surveyed(poller, fleet, run, now) for fleet in run.fleets for poller in fleet.pollers.values()
    ]
    meant = [one for one in surveyed if is_meant(one.connector, patterns)]
    pollers = {ref: (poller, fleet) for fleet in run.fleets for ref, poller in fleet.pollers.items()}
    return Status(
        taken_at=now.wall,
        phase=phase,
        process=process,
        journal=_journal_status(run, now),
        fleet=summarized(surveyed),
        principals=_principals(run.fleets, now),
        sinks=_sinks(run, now),
        connectors=tuple(
            _described(one, *pollers[f"{one.connector.account}/{one.connector.id}"], run, now)
            for one in worst_of(meant, limit)
        ),
        totals=_totals(run),
    )


def count_connectors(run: Run) -> FleetStatus:
    """Take the summary alone."""
    now = _Moment(run.clock.wall(), run.clock.monotonic())
    return summarized(
        [_surveyed(one, fleet, run, now) for fleet in run.fleets for one in fleet.pollers.values()]
    )


def _surveyed(poller: Poller, fleet: Fleet, run: Run, now: _Moment) -> Surveyed:
    standing = standing_of(poller.checkpoint)
    api_now = fleet.client.api_time.now(now.monotonic)
    condition = condition_of(
        standing.whole_through,
        api_now,
        poller.tempo.interval,
        is_parked=poller.is_parked,
        is_failing=poller.error is not None,
    )
    lag = max(0.0, api_now - standing.whole_through)
    reach = None if math.isinf(poller.book.reach) else poller.book.reach
    return Surveyed(
        poller.connector,
        poller.checkpoint,
        standing,
        condition,
        len(poller.book.keys),
        lag,
        reach,
        poller.silent_since,
        _overdue(poller, fleet, run, now, condition),
    )


def _overdue(poller: Poller, fleet: Fleet, run: Run, now: _Moment, condition: Condition) -> Overdue | None:
    """Give the reach in effect where it is less than configured; one that fails has none."""
    if condition in {"parked", "failing"}:
        return None
    api_now = fleet.client.api_time.now(now.monotonic)
    levels, pace = poller.checkpoint.levels, fleet.crowd.pace
    # Where the budget binds an interval may be short for one burst, and the poll after it still has to wait.
    interval = pace.longest if pace.is_bound else poller.tempo.interval
    reach = reach_in_effect(levels, api_now, interval)
    if not levels or reach >= REACH * levels[-1][0]:
        return None
    return Overdue(reach, _why_overdue(poller, fleet, run, now.monotonic, condition))


def _why_overdue(poller: Poller, fleet: Fleet, run: Run, now: float, condition: Condition) -> OverdueReason:
    """Say why deep reads are late: what holds up everybody, before what is the connector's own."""
    budget = fleet.crowd.budget
    if run.room.full_since is not None:
        return "journal full"
    if budget.reason is not None:
        return "paused"
    if poller.silent_since is not None:
        return "silent"
    if fleet.crowd.pace.is_bound or not budget.affords(Purpose.REVISIT, now):
        return "budget"
    return "behind" if condition == "behind" else "under way"


def _described(one: Surveyed, poller: Poller, fleet: Fleet, run: Run, now: _Moment) -> ConnectorStatus:
    return described(
        one,
        why=why_unread(poller, fleet, run),
        failures=poller.failures,
        error=None if poller.error is None else str(poller.error),
        next_poll_at=now.wall_of(poller.due_at),
        away=poller.appliance.absence.span,
    )


def _principals(fleets: Sequence[Fleet], now: _Moment) -> tuple[PrincipalStatus, ...]:
    """Describe each budget once, however many fleets share it."""
    members: dict[str, list[Fleet]] = {}
    for fleet in fleets:
        members.setdefault(fleet.crowd.principal, []).append(fleet)
    return tuple(_principal(name, sharing, now) for name, sharing in members.items())


def _principal(name: str, fleets: Sequence[Fleet], now: _Moment) -> PrincipalStatus:
    first = fleets[0]
    budget, pace = first.crowd.budget, first.crowd.pace
    return PrincipalStatus(
        principal=name,
        accounts=tuple(account for fleet in fleets for account in _accounts(fleet)),
        quota=budget.quota,
        window=budget.window,
        allowed=budget.allowed,
        spent=budget.spent(now.monotonic),
        spent_on={one.label: budget.spent_on(one, now.monotonic) for one in Purpose},
        foreign=budget.foreign,
        remaining=budget.remaining,
        paused_until=now.wall_of(budget.paused_until),
        pause_reason=budget.reason,
        connectors=sum(len(fleet.pollers) for fleet in fleets),
        interval=first.pacing.shortest,
        max_interval=pace.configured,
        effective_interval=max(fleet.pacing.interval for fleet in fleets),
        longest_interval=pace.longest if pace.is_bound else pace.shortest,
        expected_delay=first.crowd.expected_delay,
        clock_offset=first.client.api_time.now(now.monotonic) - now.wall,
    )


def _accounts(fleet: Fleet) -> list[AccountStatus]:
    counts = Counter(poller.connector.account for poller in fleet.pollers.values())
    stopped = {account: str(error) for account, error in fleet.stopped.items()}
    unlisted: dict[str, list[str]] = {}
    for connector, _ in fleet.unlisted:
        unlisted.setdefault(connector.account, []).append(connector.id)
    return [
        AccountStatus(
            account=watch.account,
            connectors=counts[watch.account],
            error=stopped.get(watch.account),
            unlisted=len(unlisted.get(watch.account, ())),
            unlisted_ids=tuple(unlisted.get(watch.account, ())[:MAX_UNLISTED]),
        )
        for watch in fleet.watches
    ]


def _sinks(run: Run, now: _Moment) -> tuple[SinkStatus, ...]:
    types = {str(table.get("name", table.get("type"))): str(table.get("type")) for table in run.config.sinks}
    opened = [_sink(one, types, run, now) for one in run.deliveries]
    absent = [SinkStatus(sink=name, is_configured=False) for name in run.absent_readers if name not in types]
    return (*opened, *absent)


def _sink(delivery: Delivery, types: Mapping[str, str], run: Run, now: _Moment) -> SinkStatus:
    reader = delivery.reader
    name = reader.options.name
    return SinkStatus(
        sink=name,
        type=types.get(name),
        order=reader.options.order,
        offset=reader.offset,
        backlog=reader.backlog,
        held=reader.held,
        delivered=run.delivered[name],
        set_aside=run.set_aside.get(name, 0),
        failing_since=now.wall_of(delivery.failing_since),
        failures=delivery.failures,
        error=None if delivery.error is None else str(delivery.error),
    )


def _journal_status(run: Run, now: _Moment) -> JournalStatus:
    path = run.config.journal.path
    is_file = path is not None and path != ":memory:"
    return JournalStatus(
        path=str(path) if is_file else None,
        head=run.journal.head,
        used_bytes=run.journal.used_bytes,
        full_since=now.wall_of(run.room.full_since),
    )


def _totals(run: Run) -> Totals:
    counters = run.history.clients
    return Totals(
        **asdict(run.tally),
        requests=sum(one.requests for one in counters),
        requests_for={
            purpose.label: sum(one.purposes.get(purpose, 0) for one in counters) for purpose in Purpose
        },
        retries=sum(one.retries for one in counters),
        throttled=sum(one.throttled for one in counters),
        body_bytes=sum(one.body_bytes for one in counters),
    )
