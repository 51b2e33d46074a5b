from __future__ import annotations

import math
from itertools import pairwise

import pytest

from tailer.core.tempo import COOLING, MOST_HEAT, Pace, Tempo, interval_of, price_of


def test_everyone_fits_at_the_shortest_interval() -> None:
    """With budget to spare nothing has a price, and everyone is polled at the shortest interval."""
    pace = Pace(5.0, 600.0)
    tempos = [Tempo(0.0, 5.0) for _ in range(10)]
    pace.fit(tempos, 2.0)
    assert not pace.is_bound
    assert pace.planned == 2.0
    assert price_of([1.0] * 10, 2.0, 5.0, 600.0) == 0.0
    assert [pace.next(tempo, [0.1], 5.0) for tempo in tempos] == [5.0] * 10


def test_rates_follow_the_square_root() -> None:
    """Within the bounds, four times the events get twice the polls."""
    price = price_of([0.01, 0.04], 0.3, 1.0, 1000.0)
    slow, fast = (interval_of(rate, 0.0, price, 1.0, 1000.0) for rate in (0.01, 0.04))
    assert slow == pytest.approx(2 * fast, rel=0.02)
    assert 1 / slow + 1 / fast == pytest.approx(0.3, rel=0.02)


def test_bounds_are_kept_and_the_rest_is_shared() -> None:
    """Who would be polled too often or too rarely stays at the bound; the others share what is left."""
    rates = [100.0, 0.02, 0.01, 1e-9]
    price = price_of(rates, 0.5, 5.0, 100.0)
    intervals = [interval_of(rate, 0.0, price, 5.0, 100.0) for rate in rates]
    assert intervals[0] == 5.0
    assert intervals[3] == 100.0
    assert 5.0 < intervals[1] < intervals[2] < 100.0
    assert sum(1 / interval for interval in intervals) == pytest.approx(0.5, rel=0.02)


def test_everyone_at_the_longest_has_no_price() -> None:
    """Where the budget just holds the longest interval, nobody gets more."""
    assert price_of([1.0, 2.0], 0.02, 5.0, 100.0) == math.inf
    assert interval_of(1.0, 1.0, math.inf, 5.0, 100.0) == 100.0


def test_longest_interval_is_stretched_for_all() -> None:
    """Where not even the longest interval fits, it grows until everyone does; with fewer it shrinks back."""
    pace = Pace(5.0, 60.0)
    tempos = [Tempo(0.0, 5.0) for _ in range(100)]
    pace.fit(tempos, 0.5)
    assert pace.is_bound
    assert pace.longest == 200.0
    assert pace.planned == 0.5
    assert {pace.next(tempo, [], 1.0) for tempo in tempos} == {200.0}
    pace.fit(tempos[:20], 0.5)
    assert pace.longest == 60.0
    assert [pace.next(tempos[0], [], at) for at in (201.0, 202.0)] == pytest.approx([45.0, 45.0], rel=0.1)


def test_who_just_spoke_is_polled_sooner_and_cools_down() -> None:
    """Heat shortens the interval at once; after a while without events it is as long as before."""
    calm = interval_of(0.001, 0.0, 5.0, 1.0, 600.0)
    hot = [interval_of(0.001, heat, 5.0, 1.0, 600.0) for heat in (0.001, 0.01, 0.1, 1.0)]
    assert calm == pytest.approx(100.0)
    assert all(later < earlier for earlier, later in pairwise([calm, *hot]))
    assert interval_of(0.001, 1000.0, 5.0, 1.0, 600.0) == 1.0


def test_waiting_reaches_the_price() -> None:
    """The interval is the one after which the expected waiting is the price."""
    rate, heat, price = 0.002, 0.05, 7.0
    span = interval_of(rate, heat, price, 1.0, 600.0)
    steps = 20_000
    waiting = sum(
        (rate + heat * math.exp(-at / COOLING)) * (span - at) * span / steps
        for at in (span * (step + 0.5) / steps for step in range(steps))
    )
    assert waiting == pytest.approx(price, rel=0.011)


def test_rates_are_learnt_and_forgotten() -> None:
    """A busy connector is soon polled more often than a quiet one, and no longer once it is silent."""
    pace = Pace(1.0, 600.0)
    busy, quiet = Tempo(0.0, 5.0), Tempo(0.0, 5.0)
    for minute in range(1, 200):
        pace.fit([busy, quiet], 0.05)
        pace.next(busy, [30.0] * 3, minute * 60.0)
        pace.next(quiet, [], minute * 60.0)
    assert busy.interval < quiet.interval / 3
    for minute in range(200, 200 + 3 * 24 * 60):
        pace.fit([busy, quiet], 0.05)
        pace.next(busy, [], minute * 60.0)
        pace.next(quiet, [30.0] * 3, minute * 60.0)
    assert quiet.interval < busy.interval / 3


def test_independent_events_have_no_heat_and_clusters_do() -> None:
    """Even counts leave the share of heat at nothing; the same number in clusters raises it."""
    pace = Pace(1.0, 150.0)
    even = [Tempo(0.0, 5.0) for _ in range(4)]
    for turn in range(1, 200):
        pace.fit(even, 0.04)
        for tempo in even:
            pace.next(tempo, [50.0], turn * 130.0)
    assert pace.heat_share == 0.0
    for turn in range(200, 1000):
        pace.fit(even, 0.04)
        for tempo in even:
            pace.next(tempo, [10.0] * (200 if turn % 200 == 0 else 0), turn * 130.0)
    assert 0.5 < pace.heat_share <= MOST_HEAT


def test_what_intervals_really_take_is_corrected() -> None:
    """Where heat makes polls more frequent than the price was found for, the price rises."""
    pace = Pace(1.0, 600.0)
    tempos = [Tempo(0.0, 5.0) for _ in range(20)]
    for turn in range(1, 400):
        pace.fit(tempos, 0.2)
        for tempo in tempos:
            pace.next(tempo, [1.0] * (30 if turn % 10 == 0 else 0), turn * 100.0)
    taken = [sum(1 / tempo.interval for tempo in tempos)]
    for turn in range(400, 420):
        pace.fit(tempos, 0.2)
        for tempo in tempos:
            pace.next(tempo, [1.0] * (30 if turn % 10 == 0 else 0), turn * 100.0)
        taken.append(sum(1 / tempo.interval for tempo in tempos))
    assert sum(taken) / len(taken) == pytest.approx(0.2, rel=0.35)


def test_expected_delay_is_half_an_interval() -> None:
    """Without a bound the expected delay is half the shortest interval; of nobody there is none."""
    pace = Pace(5.0, 600.0)
    assert pace.expected_delay([]) == 0.0
    assert pace.expected_delay([Tempo(0.0, 5.0)]) == 2.5


def test_silent_connectors_take_the_longest_interval_and_leave_the_rest_to_others() -> None:
    """Nine of ten silent: what they would take goes to the one that is not, bound or not."""
    pace = Pace(5.0, 300.0)
    tempos = [Tempo(0.0, 5.0) for _ in range(10)]
    for tempo in tempos[1:]:
        tempo.is_silent = True
    pace.fit(tempos, 0.3)
    assert not pace.is_bound
    assert [pace.next(tempo, [], 5.0) for tempo in tempos] == [5.0, *[300.0] * 9]
    tempos[0].is_silent = True
    pace.fit(tempos, 10 / 300)
    assert pace.next(tempos[0], [], 10.0) == 300.0


def test_silence_leaves_a_bound_budget_bound() -> None:
    """Those that are not silent share what the polls of the silent leave."""
    pace = Pace(5.0, 300.0)
    tempos = [Tempo(0.0, 5.0) for _ in range(100)]
    for tempo in tempos[:50]:
        tempo.is_silent = True
    for now in range(10, 2000, 10):
        pace.fit(tempos, 1.0)
        for tempo in tempos:
            pace.next(tempo, [], float(now))
    taken = sum(1 / tempo.interval for tempo in tempos)
    assert taken == pytest.approx(1.0, rel=0.1)
