"""The parts that a window is read in: where each is in its page loop, and how one is cut into two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from tailer.core.progress import Gap, GapReason
from tailer.core.quirks import Form
from tailer.core.spans import Span

Purpose = Literal["read", "probe", "control"]
"""``read``: to be covered. ``probe``: is the start of the window refused as well? ``control``: is anything
accepted at all? The two last are asked and cover nothing."""


@dataclass(slots=True)
class Piece:
    """A part ``[start, end)`` of a window, and how far its page loop is.

    Attributes:
        start: First second.
        end: One past the last second.
        purpose: Why it is asked for.
        form: The form of its requests, fixed when it is first asked for; ``None`` before.
        limit: Rows a page to ask for instead of the usual ones; ``None``: those.
        trials: Forms left to try after a refusal; ``None`` before the first refusal.
        by_age: It is part of a search for where the refusals end.
        refusals: How often its present request was refused.
        restarts: How often it was begun again because its page cursor was refused.
        halved_from: Width of a piece that was refused though its newer half was accepted; 0: none.
        older_half: The other half of the refused piece of which this is the newer one.
        cursor: Page cursor of its next request.
        cursors: All page cursors so far.
        date: API time of its first page.
        rows: Rows so far, duplicates included.
        pages: Pages so far.
        empty_pages: Pages without rows, in a row.
    """

    start: int
    end: int
    purpose: Purpose = "read"
    form: Form | None = None
    limit: int | None = None
    trials: list[Form] | None = None
    by_age: bool = False
    refusals: int = 0
    restarts: int = 0
    halved_from: int = 0
    older_half: Piece | None = None
    cursor: str | None = None
    cursors: set[str] = field(default_factory=set)
    date: float | None = None
    rows: int = 0
    pages: int = 0
    empty_pages: int = 0

    @property
    def width(self) -> int:
        """Seconds."""
        return self.end - self.start

    def turn_to(self, cursor: str) -> None:
        """Go on with the next page."""
        self.cursors.add(cursor)
        self.cursor = cursor
        self.refusals = 0


class Pieces:
    """The pieces still to be read, the one in hand on top; and the gaps that came of those that can't be.

    Attributes:
        stack: What is left; the last item is the one in hand.
        gaps: Spans that can't be read.
    """

    def __init__(self, spans: Iterable[Span]) -> None:
        self.stack = [Piece(*span) for span in reversed([*spans])]
        self.gaps: list[Gap] = []

    def cut(self, *, by_age: bool = False) -> tuple[Piece, Piece]:
        """Take the piece in hand off, and give its older and newer half; it has at least two seconds."""
        piece = self.stack.pop()
        middle = piece.start + piece.width // 2
        return Piece(piece.start, middle, by_age=by_age), Piece(middle, piece.end, by_age=by_age)

    def halve(self, reason: GapReason) -> None:
        """Put the halves of the piece in hand in its place, older first; a single second becomes a gap."""
        if self.stack[-1].width > 1:
            older, newer = self.cut()
            self.stack += [newer, older]
        else:
            self.lose(reason)

    def lose(self, reason: GapReason) -> None:
        """Make the piece in hand a gap."""
        piece = self.stack.pop()
        self.gaps.append(Gap(piece.start, piece.end, reason))
