"""Gets events into one sink: insists while it is away, sets aside what it will never take.

Rules:

1. Every event ends in one of two ways: the sink accepts it, or it is set aside with the reason. What was set
   aside is durable before the place of its reader moves on; so a crash never loses it, but may repeat it.
2. A sink that is away is tried again for ever with the same events; nobody else waits for it. So are the
   dead letters, when their disk is full: an event that can't be set aside is not given up.
3. If a sink can't tell which events it rejects, the batch is halved until they are alone: k of n events cost
   about 2k·log2(n/k) writes, and all others still arrive in order. Where nothing was written there is nothing
   to commit before the next write, so many that are rejected one by one share a commit.
4. Where nothing durable can take dead letters (the journal is in memory), they are counted and reported.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeAlias, TypeVar

from tailer.clock import Clock
from tailer.core.backoff import backoff
from tailer.core.durations import Seconds
from tailer.core.reasons import tidy
from tailer.errors import SinkError, SinkMovedError, SinkRejectedError, SinkUnavailableError
from tailer.interfaces import DeadLetter, DeadLetters, Resume, Sink, WatermarkSink
from tailer.model import Batch, Event, Watermark
from tailer.observe import EventsSetAside, Observer, SinkFailed, SinkRecovered

T = TypeVar("T")

FIRST_DELAY: Seconds = 0.5
"""Upper bound of the first wait for a sink that is away."""

DELAY_CAP: Seconds = 30.0
"""Upper bound of all later ones: a counterpart that is back should not wait longer for its backlog. Only what
the counterpart itself asks for may be longer, and then nothing waits for it at the end."""

LAST_TRIES = 3
"""Tries of one batch when nothing follows; what a dead sink has not taken stays where it is."""

TELL_EVERY: Seconds = 10.0
"""Shortest time between two reports while a batch is being halved: thousands may be rejected one by one."""


class Part(NamedTuple):
    """What became of some events that were handed over together.

    Attributes:
        events: In their order, next to each other in the batch.
        rejected: The reasons of those that the sink will never take, by index in `events`; it has all others.
        state: The sink's state to commit.
        is_last: Nothing of the batch follows.
    """

    events: Sequence[Event]
    rejected: Mapping[int, str]
    state: bytes | None
    is_last: bool


Settle: TypeAlias = Callable[[Part], Awaitable[None]]
"""Makes a part's fate durable."""


@dataclass(kw_only=True, slots=True)
class Handover:
    """The way into one sink.

    Args:
        name: The sink's.
        sink: Not opened yet.
        commit: Makes the sink's state durable, with the present place of whatever reads for it.
        dead: Where rejected events go; ``None``: nowhere, they are counted and reported.
        is_ending: Tells whether nothing follows, so that insisting must end.
        clock: For the waits.
        observe: Is told of failures, recoveries and what was set aside.
        random: Gives numbers in [0, 1) that spread the waits.

    Attributes:
        accepted: Events that the sink has taken.
        set_aside: Events that it never will.
        error: Why it takes nothing at present.
        failures: Failed tries in a row.
        failing_since: Monotonic time of the first of them.
        state: The sink's own state after the last part.
    """

    name: str
    sink: Sink
    commit: Callable[[bytes | None], Awaitable[None]]
    dead: DeadLetters | None
    is_ending: Callable[[], bool]
    clock: Clock
    observe: Observer
    random: Callable[[], float]
    accepted: int = 0
    set_aside: int = 0
    error: SinkUnavailableError | None = None
    state: bytes | None = None
    failures: int = 0
    failing_since: float | None = None
    _untold: int = 0
    _reason: str = ""
    _told_at: float = float("-inf")

    async def open(self, resume: Resume) -> bytes | None:
        """Open the sink, however long it takes; return the state to commit before the first `write`.

        Raises:
            SinkUnavailableError: Nothing follows, and the sink did not come back in `LAST_TRIES` tries.
        """
        self.state = await self._insist(partial(self.sink.open, resume))
        return self.state

    async def write(self, events: Sequence[Event], settle: Settle, *, is_first: bool = True) -> None:
        """Write events until each is accepted or set aside.

        Args:
            events: At least one.
            settle: Called after each part, in order; what is set aside is durable by then.
            is_first: These have not been rejected before, so those that are count as `set_aside`.

        Raises:
            SinkUnavailableError: As `open` says.
            SinkClosedError: Nobody reads this sink any more.
            SinkError: The sink breaks its contract.
        """
        waiting = [events]
        held: list[Part] = []
        try:
            while waiting:
                part = await self._try(waiting)
                if part is None:
                    continue
                held.append(part)
                if part.is_last or len(part.rejected) < len(part.events):
                    await self._settle(_joined(held), settle, is_first=is_first)
                    held = []
        finally:
            self._tell()

    async def mark(self, watermarks: Sequence[Watermark]) -> bytes | None:
        """Pass watermarks on, however long it takes; return the state to commit before the next `write`.

        Raises:
            SinkUnavailableError: As `open` says.
            SinkClosedError: Nobody reads this sink any more.
        """
        if isinstance(self.sink, WatermarkSink):
            self.state = await self._insist(partial(self._send, partial(self.sink.mark, watermarks)))
        return self.state

    async def dead_letters(self) -> list[DeadLetter]:
        """Give those of this sink."""
        if self.dead is None:
            return []
        letters = await self._insist(self.dead.read)
        return [letter for letter in letters if letter.sink == self.name]

    async def forget(self, ids: Collection[str]) -> None:
        """Drop dead letters that the sink has taken at last."""
        if self.dead is not None:
            await self._insist(partial(self.dead.remove, self.name, ids))

    async def _try(self, waiting: list[Sequence[Event]]) -> Part | None:
        """Write the first of what waits; ``None``: its halves wait in its place."""
        events = waiting.pop()
        rejected: dict[int, str] = {}
        try:
            self.state = await self._insist(partial(self._send, partial(self.sink.write, Batch(events))))
        except SinkRejectedError as error:
            self._recover()
            if not error.rejected and len(events) > 1:
                middle = len(events) // 2
                waiting += [events[middle:], events[:middle]]
                return None
            if error.rejected:
                self.state = error.state
            reasons = error.rejected or {0: str(error)}
            self._check(reasons, events)
            rejected = {index: tidy(reason) for index, reason in sorted(reasons.items())}
        return Part(events, rejected, self.state, not waiting)

    async def _send(self, send: Callable[[], Awaitable[bytes | None]]) -> bytes | None:
        """Write something; if the sink has moved, commit where to and write it there."""
        while True:
            try:
                return await send()
            except SinkMovedError as moved:
                self.state = moved.state
                await self.commit(moved.state)

    def _check(self, rejected: Mapping[int, str], events: Sequence[Event]) -> None:
        unknown = [index for index in rejected if not 0 <= index < len(events)]
        if unknown:
            raise SinkError(
                f"Sink {self.name!r} rejected event {unknown[0]} of a batch of {len(events)}: a mistake of"
                " the sink, tell its authors; the batch is kept"
            )

    async def _settle(self, part: Part, settle: Settle, *, is_first: bool) -> None:
        if part.rejected:
            await self._set_aside(part)
            self.set_aside += len(part.rejected) if is_first else 0
            self._tell(at_most_every=TELL_EVERY)
        self.accepted += len(part.events) - len(part.rejected)
        await settle(part)

    async def _set_aside(self, part: Part) -> None:
        now = self.clock.wall()
        letters = [
            DeadLetter(self.name, part.events[index], reason, now) for index, reason in part.rejected.items()
        ]
        if self.dead is not None:
            await self._insist(partial(self.dead.add, letters))
        self._untold += len(letters)
        self._reason = letters[-1].reason

    def _tell(self, *, at_most_every: Seconds = 0.0) -> None:
        now = self.clock.monotonic()
        if self._untold and now - self._told_at >= at_most_every:
            where = None if self.dead is None else self.dead.where
            self.observe(EventsSetAside(self.name, self._untold, where, self._reason))
            self._untold, self._told_at = 0, now

    async def _insist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until it works; return what it gives."""
        while True:
            try:
                result = await attempt()
            except SinkUnavailableError as error:
                await self._back_off(error)
            else:
                self._recover()
                return result

    async def _back_off(self, error: SinkUnavailableError) -> None:
        self.failures += 1
        self.error = error
        if self.failing_since is None:
            self.failing_since = self.clock.monotonic()
        delay = max(error.retry_after, backoff(self.failures, FIRST_DELAY, DELAY_CAP, self.random()))
        if self.is_ending() and (self.failures >= LAST_TRIES or delay > DELAY_CAP):
            raise error
        self.observe(SinkFailed(self.name, self.failures, delay, str(error)))
        # A counterpart may ask for an hour: in portions, for the end need not wait for it.
        while delay > 0:
            portion = min(delay, DELAY_CAP)
            await self.clock.sleep(portion)
            delay -= portion
            if delay > 0 and self.is_ending():
                raise error

    def _recover(self) -> None:
        if self.failures:
            self.observe(SinkRecovered(self.name, self.failures))
        self.failures, self.error, self.failing_since = 0, None, None


def _joined(parts: Sequence[Part]) -> Part:
    """Put parts that follow each other into one."""
    if len(parts) == 1:
        return parts[0]
    events: list[Event] = []
    rejected: dict[int, str] = {}
    for part in parts:
        rejected.update((len(events) + index, reason) for index, reason in part.rejected.items())
        events += part.events
    return Part(events, rejected, parts[-1].state, parts[-1].is_last)
