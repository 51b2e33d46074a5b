"""Sends of one window, counted by purpose."""

from __future__ import annotations

import math

from tailer.core.purpose import Purpose
from tailer.core.spending import Spending


def test_sends_are_counted_by_purpose_and_leave_with_their_window() -> None:
    """All of the last window count, by what they were for."""
    spending = Spending(100.0)
    spending.add(0.0, Purpose.LIVE)
    spending.add(10.0, Purpose.REVISIT)
    spending.add(10.0, Purpose.LIVE)
    assert (spending.total(99.0), spending.of(Purpose.LIVE, 99.0)) == (3, 2)
    assert (spending.total(100.0), spending.of(Purpose.LIVE, 100.0)) == (2, 1)
    assert spending.frees_in(100.0) == 10.0
    assert spending.total(110.0) == 0
    assert spending.of(Purpose.REVISIT, 110.0) == 0
    assert spending.frees_in(110.0) == math.inf
    assert len(spending) == 0
