"""Reads of one window against answers that a test makes up."""

from __future__ import annotations

from collections.abc import Callable

from tailer.core.quirks import Quirks
from tailer.core.reading import WindowRead
from tailer.core.spans import Spans
from tailer.model import Event, EventsRequest, Page, Window

NOW = 100_000
DAY = 86_400
WINDOW = Window(NOW - 20, NOW)


def events(*times: float) -> list[Event]:
    """Give an event for each time."""
    return [Event(t, n, "Init", t) for n, t in enumerate(times)]


def page(rows: int = 0, cursor: str | None = None, *, at: int = NOW - 10, date: float | None = NOW) -> Page:
    """Give a page with so many rows of one second."""
    return Page(events(*[at] * rows), rows, cursor, date)


def begin(window: Window = WINDOW, quirks: Quirks | None = None, **options: int | Spans | str) -> WindowRead:
    """Begin to read a window."""
    return WindowRead(window, quirks or Quirks(), now=NOW + 0.5, limit=1000, **options)  # type: ignore[arg-type]


def finish(
    read: WindowRead, answer: Callable[[EventsRequest], Page | None], at_most: int = 300
) -> list[EventsRequest]:
    """Carry a read out against a function; ``None`` refuses."""
    asked: list[EventsRequest] = []
    while (request := read.next_request()) is not None:
        asked.append(request)
        assert len(asked) <= at_most
        answered = answer(request)
        if answered is None:
            read.refuse()
        else:
            read.feed(answered)
    return asked
