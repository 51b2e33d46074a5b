"""One connector's past, as the journal has it and as the API shows it now: read again, and compared.

The journal is looked at without being owned, and the requests are this process's own, so that the one that is
audited does not audit itself; a daemon may be running or not. Nothing is changed anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tailer.app.aside import in_thread
from tailer.app.principals import Budgets, make_client, principals_of
from tailer.app.status.facts import Shown
from tailer.clock import Clock
from tailer.config.options import Account, Config
from tailer.config.words import quoted
from tailer.core.audit import Comparison, Extent, compare
from tailer.core.durations import format_time
from tailer.core.missing import missing_of, within
from tailer.core.quirks import Quirks
from tailer.core.reading import WindowRead
from tailer.core.refill import Refill
from tailer.core.spans import Spans
from tailer.core.standing import standing_of
from tailer.core.terms import Terms
from tailer.errors import ConfigError
from tailer.interfaces import EventApi
from tailer.journal.recall import Recall, recall
from tailer.model import Connector, Event
from tailer.observe import Observer
from tailer.pipeline.pages import read_pages

SLICE_ROWS = 10_000
"""Rows that one window is meant to have at most, about."""


class Side(Shown, frozen=True, kw_only=True):
    """One of the two that are compared: see `tailer.core.audit.Side`."""

    events: int
    digest: str


class AuditedEvent(Shown, frozen=True, kw_only=True):
    """An event that only the API has: ``a`` and ``k`` as it shows them."""

    t: int | float
    n: int | float
    k: str
    a: int | float


class ExtraEvent(Shown, frozen=True, kw_only=True):
    """An event that only the journal has."""

    t: int | float
    n: int | float


class Omission(Shown, frozen=True, kw_only=True):
    """A span ``[start, end)`` that could not be compared, and why."""

    start: int
    end: int
    reason: str


class AuditReport(Shown, frozen=True, kw_only=True):
    """What came of an audit. API time.

    Attributes:
        account: Account id.
        connector: Its id.
        name: What people call it.
        asked_since: Start of the span that was asked for; ``None``: as far back as possible.
        since: Start of the span that was audited, no earlier than the connector was ever asked for.
        until: Its end: no later than what the connector was read through.
        compared: Seconds that were compared.
        settled_through: What lies before is settled: no read that is still to come asks for it.
        omissions: What was not compared.
        journal: What the journal has.
        api: What the API shows.
        missing: What only the API has, although it is settled.
        unsettled: What only the API has and a later poll is still to find.
        extra: What only the journal has.
    """

    account: str
    connector: str
    name: str
    asked_since: float | None = None
    since: int
    until: int
    compared: int
    settled_through: int
    omissions: tuple[Omission, ...]
    journal: Side
    api: Side
    missing: tuple[AuditedEvent, ...]
    unsettled: tuple[AuditedEvent, ...]
    extra: tuple[ExtraEvent, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all of the span was compared, and nothing differs."""
        return bool(self.compared) and not (self.omissions or self.missing or self.extra)


class Wish(NamedTuple):
    """What is to be audited.

    Attributes:
        connector: Whose events.
        since: Start, API time; ``None``: as far back as the journal remembers everything.
        until: End; ``None``: as far as the connector was read.
    """

    connector: Connector
    since: float | None
    until: float | None


async def audit(
    config: Config,
    journal: Path,
    wish: Wish,
    *,
    clock: Clock,
    observe: Observer,
    progress: Callable[[float], None] = lambda _share: None,
) -> AuditReport:
    """Audit a span of one connector's past.

    Args:
        config: Has its account.
        journal: The file; an owner may be at work on it.
        wish: What.
        clock: Time and sleep.
        observe: Is told of retries and pauses.
        progress: Is told which part of the span has been read.

    Raises:
        ConfigError: The file has no such account, or nothing of the asked span was ever read.
        JournalError: The journal can't be read.
        ApiError: The API can't be asked.
    """
    connector = wish.connector
    known = await _recalled(journal, connector, math.inf, math.inf)
    start, end = _bounds(known, wish)
    before = await _recalled(journal, connector, start, end)
    spans = _comparable(before, start, end)
    rows, read = await _show(config, connector, spans, clock=clock, observe=observe, progress=progress)
    after = await _recalled(journal, connector, start, end)
    spans = spans.common(read).common(_comparable(after, start, end))
    settled = standing_of(before.checkpoint).settled_through or start
    extent = Extent(spans, after.checkpoint.covered, end, settled)
    compared = compare(before.stamps, after.stamps, rows, extent)
    omissions = _omissions(after, start, end, read)
    return AuditReport(
        account=connector.account,
        connector=connector.id,
        name=connector.name,
        asked_since=wish.since,
        since=start,
        until=end,
        compared=spans.size,
        settled_through=settled,
        omissions=tuple(omissions),
        **_differences(compared),
    )


async def _recalled(journal: Path, connector: Connector, start: float, end: float) -> Recall:
    return await in_thread(partial(recall, journal, connector.account, connector.id, start, end))


def _bounds(known: Recall, wish: Wish) -> tuple[int, int]:
    """Cut what is wished to what the connector was ever asked for, in whole seconds; none is a mistake."""
    checkpoint = known.checkpoint
    low, high = checkpoint.origin, checkpoint.read_through
    if (wish.until is not None and wish.until <= low) or (wish.since is not None and wish.since >= high):
        told = (
            f"was read from {format_time(low)} to {format_time(high)}"
            if low < high
            else "has not been read yet"
        )
        name = quoted(wish.connector.name)
        raise ConfigError(f"--since, --until: {name} {told}; nothing of that is asked for")
    since = known.reaches if wish.since is None else wish.since
    start = math.ceil(max(since, checkpoint.origin))
    end = checkpoint.read_through if wish.until is None else min(wish.until, checkpoint.read_through)
    return start, max(start, math.floor(end))


def _comparable(known: Recall, start: int, end: int) -> Spans:
    """Give what was read whole and is remembered."""
    low = math.ceil(max(start, known.reaches))
    return known.checkpoint.covered.common(Spans().add(low, end))


async def _show(
    config: Config,
    connector: Connector,
    spans: Spans,
    *,
    clock: Clock,
    observe: Observer,
    progress: Callable[[float], None],
) -> tuple[list[Event], Spans]:
    """Read spans from the API; return the rows, repeated ones included, and what was read whole."""
    name, account = _account_of(config, connector)
    budget = Budgets().of(name, config.api)
    reader = _Reader(connector, config.api.page_limit, clock, progress)
    async with make_client(name, account, config, budget, clock, observe) as client:
        await client.list_connectors(account.id)  # for the API's time: windows are judged by it
        await reader.read(client, spans)
    return reader.rows, reader.covered


class _Reader:
    """Reads spans of one connector."""

    def __init__(
        self, connector: Connector, limit: int, clock: Clock, progress: Callable[[float], None]
    ) -> None:
        self.rows: list[Event] = []
        self.covered = Spans()
        self._connector = connector
        self._limit = limit
        self._clock = clock
        self._progress = progress

    async def read(self, client: EventApi, spans: Spans) -> None:
        """Read them in slices; raises `ApiError`."""
        refill, quirks = Refill(), Quirks()
        refill.ask(spans)
        while (plan := refill.plan(SLICE_ROWS)) is not None:
            now = client.api_time.now(self._clock.monotonic())
            read = WindowRead(plan.window, quirks, now=now, limit=self._limit, max_rows=plan.max_rows)
            terms = Terms(client.budget, plan.purpose)
            error = await read_pages(client, self._connector, read, terms, self._clock)
            if error is not None:
                raise error
            self.rows += read.result.rows
            self.covered = self.covered.update(read.result.covered)
            refill.read(plan.window, read.result, SLICE_ROWS)
            self._progress(1 - refill.left.size / spans.size)


def _account_of(config: Config, connector: Connector) -> tuple[str, Account]:
    """Find whose credentials are to be used, and the name of their budget."""
    for principal in principals_of(config):
        for account in principal.accounts:
            if account.id == connector.account:
                return principal.name, account
    raise ConfigError(
        f"accounts: none is {quoted(connector.account)}, to which {quoted(connector.name)} belongs in the"
        " journal"
    )


def _omissions(known: Recall, start: int, end: int, read: Spans) -> list[Omission]:
    """Tell what of the span was not compared, and why."""
    found: list[Omission] = []
    low = start
    if known.reaches > start:
        low = min(end, math.ceil(known.reaches))
        found.append(Omission(start=start, end=low, reason="the journal no longer remembers all of it"))
    gaps = within(missing_of(known.checkpoint, end), low, end)
    found += [Omission(start=gap.start, end=gap.end, reason=f"{gap.state} gap: {gap.reason}") for gap in gaps]
    for part_start, part_end in _comparable(known, start, end):
        found += [
            Omission(start=hole_start, end=hole_end, reason="it could not be read whole again")
            for hole_start, hole_end in read.missing(part_start, part_end)
        ]
    return sorted(found, key=lambda one: one.start)


def _differences(compared: Comparison) -> dict[str, Any]:
    """Give what a report says of a comparison."""
    return {
        "journal": Side(**compared.journal._asdict()),
        "api": Side(**compared.api._asdict()),
        "missing": tuple(map(_audited, compared.missing)),
        "unsettled": tuple(map(_audited, compared.unsettled)),
        "extra": tuple(ExtraEvent(t=t, n=n) for t, n in compared.extra),
    }


def _audited(event: Event) -> AuditedEvent:
    return AuditedEvent(t=event.t, n=event.n, k=event.k, a=event.a)
