"""A part of the journal on its way to one sink once more, between the batches of its delivery.

1. It takes what the sink has had: what lies below the place of its reader when the replay begins. The rest
   comes by itself.
2. Nothing but the sink's own state is committed. The reader's place and what it judges `late` by stay as they
   are; what is sent again comes out of its order, so all of it is marked late.
3. One step is one batch, so that new events wait for no more than that.
4. It has no state of its own that outlives the process: one that is broken off is asked for again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from tailer.core.released import marked_late
from tailer.interfaces import Journal
from tailer.model import Event
from tailer.pipeline.handover import Handover, Part, Settle
from tailer.pipeline.reader import READ_AHEAD, ReaderOptions, fitting


class Replay:
    """One replay; its methods are called by one task at a time.

    Args:
        journal: Open.
        passes: Which events are sent, of those that the journal holds.
        options: How the sink's reader makes batches.
        end: Number of the first event that is not sent again.

    Attributes:
        held_from: API time of the earliest reading that the journal still held; ``None``: it held nothing.
        begin: Number of the first event that was held.
        position: Every event numbered below it was read from the journal.
        end: As given.
        sent: Events that the sink has taken again.
        rejected: Events that it will never take; they are dead letters now.
        is_over: Whether nothing more is sent.
        error: Why it ended before its end.
    """

    def __init__(
        self, journal: Journal, passes: Callable[[Event], bool], options: ReaderOptions, end: int
    ) -> None:
        self.held_from: float | None = None
        self.begin = self.position = 0
        self.end = end
        self.sent = self.rejected = 0
        self.is_over = end == 0
        self.error: str | None = None
        self._journal = journal
        self._passes = passes
        self._options = options
        self._pending: deque[Event] = deque()

    @property
    def seen(self) -> int:
        """Events that were held and are done with: sent, or not to be sent."""
        return max(0, min(self.position, self.end) - self.begin - len(self._pending))

    async def step(self, handover: Handover) -> None:
        """Send one batch, or look through a part of the journal in which nothing is to be sent.

        Args:
            handover: The way into the sink, open.

        Raises:
            SinkError: As `Handover.write` says.
            JournalError: The journal can't be read, or the sink's state could not be committed.
        """
        if len(self._pending) < self._options.max_events and self.position < self.end:
            await self._read()
        if self._pending:
            batch = [self._pending.popleft() for _ in range(self._fitting())]
            await handover.write(marked_late(batch), self._settling(handover))
        if not self._pending and self.position >= self.end:
            self.is_over = True

    def stop(self, reason: str | None = None) -> None:
        """Send nothing more; `reason` tells why if nobody asked for that."""
        if not self.is_over:
            self.is_over, self.error = True, reason

    def _fitting(self) -> int:
        first = [self._pending[at] for at in range(min(len(self._pending), self._options.max_events))]
        return fitting(first, self._options)

    async def _read(self) -> None:
        entries = await self._journal.read(self.position, READ_AHEAD)
        if self.held_from is None and entries:
            self.held_from = min(segment.read_at for segment in entries[0].segments)
            self.begin = min(entries[0].offset, self.end)
        for entry in entries:
            number = entry.offset
            for segment in entry.segments:
                had = segment.events[: max(0, self.end - number)]
                self._pending.extend(event for event in had if self._passes(event))
                number += len(segment.events)
            self.position = number
        if not entries:
            self.position = self.end

    def _settling(self, handover: Handover) -> Settle:
        async def settle(part: Part) -> None:
            await handover.commit(part.state)
            self.rejected += len(part.rejected)
            self.sent += len(part.events) - len(part.rejected)

        return settle
