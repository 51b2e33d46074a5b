"""Answers of List Events as specimens, and what they show of the API's undocumented behaviour.

Every deduction says ``None`` where its specimens can't tell: an order may be chance, a cut may be an end.
Nothing here is used for reading events; polling is right under all of these behaviours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from tailer.core.budget import RatePolicy
from tailer.model import Event

CursorForm: TypeAlias = Literal["absent", "null", "empty", "text"]
Field: TypeAlias = Literal["t", "a"]

ORDER_TIMES = 6
"""Different times that are needed to speak of an order: by chance they are sorted once in 360 times."""


class Specimen(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of List Events.

    Attributes:
        refused: It was a plain 400; all else is empty then.
        events: Its rows, in its order.
        count: What it calls ``count``.
        cursor: Page cursor, ``None`` where there is none to go on with.
        cursor_form: How that was written.
        has_points: Whether a whole number was written with a decimal point.
        rate: What the headers tell of the quota; ``None``: nothing.
    """

    refused: bool = False
    events: tuple[Event, ...] = ()
    count: int = 0
    cursor: str | None = None
    cursor_form: CursorForm = "absent"
    has_points: bool = False
    rate: RatePolicy | None = None


class Walk(NamedTuple):
    """The pages of one window.

    Attributes:
        pages: In turn; at least one.
        is_whole: Whether the last one is the end: without a cursor, or with one that had come before.
        is_repeated: Whether the end was a cursor that had come before.
    """

    pages: Sequence[Specimen]
    is_whole: bool
    is_repeated: bool = False

    @property
    def events(self) -> list[Event]:
        """All rows, in order of arrival."""
        return [event for page in self.pages for event in page.events]


def time_of(event: Event, field: Field) -> int | float:
    """Give one of an event's two times."""
    return event.t if field == "t" else event.a


def find_order(events: Sequence[Event]) -> tuple[Literal["asc", "desc", "shuffled"], Field] | None:
    """Tell how rows are sorted, and by which time; ``None`` when there are too few to tell."""
    if len({event.t for event in events}) < ORDER_TIMES:
        return None
    fields: tuple[Field, Field] = ("t", "a")
    for field in fields:
        times = [time_of(event, field) for event in events]
        if times == sorted(times):
            return "asc", field
        if times == sorted(times, reverse=True):
            return "desc", field
    return "shuffled", "t"


def find_cursor_end(walk: Walk) -> Literal["absent", "null", "empty", "repeated"] | None:
    """Tell what the last page's cursor is, ``None`` when no last page was seen after another one."""
    if len(walk.pages) < 2 or not walk.is_whole:
        return None
    if walk.is_repeated:
        return "repeated"
    form = walk.pages[-1].cursor_form
    return None if form == "text" else form


def find_missing_cursor(first: Specimen, known: int) -> bool | None:
    """Tell whether a page that can't be all has no cursor.

    Args:
        first: First page of a window.
        known: Events that are known to lie in the window.

    Returns:
        ``None`` where the page may well be all there is.
    """
    if len(first.events) >= known:
        return None
    return first.cursor is None


def find_empty_pages(walk: Walk) -> bool | None:
    """Tell whether empty pages come before others that are not; ``None`` for a single page."""
    if len(walk.pages) < 2:
        return None
    last = max((i for i, page in enumerate(walk.pages) if page.events), default=0)
    return any(not page.events for page in walk.pages[:last])


def find_overlap(walk: Walk) -> bool | None:
    """Tell whether rows of one page came again on another; ``None`` for a single page."""
    if len(walk.pages) < 2:
        return None
    return len(walk.events) > len({event.key for event in walk.events})


def find_count(walk: Walk) -> Literal["page", "total", "other"] | None:
    """Tell what ``count`` counts: a page's rows or all of the window's; ``None`` when both are the same."""
    total = len({event.key for event in walk.events})
    parts = [page for page in walk.pages if 0 < len(page.events) < total]
    if not walk.is_whole or not parts:
        return None
    if all(page.count == len(page.events) for page in parts):
        return "page"
    return "total" if all(page.count == total for page in parts) else "other"


def find_bounds(*, has_start: bool, has_end: bool) -> Literal["closed", "open", "half-open", "half-open-end"]:
    """Name the bounds by whether an event exactly at ``from``, and one exactly at ``to``, was given."""
    if has_start:
        return "closed" if has_end else "half-open"
    return "half-open-end" if has_end else "open"


def find_filter(*, by_t: bool, by_a: bool) -> Field | None:
    """Name the time that windows filter on.

    Args:
        by_t: Whether a window around an event's `t`, without its `a`, gave it.
        by_a: Whether a window around its `a`, without its `t`, did.
    """
    if by_t == by_a:
        return None
    return "t" if by_t else "a"


def pick_lagging(events: Sequence[Event]) -> Event | None:
    """Pick the event with the longest way between its two times, ``None`` if a second is not between them."""
    far = max(events, key=lambda event: abs(event.a - event.t), default=None)
    return far if far is not None and abs(far.a - far.t) >= 1 else None


def has_other(events: Sequence[Event], known: Sequence[Event]) -> bool:
    """Tell whether some of `events` are not among those that are known."""
    return not {event.key for event in known}.issuperset(event.key for event in events)


class Search:
    """Finds the highest value that is accepted, by asking as little as possible.

    1. Round values are tried first, the middle one of those that are left, for people choose such limits.
    2. What lies just above the highest of them that was accepted is next: if it is refused, that is it.
    3. Otherwise the rest is halved until it is narrow enough.

    Args:
        accepted: A value that was.
        refused: A higher one that was not.
        round_values: Ascending.
        step: How narrow is narrow enough, at some value.
    """

    def __init__(
        self,
        accepted: float,
        refused: float,
        round_values: Sequence[float],
        step: Callable[[float], float],
    ) -> None:
        self.accepted = accepted
        self.refused = refused
        self._round_values = round_values
        self._step = step

    def next(self) -> float | None:
        """Give the value to try next, ``None`` when it is found."""
        step = self._step(self.accepted)
        if self.refused - self.accepted <= step:
            return None
        left = [value for value in self._round_values if self.accepted < value < self.refused]
        if left:
            return left[len(left) // 2]
        if self.accepted in self._round_values:
            return self.accepted + step
        middle = (self.accepted + self.refused) / 2
        return middle if step < 1 else float(int(middle))

    def learn(self, value: float, *, accepted: bool) -> None:
        """Take the answer to a value that `next` gave."""
        if accepted:
            self.accepted = value
        else:
            self.refused = value

    def roundest(self, units: Sequence[float]) -> float:
        """Give the roundest value from the accepted one up to the refused one, that one not included.

        Args:
            units: What makes a value round: a multiple of an earlier one is rounder.
        """
        for unit in units:
            multiple = -(-self.accepted // unit) * unit
            if self.accepted <= multiple < self.refused:
                return multiple
        return self.accepted
