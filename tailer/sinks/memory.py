"""Keeps events in memory: for tests, and for code that looks at what a pipeline delivers."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from tailer.errors import SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Event
from tailer.sinks.options import SinkContext


class MemorySink:
    """A list of events with a limit, for tests; nothing is remembered across restarts.

    Args:
        config: See `Config`.
        context: Where the sink lives.
    """

    class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Options.

        Attributes:
            capacity: Most events held; a batch beyond it is refused until `take` has made room. 100,000
                take about 20 MB.
        """

        capacity: Annotated[int, Meta(ge=1)] = 100_000

    def __init__(self, config: Config, context: SinkContext) -> None:
        self._capacity = config.capacity
        self._name = context.name
        self.events: list[Event] = []

    def take(self) -> list[Event]:
        """Give the events held, and let go of them."""
        events, self.events = self.events, []
        return events

    async def check(self) -> str:
        """Say how much it holds."""
        return f"holds up to {self._capacity} events in memory, then waits until they are taken"

    async def open(self, resume: Resume) -> bytes | None:  # noqa: ARG002 - nothing to resume
        """Do nothing: memory is always there."""
        return None

    async def write(self, batch: Batch) -> bytes | None:
        """Add a batch whole or not at all.

        Raises:
            SinkUnavailableError: It does not fit. One larger than the capacity never will.
        """
        if len(self.events) + len(batch.events) > self._capacity:
            raise SinkUnavailableError(
                f"Sink {self._name!r} holds {len(self.events)} of at most {self._capacity} events and has no"
                f" room for {len(batch.events)} more; take some, or raise its capacity"
            )
        self.events.extend(batch.events)
        return None

    async def close(self) -> None:
        """Keep the events: whoever wanted them may still look."""
