"""Reading one window whole, or knowing exactly what of it was not: the page loop without the network.

Rules:

1. A window is read in *pieces*, each page by page; at first it is one piece. Only a piece that was read to
   its last page is covered, and never beyond the ``Date`` of its first page.
2. Requests are padded by a second at both ends, coverage is not: bounds may be inclusive or exclusive.
3. A missing, empty or repeated page cursor ends a piece. It is whole if its last page can't have been cut (see
   `Quirks.is_last`); otherwise, as after too many pages or rows, it is cut into halves, older first.
4. The smallest piece is one second. One that still is not whole becomes a gap (*page cap*), unless its number
   of rows is none at which an API would cut; its rows are kept.
5. A plain 400 is answered in order: other forms of the request, one deviation at a time; the newer half
   (too wide?); then, once a newer window as wide was accepted, the start moves forward by bisection (too old?).
   What is still refused is a gap. A 400 for a page cursor starts the piece again, twice; then it is halved.
   If nothing at all is accepted there is no gap: the poll has failed.
6. Rows of unfinished pieces are kept: they may be journaled, they cover nothing.
7. A piece that turns out to hold many more rows than one read is meant to take is left off (`dense`), so
   that the planner can cut a slice of the right width.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tailer.core.keys import PADDING
from tailer.core.progress import Gap, GapReason
from tailer.core.quirks import END_LAG, Form, Quirks
from tailer.core.spans import Span, Spans
from tailer.model import Event, EventsRequest, Page, Window

MAX_PAGES = 1000
"""Pages of one piece; 10,000 events of one second still fit pages of 20 rows, twice."""

MAX_ROWS = 100_000
"""Rows of one piece wider than a second: about 15 MB held."""

MAX_RESTARTS = 2
"""How often a piece is begun again because its page cursor was refused."""

ROUND_CAP = 5
"""What the longest page of any API is a multiple of. [infer]"""

AGE_RESOLUTION = 60
"""Seconds to which the start of the API's retention is searched."""


@dataclass(slots=True)
class Reading:
    """What came of a window.

    Attributes:
        rows: All rows, in order of arrival, duplicates included.
        covered: Spans read whole, ascending; may end before the window does.
        gaps: Spans that can't be read.
        pages: Pages received.
        dense: The window holds many more rows than expected; `rows` are those of its first pages.
        refused: Nothing of the window was accepted in any form.
    """

    rows: list[Event] = field(default_factory=list)
    covered: list[Span] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    pages: int = 0
    dense: bool = False
    refused: bool = False


@dataclass(slots=True)
class _Piece:
    """A part ``[start, end)`` of the window, and how far its page loop is."""

    start: int
    end: int
    first: bool = False
    by_age: bool = False
    halved_from: int = 0
    forms: list[Form] | None = None
    form: Form | None = None
    cursor: str | None = None
    cursors: set[str] = field(default_factory=set)
    date: float | None = None
    rows: int = 0
    pages: int = 0
    restarts: int = 0

    @property
    def width(self) -> int:
        return self.end - self.start


def density(rows: list[Event]) -> float:
    """Give the events per second between the earliest and the latest of `rows`; 0 for fewer than two."""
    if len(rows) < 2:  # noqa: PLR2004 - one event has no density
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
        skip: Spans = Spans(),
    ) -> None:
        self.result = Reading()
        self._quirks = quirks
        self._now = now
        self._limit = limit
        self._kind = kind
        self._max_rows = max_rows
        self._accepted = False
        self._widest = 0
        self._pieces = [_Piece(*span, first=True) for span in reversed(skip.missing(*window))]

    def next_request(self) -> EventsRequest | None:
        """Give the next request; ``None`` when nothing is left to ask."""
        while self._pieces:
            piece = self._pieces[-1]
            if self._cut_by_what_is_known(piece):
                continue
            form = self._form(piece)
            end = self._end(piece, form)
            return EventsRequest(
                # a piece that lies within the lag is asked for as much earlier: it shows whether that helps
                min(piece.start, end - piece.width) - PADDING,
                end,
                piece.cursor,
                self._kind,
                self._limit if form.send_limit else None,
            )
        return None

    def feed(self, page: Page) -> None:
        """Take the answer to the request that `next_request` gave last."""
        piece = self._pieces[-1]
        self._note_accepted(piece, page)
        result = self.result
        result.rows.extend(page.events)
        result.pages += 1
        piece.pages += 1
        piece.rows += len(page.events)
        if page.cursor is not None and page.cursor not in piece.cursors:
            self._turn_page(piece, page.cursor)
        elif self._quirks.is_last(self._form(piece), len(page.events), piece.rows, page.count):
            self._cover(piece)
        elif piece.width == 1 and len(page.events) % ROUND_CAP:
            self._cover(piece)  # halving has shown nothing more, and nobody cuts pages at such a number
        else:
            self._halve(piece, "page cap")

    def refuse(self) -> None:
        """Take a plain 400 as the answer to the request that `next_request` gave last."""
        piece = self._pieces[-1]
        if piece.cursor is not None:
            self._restart(piece)
        elif piece.by_age or (self._accepted and piece.width <= self._widest):
            self._bisect(piece)
        elif (form := self._next_form(piece)) is not None:
            piece.form = form
        elif piece.width > 1:
            self._keep_newer_half(piece)
        elif self._accepted:
            self._pieces.pop()
            self.result.gaps.append(Gap(piece.start, piece.end, "refused"))
        else:
            self.result.refused = True
            self._pieces.clear()

    def _form(self, piece: _Piece) -> Form:
        return piece.form or self._quirks.form

    def _end(self, piece: _Piece, form: Form) -> int:
        end = piece.end + PADDING if form.pad_end else piece.end
        return min(end, int(self._now) - END_LAG) if form.lag_end else end

    def _cut_by_what_is_known(self, piece: _Piece) -> bool:
        """Apply what earlier refusals taught, without a request; tell whether the pieces have changed."""
        if piece.pages or piece.forms is not None:
            return False
        quirks = self._quirks
        oldest = None if quirks.oldest_age is None else int(self._now - quirks.oldest_age)
        if oldest is not None and piece.start < oldest:
            self._pieces.pop()
            self.result.gaps.append(Gap(piece.start, min(oldest, piece.end), "too old"))
            if oldest < piece.end:
                self._pieces.append(_Piece(oldest, piece.end))
            return True
        if quirks.too_wide is not None and piece.width >= quirks.too_wide:
            # the newer half first: so the end of the API's retention is met once, not by every piece
            self._keep_newer_half(piece)
            return True
        return False

    def _note_accepted(self, piece: _Piece, page: Page) -> None:
        self._quirks.learn(self._form(piece), page)
        self._accepted = True
        self._widest = max(self._widest, piece.width)
        if piece.halved_from:
            self._quirks.learn_too_wide(piece.halved_from)
        if piece.date is None:
            piece.date = self._now if page.date is None else page.date

    def _turn_page(self, piece: _Piece, cursor: str) -> None:
        piece.cursors.add(cursor)
        piece.cursor = cursor
        if self._max_rows is not None and piece.width > 1 and self._expected_rows(piece) > self._max_rows:
            self.result.dense = True
            self._pieces.clear()
        elif piece.pages >= MAX_PAGES or (piece.rows >= MAX_ROWS and piece.width > 1):
            self._halve(piece, "page cap")

    def _expected_rows(self, piece: _Piece) -> float:
        """Extrapolate from the first page of a piece; where its order hides it, what has come is a minimum."""
        if piece.pages > 1:
            return piece.rows
        return max(piece.rows, density(self.result.rows[-piece.rows :]) * piece.width)

    def _cover(self, piece: _Piece) -> None:
        self._pieces.pop()
        end = min(piece.end, self._end(piece, self._form(piece)), int(piece.date or 0))
        if end > piece.start:
            self.result.covered.append((piece.start, end))

    def _halve(self, piece: _Piece, reason: GapReason) -> None:
        """Cut a piece that can't be read whole; one of a single second becomes a gap (rule 4)."""
        self._pieces.pop()
        if piece.width > 1:
            middle = piece.start + piece.width // 2
            self._pieces += [_Piece(middle, piece.end), _Piece(piece.start, middle)]
        else:
            self.result.gaps.append(Gap(piece.start, piece.end, reason))

    def _restart(self, piece: _Piece) -> None:
        if piece.restarts < MAX_RESTARTS:
            self._pieces[-1] = _Piece(piece.start, piece.end, restarts=piece.restarts + 1)
        else:
            self._halve(piece, "refused")

    def _next_form(self, piece: _Piece) -> Form | None:
        """Give the next form to try; once something was accepted, the form is not what is wrong."""
        if piece.forms is None:
            worth_it = piece.width == 1 or piece.first
            piece.forms = self._quirks.forms_to_try() if worth_it and not self._accepted else []
        return piece.forms.pop(0) if piece.forms else None

    def _keep_newer_half(self, piece: _Piece) -> None:
        self._pieces.pop()
        middle = piece.start + piece.width // 2
        older = _Piece(piece.start, middle, halved_from=piece.width)
        self._pieces += [older, _Piece(middle, piece.end)]

    def _bisect(self, piece: _Piece) -> None:
        """Move the start forward: if the newer half is too old as well, so is all that lies before it."""
        self._pieces.pop()
        if piece.width > AGE_RESOLUTION:
            middle = piece.start + piece.width // 2
            self._pieces += [_Piece(piece.start, middle, by_age=True), _Piece(middle, piece.end, by_age=True)]
            return
        believed = self._quirks.learn_too_old(self._now - piece.end)
        self.result.gaps.append(Gap(piece.start, piece.end, "too old" if believed else "refused"))
