"""One connector's book: which of its events are journaled, how far it was read, and what waits in between.

What the book says (keys, checkpoints) changes only after the journal has made a commit durable, so that a
failure at any point leaves both as they were.

Events that wait for their details are not journaled yet, and neither is the progress that vouches for them
(`tailer.core.withheld`). So there are two checkpoints: `checkpoint` is durable, `read` is what was read, and
what the next read is planned by. Once nothing waits they are one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import anyio
import msgspec

from tailer.core.advance import advanced, dropped
from tailer.core.alerts import Derived, derive, merged
from tailer.core.dedupe import Selection
from tailer.core.ladder import Levels
from tailer.core.progress import Checkpoint
from tailer.core.reading import Reading
from tailer.core.spans import Span
from tailer.core.withheld import withheld_for, without
from tailer.interfaces import Commit, Stored
from tailer.model import Connector, Event, Key, Segment, Source
from tailer.pipeline.context import PollContext
from tailer.pipeline.findings import Findings


@dataclass(slots=True, eq=False)
class Waiting:
    """What of one read waits to be journaled.

    Attributes:
        events: By key, at least one; those that are journaled leave it.
        before: Progress before the read.
        began: API time at which the read began.
        is_ordinary: Whether it tells how late events become visible.
    """

    events: dict[Key, Event]
    before: Checkpoint
    began: float
    is_ordinary: bool


class Book:
    """What is known of one connector's events.

    Args:
        context: Shared by the principal's pollers.
        connector: Whose events; replaced when its notes change.
        stored: Its checkpoint and keys as the journal gave them; the keys are owned from now on.

    Attributes:
        connector: Whose events.
        checkpoint: Durable progress.
        read: Progress as if nothing waited.
        keys: Of what is durable.
        reach: How far back levels read at most, seconds.
        silent_since: Last sign of life of the connector's appliance, if that is silent.
        storing_since: Since when (monotonic) a commit waits for the journal; ``None`` while none does.
    """

    def __init__(self, context: PollContext, connector: Connector, stored: Stored) -> None:
        checkpoint = stored.checkpoint
        levels = context.pacing.ladder.levels(checkpoint.levels, checkpoint.origin)
        self.connector = connector
        self.checkpoint = checkpoint
        self.read = msgspec.structs.replace(checkpoint, levels=levels)
        self.keys = stored.keys
        self.reach = math.inf
        self.silent_since: float | None = None
        self.storing_since: float | None = None
        self._context = context
        self._ref = f"{connector.account}/{connector.id}"
        self._watched_since = context.api_now()
        self._findings = Findings(context.tally, context.observe)
        self._committing = anyio.Lock(fast_acquire=True)  # its requests have let others run
        self._waiting: list[Waiting] = []

    async def enter(
        self,
        choose: Callable[[], Selection],
        reading: Reading,
        levels: Levels,
        began: float,
        *,
        is_ordinary: bool,
    ) -> tuple[Sequence[Event], Waiting | None]:
        """Store what is new and needs no details, and what it proves.

        Args:
            choose: Tells what is new; called when keys can't change any more.
            reading: What was read.
            levels: The levels after it.
            began: API time at which reading began.
            is_ordinary: Whether it tells how late events become visible.

        Returns:
            What is new, and what of it waits.

        Raises:
            JournalError: Nothing was changed.
        """
        async with self._committing:
            before = self.read
            selection = self._unknown(choose())
            new = selection.events
            source = self._source()
            for event in new:
                event.source = source
            waiting = self._waiting_of(new, began, is_ordinary=is_ordinary)
            now = [event for event in new if event.key not in waiting.events] if waiting else new
            through = began - self._context.settle
            after = advanced(before, reading, levels, through=through, newest=before.newest, reach=self.reach)
            after = self._with_events(after, now, is_ordinary=is_ordinary)
            withheld = [withheld_for(part.events.values(), part.before) for part in self._waiting]
            if waiting:
                withheld.append(withheld_for(waiting.events.values(), before))
            await self._commit(after, without(after, withheld), now, began)
            self._waiting += [waiting] if waiting else []
            self._context.tally.duplicates += selection.duplicates
            self._findings.tell_changed(self.connector, selection.changed)
            self._findings.tell_gaps(self.connector, before, after)
        return new, waiting

    async def settle(self, waiting: Waiting, events: Collection[Event]) -> None:
        """Store events that have waited, with what they have got or without, and what they prove.

        Args:
            waiting: As `enter` gave it.
            events: Of these, at least one; none is settled twice.

        Raises:
            JournalError: Nothing was changed.
        """
        async with self._committing:
            settled = sorted(events, key=lambda event: event.key)
            keys = {event.key for event in settled}
            after = self._with_events(self.read, settled, is_ordinary=waiting.is_ordinary)
            left = {key: event for key, event in waiting.events.items() if key not in keys}
            parts = [(part, left if part is waiting else part.events) for part in self._waiting]
            withheld = [withheld_for(kept.values(), part.before) for part, kept in parts if kept]
            await self._commit(after, without(after, withheld), settled, waiting.began)
            waiting.events = left
            self._waiting = [part for part in self._waiting if part.events]
        self._context.board.advance(self._ref, self.checkpoint.through)

    async def drop(self, spans: Iterable[Span]) -> None:
        """Give up what of `spans` is still to be read; durable on return. May be called while it is polled.

        Raises:
            JournalError: Nothing was changed.
        """
        async with self._committing:
            before = self.read
            after = dropped(before, spans)
            if after == before:
                return
            withheld = [withheld_for(part.events.values(), part.before) for part in self._waiting]
            durable = without(after, withheld)
            await self._store(durable, None)
            await self._context.room.store(self._context.journal.flush)
            self.read, self.checkpoint = after, durable
            self._findings.tell_gaps(self.connector, before, after)

    def forget_keys(self, floor: float) -> None:
        """Drop keys that no later read can bring again.

        Args:
            floor: The checkpoint's floor as it was when the journal last made everything durable.
        """
        self.keys.forget(floor, self.checkpoint.gap_spans)

    def _unknown(self, selection: Selection) -> Selection:
        """Leave out what waits to be journaled: later reads bring it again, as all that was read before."""
        known = {key: event for part in self._waiting for key, event in part.events.items()}
        if not known:
            return selection
        again = [event for event in selection.events if event.key in known]
        return Selection(
            [event for event in selection.events if event.key not in known],
            selection.duplicates + len(again),
            [*selection.changed, *(event for event in again if event.k != known[event.key].k)],
        )

    def _waiting_of(self, events: Iterable[Event], began: float, *, is_ordinary: bool) -> Waiting | None:
        details = self._context.details
        if details is None:
            return None
        waiting = {event.key: event for event in events if details.wish(event)}
        return Waiting(waiting, self.read, began, is_ordinary) if waiting else None

    def _with_events(
        self, checkpoint: Checkpoint, events: Sequence[Event], *, is_ordinary: bool
    ) -> Checkpoint:
        """Return a checkpoint that tells of events that are journaled with it."""
        if not events:
            return checkpoint
        newest, lateness = checkpoint.newest, checkpoint.lateness
        if newest is None or events[-1].key > newest:
            newest = events[-1].key
        if is_ordinary:
            seen_at = self._context.api_now()
            lateness = lateness.with_events(events, seen_at=seen_at, since=self._watched_since)
        return msgspec.structs.replace(checkpoint, newest=newest, lateness=lateness)

    async def _commit(
        self, after: Checkpoint, durable: Checkpoint, events: Sequence[Event], began: float
    ) -> None:
        """Store events, all of one read, with what may be durable; note both, and what was read.

        What is derived from them is stored with them, and with what it is derived from.
        """
        derived = self._derive(events, durable.through)
        after, durable = (msgspec.structs.replace(one, alerts=derived.state) for one in (after, durable))
        segment = None
        if events or derived.events:
            source = events[0].source if events else self._source()
            segment = Segment(source, merged(events, derived.events, source), began, durable.through)
        if segment is not None or durable != self.checkpoint:
            await self._store(durable, segment)
            self.keys.add(events, began)
        self.read, self.checkpoint = after, durable
        self._context.tally.events += len(events)
        self._findings.tell_derived(self.connector, derived.events)

    def _derive(self, events: Sequence[Event], through: float) -> Derived:
        rules = self._context.alerts
        return derive(self.checkpoint.alerts, rules, events, through=through, silent_since=self.silent_since)

    async def _store(self, checkpoint: Checkpoint, segment: Segment | None) -> None:
        context, connector = self._context, self.connector
        commit = Commit(
            connector.account, connector.id, checkpoint, segment, connector.name, connector.serial
        )
        self.storing_since = context.clock.monotonic()
        try:
            await context.room.store(partial(context.journal.commit, context.claim, commit))
        finally:
            self.storing_since = None

    def _source(self) -> Source:
        connector = self.connector
        return Source(
            connector.account, connector.id, connector.name, connector.serial, self._context.clock.wall()
        )
