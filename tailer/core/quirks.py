"""What one principal's API has shown of its undocumented behaviour; learned while reading, kept in memory.

Nothing here is believed before it was seen, and all of it is forgotten with the process: an API changes.
"""

from __future__ import annotations

from typing import NamedTuple

from tailer.model import Page

PLAUSIBLE_CAP = 10
"""A page of fewer rows is taken for whole: no API hands out pages that short. [infer]"""

BELIEVABLE = 3600
"""Seconds below which neither a widest window nor a retention is believed to lie."""

END_LAG = 60
"""Seconds by which a window ends before API time where nearer ends are refused."""


class Form(NamedTuple):
    """How requests are shaped: each deviation is tried only after a plain 400."""

    pad_end: bool = True
    send_limit: bool = True
    lag_end: bool = False


class Quirks:
    """The learned facts of one principal.

    Attributes:
        form: The shape of requests that was accepted last.
        too_wide: Narrowest window, in seconds, that was refused and then read in two halves; ``None``: none.
        oldest_age: Age in seconds beyond which windows were refused as too old; ``None``: none was.
        count_is_total: `count` has been seen to exceed the rows of its page.
    """

    def __init__(self) -> None:
        self.form = Form()
        self.too_wide: int | None = None
        self.oldest_age: float | None = None
        self.count_is_total = False
        self._longest: dict[bool, int] = {True: 0, False: 0}

    def forms_to_try(self) -> list[Form]:
        """List the forms to try in turn after a refusal: one deviation each, then all of them together."""
        base = self.form
        forms = [
            base._replace(pad_end=False),
            base._replace(send_limit=False),
            base._replace(lag_end=True),
            Form(pad_end=False, send_limit=False, lag_end=True),
        ]
        return [form for index, form in enumerate(forms) if form != base and form not in forms[:index]]

    def learn(self, form: Form, page: Page) -> None:
        """Take note of a page that was accepted under `form`."""
        self.form = form
        self._longest[form.send_limit] = max(self._longest[form.send_limit], len(page.events))
        if page.count > len(page.events):
            self.count_is_total = True

    def learn_too_wide(self, width: int) -> None:
        """Remember a window that was refused whole and accepted in halves, if it is believable.

        A stray 400 must not cut all later reads into crumbs: nobody refuses windows of an hour. [infer]
        """
        if width >= BELIEVABLE and (self.too_wide is None or width < self.too_wide):
            self.too_wide = width

    def learn_too_old(self, age: float) -> bool:
        """Remember from which age on windows are refused; tell whether that is believable at all."""
        if age < BELIEVABLE:
            return False
        self.oldest_age = age if self.oldest_age is None else min(age, self.oldest_age)
        return True

    def is_last(self, form: Form, rows: int, total_rows: int, count: int) -> bool:
        """Tell whether a page without a cursor really is the last one of its window.

        Args:
            form: The form of its request.
            rows: Rows of the page.
            total_rows: Distinct rows of the window so far, this page's included.
            count: The page's `count`.
        """
        if rows < PLAUSIBLE_CAP or rows < self._longest[form.send_limit]:
            return True
        return self.count_is_total and count <= total_rows
