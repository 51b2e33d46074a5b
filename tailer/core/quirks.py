"""What one principal's API has shown of its undocumented behaviour; learned while reading, kept in memory.

Rules:

1. Nothing is believed before it was seen, and all of it is forgotten with the process: an API changes.
2. A lesson from refusals is also forgotten after a while (`FORM_TRUST`, `LESSON_TRUST`), and at once when an
   answer contradicts it. An outage that answers 400 for a minute teaches wrong lessons; so they don't last.
"""

from __future__ import annotations

from typing import NamedTuple

from tailer.core.durations import Seconds
from tailer.model import Page

PLAUSIBLE_CAP = 10
"""A page of fewer rows is taken for whole: no API hands out pages that short unasked. [infer]"""

BELIEVABLE = 3600
"""Seconds below which no retention is believed to lie, and a widest window only after `CONFIRMATIONS`."""

CONFIRMATIONS = 3
"""Windows narrower than `BELIEVABLE` that were refused whole and read in halves before that is believed."""

CLOCK_DOUBT = 2
"""Seconds by which a window ends before API time where the future is refused: ``Date`` has whole seconds, so
our idea of the API's clock may be ahead of it by one; the other one is for the time on the wire."""

END_LAG = 60
"""Seconds by which a window ends before API time where nearer ends are refused."""

FORM_TRUST: Seconds = 600.0
"""How long requests deviate from the plain form; then it is tried again, for some six requests."""

LESSON_TRUST: Seconds = 6 * 3600.0
"""How long a widest window and a retention are believed; learning them again takes some thirty requests."""

ROUND_CAPS = (5, 16)
"""The longest page of any API is a multiple of one of these. [infer]"""


class Form(NamedTuple):
    """How requests are shaped: each deviation is tried only after a plain 400. `lag` is in seconds."""

    pad_end: bool = True
    send_limit: bool = True
    lag: int = 0


PLAIN = Form()

FORMS = (
    PLAIN,
    Form(pad_end=False),
    Form(send_limit=False),
    Form(lag=CLOCK_DOUBT),
    Form(lag=END_LAG),
    Form(pad_end=False, send_limit=False),
    Form(send_limit=False, lag=CLOCK_DOUBT),
    Form(send_limit=False, lag=END_LAG),
)
"""In the order in which they are tried: one deviation each, then together. (The lag undoes the padding.)"""


class Quirks:
    """The learned facts of one principal.

    Attributes:
        form: The shape of requests that was accepted last.
        too_wide: Narrowest window, in seconds, that was refused and then read in two halves; ``None``: none.
        oldest_age: Age in seconds beyond which windows were refused as too old; ``None``: none was.
        count_is_total: `count` has been seen to exceed the rows of its page.
    """

    def __init__(self) -> None:
        self.form = PLAIN
        self.too_wide: int | None = None
        self.oldest_age: Seconds | None = None
        self.count_is_total = False
        self._longest: dict[int | None, int] = {}
        self._form_until = self._too_wide_until = self._oldest_until = 0.0
        self._narrow: list[int] = []

    def refresh(self, now: float) -> None:
        """Forget what was learned too long ago.

        Args:
            now: API time.
        """
        if now >= self._form_until:
            self.form = PLAIN
        if now >= self._too_wide_until:
            self.too_wide = None
        if now >= self._oldest_until:
            self.oldest_age = None

    def learn(self, form: Form, limit: int | None, page: Page, now: float) -> None:
        """Take note of a page.

        Args:
            form: The form of its request.
            limit: The rows that its request asked for.
            page: The answer.
            now: API time.
        """
        if form != self.form:
            self.form = form
            self._form_until = now + FORM_TRUST
        self._longest[limit] = max(self._longest.get(limit, 0), len(page.events))
        if page.count > len(page.events):
            self.count_is_total = True

    def learn_accepted(self, width: int, age: Seconds) -> None:
        """Take note that a window was accepted; forget what it contradicts.

        Args:
            width: Its seconds.
            age: Seconds between its start and API time.
        """
        if self.too_wide is not None and width >= self.too_wide:
            self.too_wide = None
        self._narrow = [refused for refused in self._narrow if refused > width]
        if self.oldest_age is not None and age > self.oldest_age + 1:  # whole seconds: one of rounding
            self.oldest_age = None

    def doubt_age(self) -> None:
        """Forget from which age on windows are refused: somebody wants to know whether that still holds."""
        self.oldest_age = None

    def learn_too_wide(self, width: int, now: float) -> None:
        """Remember a window that was refused whole and accepted in halves, if it is believable.

        One mistake must not cut all later reads into crumbs: hardly any API refuses an hour. [infer]
        """
        if width < BELIEVABLE:
            self._narrow.append(width)
            if len(self._narrow) < CONFIRMATIONS:
                return
            width = min(self._narrow)
        self.too_wide = width if self.too_wide is None else min(width, self.too_wide)
        self._too_wide_until = now + LESSON_TRUST

    def learn_too_old(self, age: Seconds, now: float) -> None:
        """Remember the age from which on windows are refused; the caller makes sure that it is believable."""
        self.oldest_age = age
        self._oldest_until = now + LESSON_TRUST

    def is_last(self, limit: int | None, rows: int, distinct_rows: int, count: int) -> bool:
        """Tell whether a page without a cursor, already learned, really is the last one of its window.

        It is if it is shorter than the longest page seen, or of a length at which no API would cut. Steady
        connectors give pages of one length for hours; to doubt each would triple their requests.

        Args:
            limit: The rows that its request asked for.
            rows: Rows of the page.
            distinct_rows: Distinct rows of the window so far, this page's included.
            count: The page's `count`.
        """
        if rows < self._longest.get(limit, 0) or rows < min(PLAUSIBLE_CAP, limit or PLAUSIBLE_CAP):
            return True
        if not is_round(rows, limit):
            return True
        return self.count_is_total and count <= distinct_rows


def is_round(rows: int, limit: int | None) -> bool:
    """Tell whether an API might cut its pages at so many rows."""
    return rows == limit or any(rows % cap == 0 for cap in ROUND_CAPS)
