"""List Events as a pure function: a question's parameters and a shelf in, one page or a refusal out.

1. Rows are brought in the asked order over the whole window; each row has a rank that grows in that order.
2. A cursor holds the rank of the last row given, so that what becomes visible meanwhile neither repeats nor
   hides a row of a later page. With ``shifting_pages`` it holds a bare offset, and both happen.
   With ``overlapping_pages`` the last third of a page is given again at the beginning of the next.
3. A cursor is bound to the window and the kind it was made for.
4. The cursor after the last page has one of four forms. The repeated one is the request's own.
"""

import base64
import binascii
import math
import zlib
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from tailer.simulator.answers import EventPage
from tailer.simulator.options import SimulatorOptions
from tailer.simulator.shelf import Event, Position, Shelf
from tailer.simulator.stories import KINDS

Rank: TypeAlias = tuple[float, float, float]
"""Sorts ascending in the order of the pages, whatever that order is."""


class RefusedError(Exception):
    """The question is answered with a plain 400; the text is its message."""


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """What stands behind the opaque text.

    Attributes:
        start: ``from`` of its window.
        end: ``to`` of its window.
        kind: ``k`` of its question.
        issued_at: When its first page was given.
        after: Rank of the last row given, or ``None`` at the very beginning.
        offset: Rows given before it.
        is_hollow: The page before it was an empty one.
    """

    start: float
    end: float
    kind: str | None
    issued_at: float
    after: Rank | None = None
    offset: int = 0
    is_hollow: bool = False

    def written(self) -> str:
        """The opaque text."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One request for List Events.

    Attributes:
        start: ``from``, epoch seconds.
        end: ``to``, epoch seconds.
        limit: The most rows of the page, already within the server's bounds.
        kind: ``k``, or ``None`` for all.
        cursor: Where to go on; at the very beginning where none was sent.
        cursor_text: The cursor as it was sent, empty where none was.
    """

    start: float
    end: float
    limit: int
    kind: str | None
    cursor: Cursor
    cursor_text: str


def read_question(query: Mapping[str, str], options: SimulatorOptions, now: float) -> Question:
    """Read and check the parameters.

    Raises:
        RefusedError: Something is missing, malformed or, by the options, not liked.
    """
    start, end = _number(query, "from"), _number(query, "to")
    if start > end:
        raise RefusedError("invalid time range")
    if options.max_width is not None and end - start > options.max_width:
        raise RefusedError("time range is too wide")
    if options.refuse_future and end > now:
        raise RefusedError("invalid time range")
    if options.retention is not None and start < now - options.retention:
        if options.over_retention == "refuse":
            raise RefusedError("invalid time range")
        start = now - options.retention
    kind = query.get("k")
    if kind is not None and kind not in KINDS and options.unknown_kind == "refuse":
        raise RefusedError("unknown event kind")
    beginning = Cursor(_number(query, "from"), end, kind, now)
    text = query.get("cursor", "")
    return Question(
        start=start,
        end=end,
        limit=_read_limit(query, options),
        kind=kind,
        cursor=_read_cursor(text, beginning, options) if text else beginning,
        cursor_text=text,
    )


def read_page(question: Question, shelf: Shelf, options: SimulatorOptions, now: float) -> EventPage:
    """Give one page: of the events visible at `now`, those that follow the question's cursor."""
    indexes = shelf.find(question.start, question.end, options.bounds, now)
    if question.kind is not None:
        indexes = [i for i in indexes if shelf.events[i].k == question.kind]
    rank = _ranking(shelf, options)
    if options.order == "desc":
        indexes = indexes[::-1]
    elif options.order == "shuffled":
        indexes = sorted(indexes, key=lambda i: rank(shelf.events[i]))
    at = question.cursor
    first = _first_row(at, indexes, lambda i: rank(shelf.events[i]), question.limit, options)
    chosen = indexes[first : first + question.limit]
    rows = [shelf.events[i] for i in chosen]
    total = len(indexes)
    if options.empty_pages and rows and not at.is_hollow:
        hollow = msgspec.structs.replace(at, is_hollow=True)
        return _page([], total, hollow.written(), options)
    after = rank(rows[-1]) if rows else at.after
    following = msgspec.structs.replace(at, after=after, offset=first + len(rows), is_hollow=False)
    if options.no_cursor:
        return _page(rows, total, msgspec.UNSET, options)
    if first + len(rows) < total:
        return _page(rows, total, following.written(), options)
    return _page(rows, total, _last_cursor(question, following, options), options)


def _page(
    rows: list[Event], total: int, cursor: str | msgspec.UnsetType | None, options: SimulatorOptions
) -> EventPage:
    count: float = total if options.count == "total" else len(rows)
    return EventPage(float(count) if options.float_numbers else count, rows, cursor)


def _last_cursor(
    question: Question, following: Cursor, options: SimulatorOptions
) -> str | msgspec.UnsetType | None:
    match options.cursor_end:
        case "null":
            return None
        case "empty":
            return ""
        case "repeated":
            return question.cursor_text or following.written()
        case _:
            return msgspec.UNSET


def _ranking(shelf: Shelf, options: SimulatorOptions) -> Callable[[Event], Rank]:
    def descending(event: Event) -> Position:
        key, t, n = shelf.position(event)
        return (-key, -t, -n)

    def shuffled(event: Event) -> Position:
        return (zlib.crc32(f"{event.t}.{event.n}".encode()), event.t, event.n)

    return {"asc": shelf.position, "desc": descending, "shuffled": shuffled}[options.order]


def _first_row(
    at: Cursor, indexes: Sequence[int], rank: Callable[[int], Rank], limit: int, options: SimulatorOptions
) -> int:
    if options.shifting_pages:
        return at.offset
    if at.after is None:
        return 0
    first = bisect_right(indexes, at.after, key=rank)
    return first - min(at.offset, limit // 3) if options.overlapping_pages else first


def _read_cursor(text: str, beginning: Cursor, options: SimulatorOptions) -> Cursor:
    """Read a cursor, which must come with the window and the kind of `beginning`."""
    try:
        padded = text + "=" * (-len(text) % 4)
        cursor = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=Cursor)
    except (binascii.Error, ValueError) as error:  # msgspec's errors are ValueErrors
        raise RefusedError("invalid cursor") from error
    if (cursor.start, cursor.end, cursor.kind) != (beginning.start, beginning.end, beginning.kind):
        raise RefusedError("invalid cursor")
    if options.cursor_ttl is not None and beginning.issued_at - cursor.issued_at >= options.cursor_ttl:
        raise RefusedError("cursor has expired")
    return cursor


def _read_limit(query: Mapping[str, str], options: SimulatorOptions) -> int:
    if "limit" not in query:
        return options.default_limit
    limit = _number(query, "limit")
    if options.refuse_limit or limit < 1 or not limit.is_integer():
        raise RefusedError("invalid limit")
    if limit > options.max_limit and options.over_limit == "refuse":
        raise RefusedError("invalid limit")
    return min(int(limit), options.max_limit)


def _number(query: Mapping[str, str], name: str) -> float:
    try:
        number = float(query[name])
    except (KeyError, ValueError):
        raise RefusedError(f"invalid value for {name!r}") from None
    if not math.isfinite(number):
        raise RefusedError(f"invalid value for {name!r}")
    return number
