"""An audit names exactly what differs."""

from __future__ import annotations

import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tailer.core.audit import Extent, compare
from tailer.core.spans import Spans
from tailer.model import Event, Key

keys = st.sets(st.tuples(st.integers(0, 40), st.integers(0, 2)), max_size=40)
ALL = Spans(((0, 41),))


@given(keys, keys, st.integers(0, 41), st.randoms())
def test_what_is_named_is_what_differs(
    journaled: set[tuple[int, int]], shown: set[tuple[int, int]], settled: int, random: Random
) -> None:
    """Nothing else, nothing twice; and the digests agree exactly where nothing is named."""
    rows = [Event(t, n, "Init", t) for t, n in shown] * 2
    random.shuffle(rows)
    stamps: dict[Key, int] = {(t, n): math.ceil(t) for t, n in journaled}
    found = compare(stamps, stamps, rows, Extent(ALL, ALL, 41, settled))
    lacking = sorted(shown - journaled)
    assert [event.key for event in found.missing] == [key for key in lacking if key[0] < settled]
    assert [event.key for event in found.unsettled] == [key for key in lacking if key[0] >= settled]
    assert found.extra == sorted(journaled - shown)
    assert (found.journal == found.api) == (not found.missing and not found.extra)
