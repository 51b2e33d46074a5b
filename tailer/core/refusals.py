"""What a plain 400 leads to; nobody says whether it means a window's bounds, width, age or the limit.

Rules, in order:

1. The same once more: a single mistake of the API's must teach nothing and lose nothing.
2. A page cursor that is refused starts its piece again, twice; then the piece is halved.
3. Other forms of the request: no padding at the end, no limit, an end before API time, a little or well.
4. Once a newer window as wide was accepted, it is the age: the start moves forward by bisection. What is
   still refused is a gap. It is *too old*, and with it all that lies before, only if the very start of the
   window is refused as well: a single second that makes the API stumble is no end of its retention.
5. Otherwise it is the width: the newer half first.
6. If nothing at all is accepted, what lies within the lag is left for a later read, and the rest is tried. If
   there is none of that, a *control* is asked for: a second that must be acceptable. If it is, the refusals
   are the window's own, and rule 4 goes on; if not, there is no gap: the poll has failed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tailer.core.keys import PADDING
from tailer.core.pieces import Piece, Pieces
from tailer.core.progress import Gap
from tailer.core.quirks import BELIEVABLE, END_LAG, FORMS, Form, Quirks
from tailer.model import Page, Window

MAX_RESTARTS = 2
"""How often a piece is begun again because its page cursor was refused."""

AGE_RESOLUTION = 60
"""Seconds to which the start of the API's retention is searched."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the requests of one read are made from its pieces.

    Attributes:
        window: What is read.
        now: API time.
        limit: Rows a page.
    """

    window: Window
    now: float
    limit: int

    def end_of(self, piece: Piece, form: Form) -> int:
        """Give the ``to`` of a piece's requests."""
        is_padded = form.pad_end and piece.end == self.window.end
        end = piece.end + PADDING if is_padded else piece.end
        return min(end, math.floor(self.now) - form.lag) if form.lag else end

    def limit_of(self, piece: Piece, form: Form) -> int | None:
        """Give the ``limit`` of a piece's requests."""
        if piece.limit is not None:
            return piece.limit
        return self.limit if form.send_limit else None


class Refusals:
    """The search for what of a window is acceptable, and how.

    Args:
        pieces: What is left to read; changed here.
        shape: How requests are made.
        quirks: What is known of this principal's API; learned into.
    """

    def __init__(self, pieces: Pieces, shape: Shape, quirks: Quirks) -> None:
        self._pieces = pieces
        self._shape = shape
        self._quirks = quirks
        self._widest = 0
        self._oldest_accepted: float = math.inf
        self._tried: set[tuple[bool, bool]] = set()

    def form_of(self, piece: Piece) -> Form:
        """Give the form of a piece's requests; what other reads learn does not change it on its way."""
        if piece.form is None:
            piece.form = self._quirks.form
        return piece.form

    def apply_known(self, piece: Piece) -> bool:
        """Apply what earlier refusals taught to the piece in hand; tell whether the pieces have changed."""
        if piece.form is not None or piece.purpose != "read":
            return False
        quirks, stack = self._quirks, self._pieces.stack
        if quirks.oldest_age is not None:
            oldest = math.ceil(self._shape.now - quirks.oldest_age)
            if piece.start < oldest:
                stack.pop()
                self._pieces.gaps.append(Gap(piece.start, min(oldest, piece.end), "too old"))
                if oldest < piece.end:
                    stack.append(Piece(oldest, piece.end))
                return True
        if quirks.too_wide is not None and piece.width >= quirks.too_wide:
            # the newer half first: so the end of the API's retention is met once, not by every piece
            stack += self._pieces.cut()
            return True
        return False

    def note_accepted(self, piece: Piece, page: Page) -> None:
        """Learn from a page of the piece in hand."""
        form, quirks, now = self.form_of(piece), self._quirks, self._shape.now
        if piece.older_half is not None:
            piece.older_half.halved_from = piece.older_half.width + piece.width
        quirks.learn(form, self._shape.limit_of(piece, form), page, now)
        quirks.learn_accepted(piece.width, now - piece.start)
        if piece.halved_from:
            quirks.learn_too_wide(piece.halved_from, now)
        self._widest = max(self._widest, piece.width)
        self._oldest_accepted = min(self._oldest_accepted, piece.start)

    def refuse(self, piece: Piece) -> bool:
        """Decide what to ask instead; tell whether to go on at all (rule 6)."""
        piece.refusals += 1
        if piece.refusals == 1:
            return True
        if piece.purpose == "probe":
            self._believe_too_old()
        elif piece.cursor is not None:
            self._restart(piece)
        elif (form := self._next_form(piece)) is not None:
            piece.form = form
        elif piece.purpose == "control":
            return False
        elif piece.by_age or piece.width <= self._widest:
            self._bisect(piece)
        elif piece.width > 1:
            self._keep_newer_half()
        else:
            return self._spare_recent(piece) or self._ask_control(piece)
        return True

    def _restart(self, piece: Piece) -> None:
        if piece.restarts < MAX_RESTARTS:
            self._pieces.stack[-1] = Piece(piece.start, piece.end, restarts=piece.restarts + 1)
        else:
            self._pieces.halve("refused")

    def _next_form(self, piece: Piece) -> Form | None:
        """Give the next form to try; all are tried where first refused, and once more in the small."""
        if piece.trials is None:
            stage = (piece.end == self._shape.window.end, piece.width <= AGE_RESOLUTION)
            piece.trials = [] if stage in self._tried else self._trials(piece)
            self._tried.add(stage)
        return piece.trials.pop(0) if piece.trials else None

    def _trials(self, piece: Piece) -> list[Form]:
        """List the forms that make another request of this piece; a limit that was accepted is fine."""
        refused, shape = self.form_of(piece), self._shape
        asked = {(shape.end_of(piece, refused), refused.send_limit)}
        trials: list[Form] = []
        for form in FORMS:
            end = shape.end_of(piece, form)
            if self._widest and form.send_limit != refused.send_limit:
                continue
            if end > piece.start and (end, form.send_limit) not in asked:
                asked.add((end, form.send_limit))
                trials.append(form)
        return trials

    def _keep_newer_half(self) -> None:
        older, newer = self._pieces.cut()
        newer.older_half = older
        self._pieces.stack += [older, newer]

    def _bisect(self, piece: Piece) -> None:
        """Move the start forward: if the newer half is too old as well, so is all that lies before it."""
        if piece.width > AGE_RESOLUTION:
            self._pieces.stack += self._pieces.cut(by_age=True)
            return
        is_old = self._shape.now - piece.end >= BELIEVABLE and piece.start < self._oldest_accepted
        first = min(other.start for other in self._pieces.stack)
        if is_old and first < piece.start:
            self._pieces.stack.append(Piece(first, first + 1, "probe"))
        else:
            self._pieces.lose("too old" if is_old else "refused")

    def _believe_too_old(self) -> None:
        """The start of the window is refused too: the piece in question is the newest that is not kept."""
        self._pieces.stack.pop()
        now = self._shape.now
        self._quirks.learn_too_old(now - self._pieces.stack[-1].end, now)
        self._pieces.lose("too old")

    def _spare_recent(self, piece: Piece) -> bool:
        """Leave out what may only be too near to the present; tell whether there is something else to try."""
        recent = math.floor(self._shape.now) - END_LAG
        if piece.start < recent:
            return False
        stack = self._pieces.stack
        stack[:] = [other for other in stack if other.start < recent]
        return bool(stack)

    def _ask_control(self, piece: Piece) -> bool:
        """Ask for a second behind the window and outside the lag; tell whether there is one."""
        start = math.floor(self._shape.now) - END_LAG - 1
        if start < self._shape.window.end:
            return False
        piece.form = None  # what the control shows to be acceptable
        control = Piece(start, start + 1, "control")
        control.trials = self._trials(control)
        self._pieces.stack.append(control)
        return True
