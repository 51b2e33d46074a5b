"""An API made of a list: rows with the moment at which each becomes visible, and the trouble on the way.

It stands in for `tailer.api.client.ApiClient` wherever a `tailer.interfaces.EventApi` is asked for, needs no
socket and runs in the time of its clock::

    source = ScriptedSource(clock, {"edge-1": [Row(t=1_800_000_005, n=0), Row(t=..., visible_at=...)]})
    source.trouble(ServerError("HTTP 502", status=502), connector="edge-1", times=3)

Like the API, it pages through what is visible at the moment of each request: when rows appear between two
pages, the later page shifts. Its clock is the wall clock it was given plus `clock_offset`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, NamedTuple, Self

from tailer.api.gate import Gate
from tailer.api.ledger import ClientCounters
from tailer.clock import Clock
from tailer.core.apitime import ApiTime
from tailer.core.budget import Budget, RatePolicy
from tailer.core.durations import Seconds
from tailer.core.purpose import Purpose
from tailer.errors import (
    ApiError,
    AuthError,
    ConfigError,
    ConnectorGoneError,
    EventGoneError,
    RateLimitedError,
    TransportError,
)
from tailer.model import Connector, Event, EventsRequest, Key, Page, Payload

LISTING = ""
"""Stands for the connector where connectors are listed."""


def singles_of(connector: str) -> str:
    """Give what stands for a connector where single events of it are read."""
    return f"single events of {connector}"


class Row(NamedTuple):
    """One event as the API knows it.

    Attributes:
        t: Time recorded, epoch seconds.
        n: Sequence number.
        k: Kind.
        a: Time collected; ``None``: the moment it becomes visible.
        visible_at: API time from which on requests see it; ``None``: `t`.
    """

    t: int | float
    n: int | float
    k: str = "Reconcile"
    a: int | float | None = None
    visible_at: float | None = None

    @property
    def seen_from(self) -> float:
        """API time from which on requests see it."""
        return self.t if self.visible_at is None else self.visible_at

    def event(self) -> Event:
        """Make the event as an answer holds it."""
        return Event(t=self.t, n=self.n, k=self.k, a=self.seen_from if self.a is None else self.a)

    @property
    def payload(self) -> Payload:
        """What Get Event tells of it: its kind, and something that tells events apart."""
        return {"k": self.k, "told": f"{self.t}.{self.n}"}


class Asked(NamedTuple):
    """A request that was sent: when (API time), of which connector, what, and what for."""

    at: float
    connector: str
    request: EventsRequest
    purpose: Purpose = Purpose.LIVE


class Fetched(NamedTuple):
    """A request of a single event: when it was wished for (API time), of which connector, which, what for."""

    at: float
    connector: str
    key: Key
    purpose: Purpose


@dataclass(slots=True)
class _Trouble:
    error: ApiError | None
    connectors: frozenset[str] | None
    delay: Seconds
    start: float
    end: float
    times: float
    on_later_pages: bool

    def meets(self, connector: str, now: float, *, is_later_page: bool) -> bool:
        return (
            self.times > 0
            and (self.connectors is None or connector in self.connectors)
            and self.start <= now < self.end
            and (is_later_page or not self.on_later_pages)
        )


class ScriptedSource:
    """A model of the API; see the module. An async context manager, as the real client.

    Args:
        clock: Its time and its waits.
        rows: By connector id; connectors without rows are silent. More may be added with `add`.
        account: The only account it knows.
        page_rows: Most rows a page, whatever `limit` asks for.
        newest_first: Whether pages go backwards in time.
        overlap: Rows that each page repeats of the one before.
        filter_by: Whether ``from`` and ``to`` (both inclusive) are about `t` or about `a`.
        latency: Seconds that each answer takes.
        clock_offset: Seconds by which the API's clock is ahead of the wall clock.
        budget: ``None``: one that is never the bottleneck.

    Attributes:
        asked: Every request of events, in order.
        fetched: Every request of a single event, in order, sent or not.
        listings: API times of the requests of List Connectors.
        most_in_flight: The most requests of one connector that were under way at once.
        remaining: What refusals for the rate limit tell of the quota; ``None``: nothing.
        token: What requests are sent with.
        token_in_file: What `renew` takes over, or raises.
        most_at_once: The most requests of all connectors that were under way at once.
    """

    def __init__(
        self,
        clock: Clock,
        rows: Mapping[str, Iterable[Row]],
        *,
        account: str = "account",
        page_rows: int = 1000,
        newest_first: bool = False,
        overlap: int = 0,
        filter_by: Literal["t", "a"] = "t",
        latency: Seconds = 0.05,
        clock_offset: Seconds = 0.0,
        budget: Budget | None = None,
    ) -> None:
        self.account = account
        self.budget = budget or Budget(share=1.0, reserve=0.0, quota=1_000_000, window=1.0)
        self._gate = Gate(self.budget)
        self.api_time = ApiTime(clock.wall(), clock.monotonic())
        self.counters = ClientCounters()
        self.asked: list[Asked] = []
        self.fetched: list[Fetched] = []
        self.listings: list[float] = []
        self.most_in_flight: Counter[str] = Counter()
        self.most_at_once = 0
        self._clock = clock
        self._rows = {connector: list(known) for connector, known in rows.items()}
        self._listed_from: dict[str, float] = {}
        self._silences: dict[str, tuple[float, float]] = {}
        self._page_rows = page_rows
        self._newest_first = newest_first
        self._overlap = overlap
        self._filter_by = filter_by
        self._latency = latency
        self._clock_offset = clock_offset
        self._troubles: list[_Trouble] = []
        self.remaining: int | None = None
        self.token = "first"  # noqa: S105 - a name for one
        self.token_in_file: str | ConfigError = self.token
        self._refused_tokens: dict[str, AuthError] = {}
        self._absent: dict[str, tuple[float, float]] = {}
        self._in_flight: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        """Be ready; there is nothing to open."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Be done; there is nothing to close."""

    async def renew(self) -> bool:
        """Take over `token_in_file`; see `tailer.interfaces.EventApi`."""
        if isinstance(self.token_in_file, ConfigError):
            raise self.token_in_file
        has_changed = self.token != self.token_in_file
        self.token = self.token_in_file
        return has_changed

    def now(self) -> float:
        """Give the true API time, epoch seconds."""
        return self._clock.wall() + self._clock_offset

    def add(self, connector: str, rows: Iterable[Row], *, listed_from: float = -math.inf) -> None:
        """Add rows, or a connector that List Connectors shows from `listed_from` (API time) on."""
        self._rows.setdefault(connector, []).extend(rows)
        self._listed_from.setdefault(connector, listed_from)

    def expire(self, before: float) -> None:
        """Forget the rows whose t lies before a time, as an API does that keeps them for so long."""
        for connector, known in self._rows.items():
            self._rows[connector] = [row for row in known if row.t >= before]

    def trouble(
        self,
        error: ApiError | None = None,
        *,
        connector: str | None = None,
        connectors: Iterable[str] = (),
        delay: Seconds = 0.0,
        start: float = -math.inf,
        end: float = math.inf,
        times: float = math.inf,
        on_later_pages: bool = False,
    ) -> None:
        """Answer requests with an error, or late; of several troubles the first that fits is met.

        Args:
            error: Raised instead of a page; ``None``: the page comes after all.
            connector: Whose requests; `LISTING`: those of List Connectors; `singles_of` one: those of its
                single events; ``None``: all.
            connectors: More such connectors.
            delay: Seconds that the answer takes longer.
            start: API time from which on, inclusive.
            end: API time until which, exclusive.
            times: How many requests meet it.
            on_later_pages: Only requests with a page cursor meet it.
        """
        meant = {*connectors, *([] if connector is None else [connector])}
        self._troubles.append(
            _Trouble(error, frozenset(meant) or None, delay, start, end, times, on_later_pages)
        )

    def hang(self, connector: str, *, timeout: Seconds = 30.0, times: float = math.inf) -> None:
        """Let a connector's requests run into the client's time limit."""
        error = TransportError(f"connector {connector}: no answer within {timeout:g}s", timed_out=True)
        self.trouble(error, connector=connector, delay=timeout, times=times)

    def refuse_token(self, error: AuthError) -> None:
        """Answer all requests with an error that are sent with the present token."""
        self._refused_tokens[self.token] = error

    def vanish(
        self, connector: str, *, start: float, end: float = math.inf, is_listed_only: bool = False
    ) -> None:
        """Neither list a connector nor know it from `start` to `end` (API time, half open).

        Args:
            connector: Which.
            start: Inclusive.
            end: Exclusive.
            is_listed_only: It is only not listed; its events are there as ever.
        """
        self._absent[connector] = (start, end)
        if is_listed_only:
            return
        error = ConnectorGoneError(f"connector {connector}: the API does not know it", status=404)
        self.trouble(error, connector=connector, start=start, end=end)

    def silence(self, connector: str, *, start: float, end: float = math.inf) -> None:
        """List a connector with a heartbeat, every ten seconds, that stands still from `start` to `end`."""
        self._silences[connector] = (start, end)

    async def list_connectors(self, account: str, purpose: Purpose = Purpose.LIVE) -> list[Connector]:
        """List the connectors that are known by now; see `tailer.interfaces.EventApi`."""
        sent = await self._send(LISTING, None, purpose)
        now = self.now()
        self.listings.append(now)
        self._answer(LISTING, sent)
        return [
            Connector(account, connector, last_heartbeat=self._heartbeat(connector, now))
            for connector in self._rows
            if account == self.account and self._is_listed(connector, now)
        ]

    async def list_events(
        self,
        account: str,
        connector: str,
        request: EventsRequest,
        purpose: Purpose = Purpose.LIVE,
        until: float = math.inf,
    ) -> Page:
        """Give a page of what is visible now; see `tailer.interfaces.EventApi`."""
        self._in_flight[connector] += 1
        self.most_in_flight[connector] = max(self.most_in_flight[connector], self._in_flight[connector])
        self.most_at_once = max(self.most_at_once, self._in_flight.total())
        try:
            sent = await self._send(connector, request, purpose, until)
            if account != self.account or connector not in self._rows:
                raise ConnectorGoneError(f"connector {connector}: the API does not know it", status=404)
            page = self._page(connector, request)
            self._answer(connector, sent)
            return page
        finally:
            self._in_flight[connector] -= 1

    async def get_event(self, account: str, connector: str, key: Key, purpose: Purpose) -> Payload:
        """Give what is told of one event; see `tailer.interfaces.EventApi`."""
        subject = singles_of(connector)
        self._in_flight[subject] += 1
        self.most_in_flight[subject] = max(self.most_in_flight[subject], self._in_flight[subject])
        self.most_at_once = max(self.most_at_once, self._in_flight.total())
        self.fetched.append(Fetched(self.now(), connector, key, purpose))
        try:
            sent = await self._send(subject, None, purpose)
            known = self._rows.get(connector, []) if account == self.account else []
            row = next((row for row in known if (row.t, row.n) == key and row.seen_from <= self.now()), None)
            if row is None:
                raise EventGoneError(f"connector {connector}: the API does not know event {key}", status=404)
            self._answer(subject, sent)
            return row.payload
        finally:
            self._in_flight[subject] -= 1

    def _heartbeat(self, connector: str, now: float) -> str | None:
        if connector not in self._silences:
            return None
        start, end = self._silences[connector]
        at = start if start <= now < end else now
        return datetime.fromtimestamp(at // 10 * 10, UTC).isoformat()

    def _is_listed(self, connector: str, now: float) -> bool:
        start, end = self._absent.get(connector, (math.inf, math.inf))
        return self._listed_from.get(connector, -math.inf) <= now and not start <= now < end

    async def _send(
        self, connector: str, request: EventsRequest | None, purpose: Purpose, until: float = math.inf
    ) -> float:
        """Wait as the budget and the network want; raise what was scripted. Gives the time of sending."""
        sent = await self._gate.enter(connector, purpose, self._clock, until)
        self.counters.count(purpose)
        now = self.now()
        token = self.token
        if request is not None:
            self.asked.append(Asked(now, connector, request, purpose))
        is_later_page = request is not None and request.cursor is not None
        fitting = (one for one in self._troubles if one.meets(connector, now, is_later_page=is_later_page))
        trouble = next(fitting, None)
        if trouble is not None:
            trouble.times -= 1
        try:
            await self._clock.sleep(self._latency + (trouble.delay if trouble else 0.0))
        except BaseException:
            self._lose(sent)
            raise
        if token in self._refused_tokens:
            self._refuse(self._refused_tokens[token], connector, sent)
        if trouble is not None and trouble.error is not None:
            self._refuse(trouble.error, connector, sent)
        return sent

    def _refuse(self, error: ApiError, connector: str, sent: float) -> None:
        now = self._clock.monotonic()
        if isinstance(error, TransportError):
            self._lose(sent)
        elif isinstance(error, RateLimitedError):
            self.counters.throttled += 1
            policy = RatePolicy(remaining=self.remaining)
            self.budget.observe(sent, policy, now)
            error.is_own = self.budget.refuse(
                connector, error.retry_after, sent, now, has_quota=self.budget.has_quota(policy)
            )
            self._gate.stir(self._clock)
        else:
            self._learn(connector, sent)
        raise error.with_traceback(None)

    def _lose(self, sent: float) -> None:
        self.budget.failed(sent, self._clock.monotonic())
        self._gate.stir(self._clock)

    def _learn(self, connector: str, sent: float) -> None:
        self.budget.observe(sent, None, self._clock.monotonic())
        self.budget.suspects.answered(connector, sent)
        self.budget.succeeded(sent)
        self._gate.stir(self._clock)

    def _answer(self, connector: str, sent: float) -> None:
        self._learn(connector, sent)
        self.api_time.observe(math.floor(self.now()), sent, self._clock.monotonic())

    def _page(self, connector: str, request: EventsRequest) -> Page:
        now = self.now()
        rows = [row for row in self._rows[connector] if self._is_asked(row, request, now)]
        rows.sort(key=lambda row: (row.t, row.n), reverse=self._newest_first)
        size = min(self._page_rows, request.limit or self._page_rows)
        begin = int(request.cursor or 0)
        end = begin + size
        cursor = str(end - min(self._overlap, size - 1)) if end < len(rows) else None
        events = [row.event() for row in rows[begin:end]]
        return Page(events, len(events), cursor, float(math.floor(now)))

    def _is_asked(self, row: Row, request: EventsRequest, now: float) -> bool:
        if row.seen_from > now or request.kind not in {None, row.k}:
            return False
        collected = row.seen_from if row.a is None else row.a
        return request.start <= (row.t if self._filter_by == "t" else collected) <= request.end
