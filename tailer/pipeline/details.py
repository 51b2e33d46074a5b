"""The desk where events wait for their details: fetched a few at a time, and journaled at a deadline at last.

1. An event waits at most `wait` seconds after its read; then it is journaled without. It is journaled as soon
   as its details are there, or as it is clear that they won't come: the API doesn't know it, or failed.
2. `IN_FLIGHT` requests of each purpose are under way at once, beside those of polls, which never wait for
   them. The budget lets the purposes pass in their order.
3. What was read last is asked for first. Where more is wished for than the budget allows, that gives the
   details of as many events as it does, at once; otherwise all would be asked for at their deadline.
4. Where a closed span is swept, nobody waits for an event: its poll waits instead, for as long as it takes.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection

import anyio
from anyio.abc import TaskGroup

from tailer.clock import Clock
from tailer.core.details import MAX_BYTES, DetailsWish, is_kept
from tailer.core.durations import Seconds, format_duration
from tailer.core.purpose import Purpose
from tailer.core.sizes import format_size
from tailer.errors import ApiError, RateLimitedError
from tailer.interfaces import EventApi
from tailer.model import Event, Payload
from tailer.observe import DetailsMissed, Observer
from tailer.pipeline.signal import Signal
from tailer.pipeline.tally import Tally

IN_FLIGHT = 2
"""Requests of each purpose at once: at half a second each a whole budget's four a second."""

TRIES = 2
"""How often the details of one event are asked for if each time the principal is told to slow down."""

TELL_EVERY: Seconds = 60.0
"""Seconds between two reports of missed details: they may be missing for many events, for one reason."""

SETTLE_EVERY: Seconds = 1.0
"""Seconds between two commits of one sweep's read, which may have thousands of events to wait for."""

_SLACK = 64  # events that wait no more and are not worth being looked for

Settle = Callable[[Collection[Event]], Awaitable[None]]
"""Makes events durable as they are, with their details or without."""


class _Party:
    """The events of one read that wait.

    Attributes:
        left: Those that are neither ready nor journaled.
        ready: Those that need not wait any longer.
        changed: Whenever one becomes ready.
        deadline: When the others don't wait any longer (monotonic).
    """

    def __init__(self, events: Collection[Event], deadline: float) -> None:
        self.left = {id(event): event for event in events}
        self.ready: list[Event] = []
        self.changed = Signal()
        self.deadline = deadline

    def end(self, event: Event) -> None:
        """Have an event journaled as it is, unless it was already."""
        if self.left.pop(id(event), None) is not None:
            self.ready.append(event)
            self.changed.notify()

    def end_all(self) -> None:
        """Have all be journaled as they are."""
        for event in [*self.left.values()]:
            self.end(event)


class DetailsDesk:
    """Fetches details for the pollers of one client.

    Args:
        client: Sends the requests, within the budget.
        wish: Tells which events wait.
        wait: Longest wait of one event, seconds; ``None``: a closed span is swept (rule 4).
        clock: Monotonic time.
        tally: Counts what came and what did not.
        observe: Told what did not come.
    """

    def __init__(
        self,
        client: EventApi,
        wish: DetailsWish,
        *,
        wait: Seconds | None,
        clock: Clock,
        tally: Tally,
        observe: Observer,
    ) -> None:
        self.wish = wish
        self._client = client
        self._wait = wait
        self._clock = clock
        self._tally = tally
        self._observe = observe
        self._stacks: dict[Purpose, list[tuple[_Party, Event]]] = {
            Purpose.ERROR_DETAIL: [],
            Purpose.DETAIL: [],
        }
        self._asked = Signal()
        self._group: TaskGroup | None = None
        self._parties: set[_Party] = set()
        self._emptied = Signal()
        self._missed = 0
        self._told_at = -math.inf

    @property
    def waiting(self) -> int:
        """Events that wait at present."""
        return sum(len(party.left) for party in self._parties)

    @property
    def longest_wait(self) -> Seconds:
        """How much later than others an event may come that waits."""
        return math.inf if self._wait is None else self._wait

    def start(self, group: TaskGroup) -> None:
        """Work in a task group from now on."""
        self._group = group
        for purpose in self._stacks:
            for _ in range(IN_FLIGHT):
                group.start_soon(self._work, purpose)

    async def take(self, events: Collection[Event], settle: Settle) -> None:
        """Have events of one read wait; returns at once, in a sweep when all are durable.

        Args:
            events: Their sources are set; at least one.
            settle: Called with each of them once, a few at a time; what it raises breaks the task group off.
        """
        wait = self.longest_wait
        party = _Party(events, self._clock.monotonic() + wait)
        self._parties.add(party)
        for event in sorted(events, key=lambda event: event.key, reverse=True):
            self._stacks[self.wish.purpose_of(event)].append((party, event))
        self._clear()
        self._asked.notify()
        if self._wait is None or self._group is None:
            await self._attend(party, settle)
        else:
            self._group.start_soon(self._attend, party, settle)

    async def finished(self) -> None:
        """Return when nothing waits."""
        while self._parties:
            await self._emptied.wait()

    def _clear(self) -> None:
        """Let go of events that wait no more, once they are most of what is remembered."""
        if sum(map(len, self._stacks.values())) > 2 * self.waiting + _SLACK:
            for stack in self._stacks.values():
                stack[:] = [(party, event) for party, event in stack if id(event) in party.left]

    async def _attend(self, party: _Party, settle: Settle) -> None:
        """Have a party's events journaled as they become ready, or all at the deadline."""
        try:
            while party.left or party.ready:
                left = party.deadline - self._clock.monotonic()
                if not party.ready and left > 0:
                    await party.changed.wait(None if math.isinf(left) else left)
                if self._clock.monotonic() >= party.deadline and party.left:
                    late = format_duration(self.longest_wait)
                    self._miss(party, [*party.left.values()], f"nothing came within {late}")
                ready, party.ready = party.ready, []
                if ready:
                    await settle(ready)
                if self._wait is None and party.left:
                    await self._clock.sleep(SETTLE_EVERY)
        finally:
            self._parties.discard(party)
            self._emptied.notify()

    async def _work(self, purpose: Purpose) -> None:
        """Fetch details of one purpose for ever."""
        stack = self._stacks[purpose]
        while True:
            while not stack:
                await self._asked.wait()
            party, event = stack.pop()
            if id(event) not in party.left:
                continue
            left = party.deadline - self._clock.monotonic()
            with anyio.move_on_after(None if math.isinf(left) else left):
                await self._serve(party, event, purpose)

    async def _serve(self, party: _Party, event: Event, purpose: Purpose) -> None:
        """Fetch one event's details, or find that they won't come."""
        try:
            payload = await self._fetch(event, purpose)
        except ApiError as error:
            self._miss(party, [event], str(error))
            return
        if id(event) not in party.left:
            return
        if not is_kept(payload):
            self._miss(party, [event], f"they are larger than {format_size(MAX_BYTES)}, or nested too deeply")
            return
        event.e = payload
        self._tally.details += 1
        party.end(event)

    async def _fetch(self, event: Event, purpose: Purpose) -> Payload:
        tries = 0
        while True:
            try:
                return await self._client.get_event(event.account, event.connector, event.key, purpose)
            except RateLimitedError as error:
                tries += 1
                if error.is_own or tries == TRIES:
                    raise

    def _miss(self, party: _Party, events: Collection[Event], reason: str) -> None:
        """Have events journaled without details; tell of it now and then."""
        for event in events:
            party.end(event)
        self._tally.details_missed += len(events)
        self._missed += len(events)
        now = self._clock.monotonic()
        if now - self._told_at >= TELL_EVERY:
            example = next(iter(events))
            self._observe(DetailsMissed(example.connector, example.name, self._missed, reason))
            self._missed, self._told_at = 0, now
