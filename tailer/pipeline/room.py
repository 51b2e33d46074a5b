"""Patience with a journal that is full: what can't be stored now is kept and stored later.

1. The journal is full as long as somebody waits to store something.
2. While it is, no poll begins: what the API has not been asked for, it keeps, and no request is spent on what
   could not be stored. Polls that had begun wait with what they have read.
3. Whoever waits tries again after `RETRY_AFTER`, and at once when another one got through.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

from tailer.clock import Clock
from tailer.core.durations import Seconds
from tailer.errors import JournalFullError
from tailer.observe import JournalCleared, JournalFilled, Observer
from tailer.pipeline.signal import Signal

RETRY_AFTER: Seconds = 10.0
"""Seconds between two tries: room is made by sinks or by people, and neither is fast."""

REMIND_AFTER: Seconds = 300.0
"""Seconds between two reports while the journal stays full."""


class Room:
    """The room in one journal, as all who store in it share it.

    Args:
        clock: Time.
        observe: Told when the journal is full, from time to time while it stays so, and when it is over.
    """

    def __init__(self, clock: Clock, observe: Observer) -> None:
        self._clock = clock
        self._observe = observe
        self._waiting = 0
        self._full_since = math.nan
        self._told_at = -math.inf
        self._changed = Signal()

    @property
    def full_since(self) -> float | None:
        """Monotonic time since when the journal is full, ``None`` when it is not."""
        return self._full_since if self._waiting else None

    async def wait(self) -> None:
        """Return when the journal is not full."""
        while self._waiting:
            await self._changed.wait()

    async def store(self, store: Callable[[], Awaitable[None]]) -> None:
        """Call `store` until the journal has room for it; every other `JournalError` is raised."""
        try:
            await store()
        except JournalFullError as error:
            self._begin(error)
            await self._wait_and_store(store)

    async def _wait_and_store(self, store: Callable[[], Awaitable[None]]) -> None:
        is_stored = False
        try:
            while not is_stored:
                await self._changed.wait(RETRY_AFTER)
                try:
                    await store()
                except JournalFullError as error:
                    self._tell(error)
                else:
                    is_stored = True
        finally:
            self._waiting -= 1
            self._changed.notify()
        if not self._waiting:
            self._observe(JournalCleared(self._clock.monotonic() - self._full_since))

    def _begin(self, error: JournalFullError) -> None:
        if not self._waiting:
            self._full_since = self._clock.monotonic()
            self._told_at = -math.inf
        self._waiting += 1
        self._tell(error)

    def _tell(self, error: JournalFullError) -> None:
        now = self._clock.monotonic()
        if now - self._told_at >= REMIND_AFTER:
            self._told_at = now
            self._observe(JournalFilled(RETRY_AFTER, str(error)))
