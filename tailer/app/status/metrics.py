"""The status in Prometheus' words: one table of metrics, each drawn from `tailer.app.status.facts`.

Rules:

1. Every sample comes from one snapshot, so that figures of one scrape belong together.
2. Labels are configured names (principals, sinks, accounts) and fixed words. Connectors are counted and
   summarised, never named: a fleet of thousands would be thousands of series each.
3. Counters begin at 0 with the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tailer.app.status.facts import AccountStatus, PrincipalStatus, SinkStatus, Status, Totals

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Every Prometheus takes it, and most others do."""

Sample: TypeAlias = tuple[tuple[str, ...], float | None]
"""Values of the labels, and of the metric; ``None``: not known, so not shown."""


class Measure(NamedTuple):
    """One metric.

    Attributes:
        name: As it is shown.
        kind: A gauge goes up and down; a counter only up, and its name ends in ``_total``.
        labels: Their names.
        text: What it is; ends in its table and in ``# HELP``.
        draw: Takes its samples from a status.
    """

    name: str
    kind: Literal["gauge", "counter"]
    labels: tuple[str, ...]
    text: str
    draw: Callable[[Status], Iterable[Sample]]


def exposition(status: Status | None, *, is_ready: bool) -> bytes:
    """Write a status, if there is one yet, in Prometheus' text format, of type `CONTENT_TYPE`."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(status, is_ready=is_ready))
    return generate_latest(registry)


class _Snapshot(Collector):
    """Hands the samples of one moment out."""

    def __init__(self, status: Status | None, *, is_ready: bool) -> None:
        self._status = status
        self._is_ready = is_ready

    def collect(self) -> Iterator[Metric]:
        """Give every metric that has samples."""
        yield GaugeMetricFamily(READY.name, READY.text, value=self._is_ready)
        if self._status is None:
            return
        for measure in METRICS:
            family = _family(measure)
            for labels, value in measure.draw(self._status):
                if value is not None:
                    family.add_metric(labels, value)
            if family.samples:
                yield family


def _family(measure: Measure) -> GaugeMetricFamily | CounterMetricFamily:
    if measure.kind == "gauge":
        return GaugeMetricFamily(measure.name, measure.text, labels=measure.labels)
    return CounterMetricFamily(measure.name, measure.text, labels=measure.labels)


def _plain(draw: Callable[[Status], float | None]) -> Callable[[Status], list[Sample]]:
    """Draw one number."""
    return lambda status: [((), draw(status))]


def _total(draw: Callable[[Totals], float]) -> Callable[[Status], list[Sample]]:
    """Draw a counter of the process."""
    return lambda status: [] if status.totals is None else [((), draw(status.totals))]


def _by_principal(draw: Callable[[PrincipalStatus], float | None]) -> Callable[[Status], list[Sample]]:
    return lambda status: [((one.principal,), draw(one)) for one in status.principals]


def _by_sink(draw: Callable[[SinkStatus], float | None]) -> Callable[[Status], list[Sample]]:
    return lambda status: [((one.sink,), draw(one)) for one in status.sinks if one.is_configured]


def _lateness(status: Status) -> list[Sample]:
    lateness = status.fleet.lateness
    if lateness is None:
        return []
    stages = {"collected": lateness.collected, "found": lateness.found, "seen": lateness.seen}
    return [((stage, name), value) for stage, told in stages.items() for name, value in told.items()]


def _purposes(status: Status) -> list[Sample]:
    told = {} if status.totals is None else status.totals.requests_for
    return [((purpose,), count) for purpose, count in told.items()]


def _spent_on(status: Status) -> list[Sample]:
    return [
        ((one.principal, purpose), count)
        for one in status.principals
        for purpose, count in one.spent_on.items()
    ]


def _accounts(status: Status) -> Iterator[AccountStatus]:
    for principal in status.principals:
        yield from principal.accounts


def _gauge(name: str, text: str, draw: Callable[[Status], Iterable[Sample]], *labels: str) -> Measure:
    return Measure(f"tailer_{name}", "gauge", labels, text, draw)


def _counter(name: str, text: str, draw: Callable[[Status], Iterable[Sample]], *labels: str) -> Measure:
    return Measure(f"tailer_{name}_total", "counter", labels, text, draw)


READY = _gauge("ready", "1 if /readyz says so, else 0.", lambda _status: ())
"""The one metric that is not drawn from the status."""

METRICS = (
    _gauge(
        "build_info",
        "Always 1; the version is the label.",
        lambda status: [((status.process.version,), 1)] if status.process else (),
        "version",
    ),
    _gauge(
        "start_time_seconds",
        "When the process started, epoch seconds.",
        _plain(lambda status: status.process.started_at if status.process else None),
    ),
    _gauge(
        "connectors",
        "Connectors by state: well, behind, failing or parked.",
        lambda status: [
            ((state,), getattr(status.fleet, state)) for state in ("well", "behind", "failing", "parked")
        ],
        "state",
    ),
    _gauge(
        "silent_connectors",
        "Those of them whose appliance sends no heartbeat.",
        _plain(lambda status: status.fleet.silent),
    ),
    _gauge(
        "account_connectors",
        "Connectors that are read of an account.",
        lambda status: [((one.account,), one.connectors) for one in _accounts(status)],
        "account",
    ),
    _gauge(
        "account_up",
        "1 if an account is read, 0 while it is refused as a whole or was never listed.",
        lambda status: [((one.account,), one.error is None) for one in _accounts(status)],
        "account",
    ),
    _gauge(
        "connector_lag_seconds",
        "How far the reading of a connector is behind the present, by quantile over those neither"
        " parked nor silent; 1 is the worst.",
        lambda status: [((quantile,), lag) for quantile, lag in status.fleet.lags.items()],
        "quantile",
    ),
    _gauge(
        "event_lateness_seconds",
        "How late events are, by quantile: from being recorded to being collected by Cloudflare (collected),"
        " from there to being read (found), all of it (seen).",
        _lateness,
        "stage",
        "quantile",
    ),
    _gauge(
        "newest_event_timestamp_seconds",
        "Time of the newest event of all, epoch seconds.",
        _plain(lambda status: status.fleet.newest_at),
    ),
    _gauge(
        "read_through_timestamp_seconds",
        "Through when every connector is read that is neither failing, parked nor silent, epoch seconds.",
        _plain(lambda status: status.fleet.whole_through),
    ),
    _gauge(
        "settled_through_timestamp_seconds",
        "Through when no poll reads any connector again, epoch seconds.",
        _plain(lambda status: status.fleet.settled_through),
    ),
    _gauge(
        "ladder_reach_seconds",
        "How late an event may become visible and is still found in time, at every connector that is"
        " read, as far as memory and budget allow.",
        _plain(lambda status: status.fleet.ladder_reach),
    ),
    _gauge(
        "overdue_connectors",
        "Those of them whose deep reads are overdue, mostly because the budget does not hold them.",
        _plain(lambda status: status.fleet.overdue),
    ),
    _gauge("gaps", "Recorded spans that can't be read.", _plain(lambda status: status.fleet.gaps)),
    _gauge("gap_seconds", "Their length together.", _plain(lambda status: status.fleet.gap_seconds)),
    _gauge(
        "unread_spans",
        "Spans still to be read behind what was read.",
        _plain(lambda status: status.fleet.unread),
    ),
    _gauge(
        "remembered_events",
        "Events that are remembered so that none comes twice.",
        _plain(lambda status: status.fleet.keys),
    ),
    _counter("events", "New events journaled.", _total(lambda totals: totals.events)),
    _counter(
        "duplicate_events",
        "Rows that were known already, and removed.",
        _total(lambda totals: totals.duplicates),
    ),
    _counter(
        "changed_events",
        "Known events that came again with another kind; the first was kept.",
        _total(lambda totals: totals.changed),
    ),
    _counter("details", "Events whose details were fetched.", _total(lambda totals: totals.details)),
    _counter(
        "missed_details",
        "Events journaled without the details that they waited for.",
        _total(lambda totals: totals.details_missed),
    ),
    _counter("late_events", "Late events delivered.", _total(lambda totals: totals.late)),
    _counter("recorded_gaps", "Gaps recorded.", _total(lambda totals: totals.gaps)),
    _counter("polls", "Polls that read their window whole.", _total(lambda totals: totals.polls)),
    _counter("failed_polls", "Polls that did not.", _total(lambda totals: totals.failed_polls)),
    _counter("requests", "Requests sent, retries included.", _total(lambda totals: totals.requests)),
    _counter("purpose_requests", "The same by what they were sent for.", _purposes, "purpose"),
    _counter("retried_requests", "Requests sent again.", _total(lambda totals: totals.retries)),
    _counter(
        "throttled_requests", "Answers that asked to slow down.", _total(lambda totals: totals.throttled)
    ),
    _counter(
        "response_bytes", "Bytes of all answers, uncompressed.", _total(lambda totals: totals.body_bytes)
    ),
    _gauge(
        "budget_quota_requests",
        "Requests a window that the API allows to all clients together.",
        _by_principal(lambda one: one.quota),
        "principal",
    ),
    _gauge(
        "budget_window_seconds", "Length of that window.", _by_principal(lambda one: one.window), "principal"
    ),
    _gauge(
        "budget_allowed_requests",
        "Requests a window that tailer allows itself.",
        _by_principal(lambda one: one.allowed),
        "principal",
    ),
    _gauge(
        "budget_spent_requests",
        "Requests of its own in the present window.",
        _by_principal(lambda one: one.spent),
        "principal",
    ),
    _gauge(
        "budget_remaining_requests",
        "What the API last said to be left of the quota, whoever spent the rest.",
        _by_principal(lambda one: one.remaining),
        "principal",
    ),
    _gauge(
        "budget_foreign_requests",
        "What others have spent of the quota, as far as the API's headers show.",
        _by_principal(lambda one: one.foreign),
        "principal",
    ),
    _gauge(
        "budget_purpose_requests",
        "Requests of its own in the present window, by what they were sent for.",
        _spent_on,
        "principal",
        "purpose",
    ),
    _gauge(
        "principal_paused",
        "1 while nothing but a probe is sent, else 0.",
        _by_principal(lambda one: one.paused_until is not None),
        "principal",
    ),
    _gauge(
        "poll_interval_seconds",
        "Time between two polls of one connector as the budget allows it at present, on average.",
        _by_principal(lambda one: one.effective_interval),
        "principal",
    ),
    _gauge(
        "expected_delay_seconds",
        "Time that an event waits for its poll, on average.",
        _by_principal(lambda one: one.expected_delay),
        "principal",
    ),
    _gauge(
        "clock_offset_seconds",
        "By how much the API's clock is ahead of this machine's.",
        _by_principal(lambda one: one.clock_offset),
        "principal",
    ),
    _gauge(
        "journal_used_bytes",
        "Bytes of the journal's file that are in use.",
        _plain(lambda status: status.journal.used_bytes),
    ),
    _gauge(
        "journal_full",
        "1 while it has no room and polling is paused for that, else 0.",
        _plain(lambda status: status.journal.full_since is not None),
    ),
    _counter("sink_events", "Events that a sink has accepted.", _by_sink(lambda one: one.delivered), "sink"),
    _counter(
        "sink_rejected_events",
        "Events that a sink has rejected; they are set aside.",
        _by_sink(lambda one: one.set_aside),
        "sink",
    ),
    _gauge(
        "sink_backlog_events",
        "Events of the journal that a sink has not accepted yet.",
        _by_sink(lambda one: one.backlog),
        "sink",
    ),
    _gauge(
        "sink_held_events",
        "Those of them that wait for their order.",
        _by_sink(lambda one: one.held),
        "sink",
    ),
    _gauge(
        "sink_up",
        "1 if a sink takes events, 0 while it fails.",
        _by_sink(lambda one: one.failing_since is None),
        "sink",
    ),
)
"""In the order of the README."""
