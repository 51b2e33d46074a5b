"""Patience with a journal that is full: what can't be stored now is kept and stored later.

Waiting here is what makes polling pause: the API is the buffer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tailer.clock import Clock
from tailer.core.durations import Seconds
from tailer.errors import JournalFullError
from tailer.observe import JournalFilled, Observer

RETRY_AFTER: Seconds = 10.0
"""Seconds between two tries: room is made by sinks or by people, and neither is fast."""


async def until_stored(store: Callable[[], Awaitable[None]], clock: Clock, observe: Observer) -> None:
    """Call `store` until the journal has room for it; every other `JournalError` is raised."""
    while True:
        try:
            return await store()
        except JournalFullError as error:
            observe(JournalFilled(RETRY_AFTER, str(error)))
        await clock.sleep(RETRY_AFTER)
