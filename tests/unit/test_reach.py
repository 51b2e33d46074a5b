"""Whose past is read less far back when the keys of all must fit into memory."""

from __future__ import annotations

import math

from tailer.core.reach import CUT_AT, FIT_TO, Holding, fitted

DAY = 86_400.0


def holding(
    keys: int, *, reach: float = math.inf, span: float = 2 * DAY, shortest: float = 20.0, floor: int = 0
) -> Holding:
    """Give a connector whose keys lie evenly over its span; `floor` of them are pinned by a hole."""

    def within(shorter: float) -> int:
        return max(floor, int(keys * min(1.0, shorter / span)))

    return Holding(reach, 2 * DAY, shortest, span, keys, within)


def kept(holdings: list[Holding], reaches: list[float]) -> int:
    """Count what is left."""
    return sum(one.within(min(reach, one.span)) for one, reach in zip(holdings, reaches, strict=True))


def test_nothing_is_cut_while_there_is_room() -> None:
    """Given fewer keys than the bound allows, every reach stays infinite."""
    assert fitted([holding(400), holding(500)], 1000) == [math.inf, math.inf]


def test_the_densest_is_cut_first() -> None:
    """Given one connector that floods, it alone pays, and as little as is needed."""
    assert fitted([holding(100), holding(2000), holding(50)], 1000) == [math.inf, DAY / 2, math.inf]


def test_equals_share_the_cut() -> None:
    """Given connectors that are alike, none is cut by half before each was, or nearly."""
    holdings = [holding(100)] * 10
    reaches = fitted(holdings, 600)
    assert {reach for reach in reaches if reach < 2 * DAY} <= {DAY, DAY / 2}
    assert kept(holdings, reaches) <= FIT_TO * 600


def test_a_cut_goes_below_the_threshold_so_that_it_lasts() -> None:
    """Given a total just above the threshold, a cut makes so much room that a steady load needs no other."""
    holdings = [holding(91)] * 10
    assert fitted(holdings, 1000) != [math.inf] * 10
    assert kept(holdings, fitted(holdings, 1000)) <= FIT_TO * 1000 < CUT_AT * 1000


def test_no_reach_is_cut_below_the_shortest() -> None:
    """Given far too many keys, every reach ends at what a poll takes anyway, and there it stays."""
    holdings = [holding(10**9, shortest=300.0), holding(10**9, reach=20.0)]
    assert fitted(holdings, 100) == [300.0, 20.0]


def test_what_a_hole_pins_is_not_cut_again_and_again() -> None:
    """Given keys that a hole keeps, others are cut as well, as these can't be helped."""
    pinned, other = holding(1000, floor=1000), holding(600)
    reaches = fitted([pinned, other], 1000)
    assert reaches[0] == 20.0
    assert other.within(reaches[1]) < 20


def test_a_long_outage_is_cut_to_the_deepest_level_first() -> None:
    """Given a span longer than the ladder, the first cut is to the ladder's length."""
    assert fitted([holding(1000, span=10 * DAY)], 1000) == [2 * DAY]


def test_reaches_grow_when_there_is_room() -> None:
    """Given room, cut connectors grow twofold a round, those with the fewest keys first."""
    small, large = holding(10, reach=DAY / 2, span=DAY / 2), holding(300, reach=DAY / 2, span=DAY / 2)
    assert fitted([large, small], 1000) == [DAY, DAY]
    assert fitted([large, small], 700) == [DAY / 2, DAY]
    assert fitted([holding(10, reach=2 * DAY)], 1000) == [math.inf]


def test_a_reach_that_is_not_full_yet_is_not_taken_for_room() -> None:
    """Given a reach that has just grown, what it will hold once it is full counts, not what it holds now."""
    growing = holding(300, reach=DAY, span=DAY / 2)
    assert fitted([growing], 1000) == [DAY]
    assert fitted([growing, holding(5)], 10_000) == [2 * DAY, math.inf]


def test_a_new_connector_is_what_it_is() -> None:
    """Given a cut connector without a span, its keys are counted as they are."""
    assert fitted([holding(0, reach=DAY, span=0.0)], 1000) == [2 * DAY]


def test_a_steady_load_settles() -> None:
    """Given one load and its keys after each round, reaches stop changing after a few rounds."""
    rates = [0.001, 0.004, 0.02, 0.1]
    reaches = [math.inf] * 4
    history = []
    for _ in range(20):
        spans = [min(reach, 2 * DAY) for reach in reaches]
        holdings = [
            holding(int(rate * span), reach=reach, span=span)
            for rate, reach, span in zip(rates, reaches, spans, strict=True)
        ]
        reaches = fitted(holdings, 10_000)
        history.append(reaches)
    assert history[2] == history[-1]
    assert history[-1][0] == math.inf > history[-1][3]
