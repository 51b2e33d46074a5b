"""List Events as a plain function, with every manner that its documentation leaves open."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from hypothesis import strategies as st

from tailer.core.reading import WindowRead
from tailer.model import Event, EventsRequest, Page


class Happening(NamedTuple):
    """An event, and the API time from which on the API shows it."""

    event: Event
    visible_at: float


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How one API behaves.

    Attributes:
        from_inclusive: ``from`` itself belongs to the span.
        to_inclusive: ``to`` itself belongs to the span.
        by_collected: Filters and sorts by `a` instead of `t`.
        order: Of the rows, over all pages.
        cap: Longest page.
        cursors: ``ends``: the last page has none. ``repeats``: it repeats the one before. ``none``: there are
            none.
        has_empty_pages: Every page but the first comes after an empty one.
        cursor_life: Pages after which a cursor is refused.
        counts_total: `count` is of all pages.
        refuses_limit: A limit above `cap` is refused, not lowered.
        refuses_after: A ``to`` later than this after API time is refused; negative: earlier than API time.
        widest: Widest span that is not refused.
        retention: Age in seconds beyond which a ``from`` is refused.
        date_behind: Seconds by which ``Date`` is behind; ``None``: there is no such header.
    """

    from_inclusive: bool = True
    to_inclusive: bool = False
    by_collected: bool = False
    order: Literal["ascending", "descending", "shuffled"] = "ascending"
    cap: int = 100
    cursors: Literal["ends", "repeats", "none"] = "ends"
    has_empty_pages: bool = False
    cursor_life: int | None = None
    counts_total: bool = False
    refuses_limit: bool = False
    refuses_after: float | None = None
    widest: int | None = None
    retention: float | None = None
    date_behind: int | None = 0


class MannerlyApi:
    """An API with a history and manners; its clock moves on with every answer.

    Attributes:
        now: API time.
        requests: All that were asked.
        strays: Numbers of the requests that are refused for no reason.
    """

    def __init__(self, manners: Manners, history: list[Happening], *, now: float, pace: float = 0.0) -> None:
        self.manners = manners
        self.now = now
        self.requests: list[EventsRequest] = []
        self.strays: set[int] = set()
        self._pace = pace
        self._history = sorted(history, key=lambda item: (self.place(item.event), item.event.n))
        self._places = [self.place(item.event) for item in self._history]

    def place(self, event: Event) -> float:
        """Give the time by which spans are chosen."""
        return event.a if self.manners.by_collected else event.t

    def answer(self, request: EventsRequest) -> Page | None:
        """Answer a request; ``None`` is a plain 400."""
        number = len(self.requests)
        self.requests.append(request)
        self.now += self._pace
        if number in self.strays or self._refuses(request):
            return None
        rows = self._rows(request)
        offset, is_empty = self._decoded(request.cursor)
        size = min(self.manners.cap, request.limit or self.manners.cap)
        page = [] if is_empty else rows[offset : offset + size]
        rest = offset + len(page)
        cursor = None
        if rest < len(rows) and self.manners.cursors != "none":
            has_gap = self.manners.has_empty_pages and not is_empty
            cursor = f"{rest}{'e' if has_gap else ''}"
        elif self.manners.cursors == "repeats":
            cursor = request.cursor
        date = None if self.manners.date_behind is None else int(self.now) - self.manners.date_behind
        return Page(page, len(rows) if self.manners.counts_total else len(page), cursor, date)

    def _decoded(self, cursor: str | None) -> tuple[int, bool]:
        if cursor is None:
            return 0, False
        return int(cursor.rstrip("e")), cursor.endswith("e")

    def _refuses(self, request: EventsRequest) -> bool:
        manners = self.manners
        offset, _ = self._decoded(request.cursor)
        return (
            (manners.refuses_limit and request.limit is not None and request.limit > manners.cap)
            or (manners.refuses_after is not None and request.end > self.now + manners.refuses_after)
            or (manners.widest is not None and request.end - request.start > manners.widest)
            or (manners.retention is not None and request.start < self.now - manners.retention)
            or (manners.cursor_life is not None and offset > manners.cursor_life * manners.cap)
        )

    def _rows(self, request: EventsRequest) -> list[Event]:
        manners = self.manners

        first = bisect_left if manners.from_inclusive else bisect_right
        last = bisect_right if manners.to_inclusive else bisect_left
        low, high = first(self._places, request.start), last(self._places, request.end)
        rows = [item.event for item in self._history[low:high] if item.visible_at <= self.now]
        if manners.order == "descending":
            rows.reverse()
        elif manners.order == "shuffled":
            rows.sort(key=lambda event: hash((event.n, event.t)))
        return rows


def read_whole(read: WindowRead, api: MannerlyApi, at_most: int) -> None:
    """Carry a read out; more than `at_most` requests fail the test."""
    for _ in range(at_most + 1):
        request = read.next_request()
        if request is None:
            return
        page = api.answer(request)
        if page is None:
            read.refuse()
        else:
            read.feed(page)
    raise AssertionError(f"still reading after {at_most} requests")


PLEASANT = st.builds(
    Manners,
    from_inclusive=st.booleans(),
    to_inclusive=st.booleans(),
    by_collected=st.booleans(),
    order=st.sampled_from(["ascending", "descending", "shuffled"]),
    cap=st.sampled_from([10, 15, 16, 20, 100]),
    cursors=st.sampled_from(["ends", "repeats", "none"]),
    has_empty_pages=st.booleans(),
    counts_total=st.booleans(),
    date_behind=st.sampled_from([0, 0, None, 1, 7]),
)
"""Manners of an API that refuses nothing."""


@st.composite
def refusing(draw: st.DrawFn) -> Manners:
    """Manners of an API that also refuses what it does not like."""
    pleasant = draw(PLEASANT)
    return replace(
        pleasant,
        cursor_life=draw(st.sampled_from([None, 1, 2])),
        refuses_limit=draw(st.booleans()),
        refuses_after=draw(st.sampled_from([None, 0.0, -30.0])),
        widest=draw(st.sampled_from([None, 70, 100])),
        retention=draw(st.sampled_from([None, 4000.0, 4090.5])),
    )
