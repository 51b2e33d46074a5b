"""Reading one window whole, or knowing exactly what of it was not: the page loop without the network.

Rules:

1. A window is read in *pieces*, each page by page; at first it is one piece. Only a piece that was read to
   its last page is covered, and never beyond the ``Date`` of its first page.
2. Requests are padded by a second at the start, and at the window's own end; coverage is not: bounds may be
   inclusive or exclusive. Inner cuts need no padding at the end, the next piece has it at its start.
3. A missing, empty or repeated page cursor ends a piece. It is whole if its last page can't have been cut
   (see `Quirks.is_last`); otherwise, as after too many pages or rows, it is cut into halves, older first.
4. The smallest piece is one second. One that still is in doubt is read once more with pages of one row less:
   an API that has page cursors now gives one, and leads to the last row. Otherwise the second becomes a gap
   (*page cap*); its rows stay.
5. What follows a plain 400, `tailer.core.refusals` tells. What is refused for good is a gap.
6. Rows of unfinished pieces are kept: they may be journaled, they cover nothing.
7. A piece that turns out to hold many more rows than one read is meant to take is left off (`dense`), so
   that the planner can cut a slice of the right width. So is a read of very many requests, and one of the
   past that has to make way for a poll (`tailer.core.terms`).
8. No request asks for anything before the window's start less the padding: below that, keys may be forgotten.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from tailer.core.keys import PADDING
from tailer.core.pieces import Piece, Pieces
from tailer.core.progress import Gap
from tailer.core.quirks import Quirks
from tailer.core.refusals import Refusals, Shape
from tailer.core.spans import Span, Spans
from tailer.model import Event, EventsRequest, Page, Window

MAX_PAGES = 1000
"""Pages of one piece; 10,000 events of one second still fit pages of 20 rows, twice."""

MAX_EMPTY_PAGES = 50
"""Empty pages in a row; an API that scans sparse data may hand out some, an endless loop nothing else."""

MAX_ROWS = 100_000
"""Rows of one piece wider than a second: about 15 MB held."""

MAX_REQUESTS = 10_000
"""Requests of one read: `MAX_PAGES` for each of ten halvings."""

_NO_SPANS = Spans()


@dataclass(slots=True)
class Reading:
    """What came of a window.

    Attributes:
        rows: All rows, in order of arrival, duplicates included.
        covered: Spans read whole, ascending within each piece's halves; may end before the window does.
        gaps: Spans that can't be read.
        pages: Pages received.
        dense: The window holds many more rows than expected, or takes too many requests; what was read until
            then is there, the rest is unread.
        refused: Nothing of the window was accepted in any form.
        page_rows: Rows of the longest page that another followed; 0: none did.
    """

    rows: list[Event] = field(default_factory=list)
    covered: list[Span] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    pages: int = 0
    dense: bool = False
    refused: bool = False
    page_rows: int = 0


def merged(readings: Sequence[Reading]) -> Reading:
    """Put readings of disjoint windows, ascending, together."""
    if len(readings) == 1:
        return readings[0]
    return Reading(
        rows=[event for reading in readings for event in reading.rows],
        covered=[span for reading in readings for span in reading.covered],
        gaps=[gap for reading in readings for gap in reading.gaps],
        pages=sum(reading.pages for reading in readings),
        dense=any(reading.dense for reading in readings),
        refused=any(reading.refused for reading in readings),
        page_rows=max(reading.page_rows for reading in readings),
    )


def density(rows: list[Event]) -> float:
    """Give the events per second between the earliest and the latest of `rows`; 0 for fewer than two."""
    if len(rows) < 2:
        return 0.0
    times = [event.t for event in rows]
    return len(rows) / max(1.0, max(times) - min(times))


class WindowRead:
    """The state of reading one window: ask `next_request`, then `feed` its page or `refuse` it.

    Args:
        window: What is to be covered, whole seconds, not empty.
        quirks: What is known of this principal's API; learned into.
        now: API time.
        limit: Rows a page to ask for.
        kind: The one kind to ask for, ``None`` for all.
        max_rows: Leave off when a piece holds more rows than this (rule 7); ``None``: never.
        skip: What is known to be unreadable: neither asked for nor covered.
    """

    def __init__(
        self,
        window: Window,
        quirks: Quirks,
        *,
        now: float,
        limit: int,
        kind: str | None = None,
        max_rows: int | None = None,
        skip: Spans = _NO_SPANS,
    ) -> None:
        self._pieces = Pieces(skip.missing(*window))
        self._shape = Shape(window, now, limit)
        self._refusals = Refusals(self._pieces, self._shape, quirks)
        self.result = Reading(gaps=self._pieces.gaps)
        self._quirks = quirks
        self._kind = kind
        self._max_rows = max_rows
        self._requests = 0
        quirks.refresh(now)

    def next_request(self) -> EventsRequest | None:
        """Give the next request, the same until it is answered; ``None`` when nothing is left to ask."""
        stack = self._pieces.stack
        while stack:
            if self._is_too_much():
                self.leave_off()
                break
            piece = stack[-1]
            if self._refusals.apply_known(piece):
                continue
            form = self._refusals.form_of(piece)
            end = self._shape.end_of(piece, form)
            if end <= piece.start:
                stack.pop()  # all of it lies within the lag: a later read will have it
                continue
            limit = self._shape.limit_of(piece, form)
            return EventsRequest(piece.start - PADDING, end, piece.cursor, self._kind, limit)
        return None

    def feed(self, page: Page) -> None:
        """Take the answer to the request that `next_request` gave last."""
        self._requests += 1
        self.result.pages += 1
        piece = self._pieces.stack[-1]
        self._refusals.note_accepted(piece, page)
        if piece.purpose != "control":  # whose rows lie outside the window
            self.result.rows.extend(page.events)
        if piece.purpose == "read":
            self._take(piece, page)
        else:
            self._pieces.stack.pop()

    @property
    def is_divisible(self) -> bool:
        """Whether what is left could be read in smaller windows: neither a second nor a search can."""
        if not self._pieces.stack:
            return False
        piece = self._pieces.stack[-1]
        is_search = piece.purpose != "read" or piece.refusals or piece.trials is not None
        is_search = is_search or piece.by_age or piece.older_half is not None or piece.halved_from
        return not is_search and (piece.width > 1 or not piece.pages)

    def leave_off(self) -> None:
        """Leave unread what is left (rule 7)."""
        self.result.dense = True
        self._pieces.stack.clear()

    def refuse(self) -> None:
        """Take a plain 400 as the answer to the request that `next_request` gave last."""
        self._requests += 1
        piece = self._pieces.stack[-1]
        if piece.limit is not None and piece.refusals:
            self._pieces.lose("page cap")  # what it was tried with is not accepted: nothing is known
        elif not self._refusals.refuse(piece):
            self.result.refused = True
            self._pieces.stack.clear()

    def _is_too_much(self) -> bool:
        """Tell whether to leave off: for rows only after progress, so that the next read has less to do."""
        result = self.result
        if self._requests >= MAX_REQUESTS:
            return True
        has_progress = bool(result.covered or result.gaps)
        return has_progress and self._max_rows is not None and len(result.rows) > self._max_rows

    def _take(self, piece: Piece, page: Page) -> None:
        if piece.date is None:
            piece.date = self._shape.now if page.date is None else page.date
        piece.pages += 1
        piece.rows += len(page.events)
        piece.empty_pages = 0 if page.events else piece.empty_pages + 1
        if page.cursor is not None and page.cursor not in piece.cursors:
            self.result.page_rows = max(self.result.page_rows, len(page.events))
            self._turn_page(piece, page.cursor)
        elif self._is_whole(piece, page):
            self._cover(piece, piece.date)
        elif not self._try_smaller_pages(piece, len(page.events)):
            self._pieces.halve("page cap")

    def _try_smaller_pages(self, piece: Piece, rows: int) -> bool:
        """Read a single second again with pages of one row less (rule 4); tell whether that may help."""
        is_sent = self._refusals.form_of(piece).send_limit
        if piece.width > 1 or rows < 2 or piece.limit is not None or not is_sent:
            return False
        self._pieces.stack[-1] = Piece(piece.start, piece.end, form=piece.form, limit=rows - 1)
        return True

    def _is_whole(self, piece: Piece, page: Page) -> bool:
        """Tell whether a page without a new cursor ends its piece, rather than being cut."""
        rows, limit = len(page.events), self._shape.limit_of(piece, self._refusals.form_of(piece))
        distinct = rows
        if piece.pages > 1 and self._quirks.count_is_total:  # pages that shift repeat rows
            distinct = len({event.key for event in self.result.rows[-piece.rows :]})
        return self._quirks.is_last(limit, rows, distinct, page.count)

    def _turn_page(self, piece: Piece, cursor: str) -> None:
        piece.turn_to(cursor)
        if self._max_rows is not None and piece.width > 1 and self._expected_rows(piece) > self._max_rows:
            self.leave_off()
        elif (
            piece.pages >= MAX_PAGES
            or piece.empty_pages >= MAX_EMPTY_PAGES
            or (piece.rows >= MAX_ROWS and piece.width > 1)
        ):
            self._pieces.halve("page cap")

    def _expected_rows(self, piece: Piece) -> float:
        """Extrapolate from the first page of a piece; where its order hides it, what came is a minimum."""
        if piece.pages > 1 or not piece.rows:
            return piece.rows
        return max(piece.rows, density(self.result.rows[-piece.rows :]) * piece.width)

    def _cover(self, piece: Piece, date: float) -> None:
        self._pieces.stack.pop()
        end = self._shape.end_of(piece, self._refusals.form_of(piece))
        end = min(piece.end, end, math.floor(date))
        if end > piece.start:
            self.result.covered.append((piece.start, end))
