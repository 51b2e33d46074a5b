from __future__ import annotations

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tailer.core.lateness import LONGEST, PER_DOUBLING, Histogram, Lateness, merged

DURATIONS = st.lists(
    st.one_of(st.integers(-5, 200_000), st.floats(0, LONGEST, allow_nan=False)), min_size=1, max_size=60
)


@given(DURATIONS, st.floats(0.001, 1))
def test_a_quantile_is_never_too_low_and_less_than_a_fifth_too_high(
    durations: list[float], share: float
) -> None:
    """The bound of the module's docstring, against the exact quantile."""
    told = Histogram().with_more(Counter(durations)).quantile(share)
    exact = sorted(durations)[max(0, math.ceil(share * len(durations) - 1e-6) - 1)]
    assert told is not None
    assert max(exact, 0) <= told <= max(1.0, exact * 2 ** (1 / PER_DOUBLING) * (1 + 1e-12))


@given(DURATIONS, DURATIONS)
def test_the_order_in_which_durations_come_does_not_matter(one: list[float], other: list[float]) -> None:
    """In two reads, in one, or in two connectors that are added up: the same."""
    parts = [Histogram().with_more(Counter(durations)) for durations in (one, other)]
    whole = Histogram().with_more(Counter(one + other))
    assert parts[0].with_more(Counter(other)) == whole
    assert merged(Lateness(seen=part) for part in parts).seen == whole
