from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from tailer.core.tempo import interval_of, price_of

RATES = st.lists(st.floats(1e-6, 100.0), min_size=1, max_size=30)


def waiting(rates: list[float], intervals: list[float]) -> float:
    """Waiting of all events together, a second."""
    return sum(rate * interval / 2 for rate, interval in zip(rates, intervals, strict=True))


@given(
    rates=RATES,
    room=st.floats(1.0, 20.0),
    shift=st.floats(0.01, 0.5),
    pair=st.tuples(st.integers(0), st.integers(0)),
)
def test_no_shift_of_polls_makes_events_wait_less(
    rates: list[float], room: float, shift: float, pair: tuple[int, int]
) -> None:
    """The allowed rate is taken, and moving polls from one to another makes events wait longer."""
    shortest, longest = 1.0, 100.0
    allowed = room * len(rates) / longest
    price = price_of(rates, allowed, shortest, longest)
    if price == 0.0 or math.isinf(price):
        return
    intervals = [min(longest, max(shortest, math.sqrt(2 * price / rate))) for rate in rates]
    assert math.isclose(sum(1 / one for one in intervals), allowed, rel_tol=1e-6)
    giver, taker = pair[0] % len(rates), pair[1] % len(rates)
    polls = [1 / one for one in intervals]
    moved = shift * min(polls[giver] - 1 / longest, 1 / shortest - polls[taker])
    if giver == taker or moved <= 0:
        return
    polls[giver] -= moved
    polls[taker] += moved
    assert waiting(rates, [1 / one for one in polls]) >= waiting(rates, intervals) * (1 - 1e-9)


@given(
    rate=st.floats(1e-6, 10.0),
    heat=st.floats(0.0, 100.0),
    more=st.floats(0.0, 100.0),
    price=st.floats(1e-3, 1e5),
)
def test_more_heat_never_means_later(rate: float, heat: float, more: float, price: float) -> None:
    """The interval stays within its bounds, and what makes events likelier makes it no longer."""
    calm, hot = (interval_of(rate, one, price, 1.0, 600.0) for one in (heat, heat + more))
    assert 1.0 <= hot <= 600.0
    assert hot <= calm * 1.02  # both are found to a hundredth of the price
