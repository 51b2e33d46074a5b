from __future__ import annotations

import pytest

from tailer.core.heartbeat import Pulse, listing_interval


def test_a_heart_that_beats_is_not_silent() -> None:
    """Nor one that is a minute old: the listing itself may be."""
    pulse = Pulse()
    assert pulse.listed(1000.0, 1060.0) is None
    assert pulse.silent_since is None
    assert pulse.collected(1005.0) is None


def test_a_heartbeat_that_has_stopped_is_silence_until_the_next_one() -> None:
    """Since its last sign of life; when it is heard again, the absence is what lies between."""
    pulse = Pulse()
    assert pulse.listed(1000.0, 1100.0) is None
    assert pulse.silent_since == 1000.0
    assert pulse.listed(1000.0, 1400.0) is None
    assert pulse.listed(1690.0, 1700.0) == (1000, 1700)
    assert pulse.silent_since is None


def test_an_event_is_a_sign_of_life() -> None:
    """One collected after the last listing ends the silence at once, and no doubt is cast on heartbeats."""
    pulse = Pulse()
    pulse.listed(1000.0, 1400.0)
    assert pulse.collected(1030.0) is None  # on its way when the appliance fell silent
    assert pulse.silent_since == 1000.0
    assert pulse.collected(1450.5) == (1000, 1451)
    assert not pulse.silent_since
    assert pulse.listed(1500.0, 1700.0) is None
    assert pulse.silent_since == 1500.0


def test_an_appliance_heard_between_two_listings_was_away_before() -> None:
    """Silent again when it is listed: the first absence is told, the second has begun."""
    pulse = Pulse()
    pulse.listed(1000.0, 1400.0)
    assert pulse.listed(1500.0, 1700.0) == (1000, 1500)
    assert pulse.silent_since == 1500.0


def test_listings_without_heartbeats_are_ignored() -> None:
    """Nobody is silent then, not even one that was."""
    pulse = Pulse()
    pulse.listed(1000.0, 1400.0)
    assert pulse.listed(None, 1700.0) is None
    assert pulse.silent_since is None


@pytest.mark.parametrize("is_listed_first", [True, False])
def test_a_heartbeat_that_lies_is_ignored(is_listed_first: bool) -> None:
    """Collected before the listing, long after the heartbeat that it shows: events come all the same."""
    pulse = Pulse()
    if is_listed_first:
        pulse.listed(1000.0, 1400.0)
        pulse.collected(1390.0)
    else:
        pulse.collected(1390.0)
        pulse.listed(1000.0, 1400.0)
    assert pulse.silent_since is None
    pulse.listed(1000.0, 9000.0)
    assert pulse.silent_since is None


@pytest.mark.parametrize(
    ("silent", "connectors", "told"),
    [(0, 50, 300), (1, 50, 50), (2, 50, 30), (900, 1000, 30), (900, 9000, 90), (1, 40_000, 300)],
)
def test_silent_appliances_are_listed_more_often(silent: int, connectors: int, told: float) -> None:
    """A listing costs at most a tenth of the polls that it saves, and a large one is rarer."""
    assert listing_interval(silent, connectors, 5.0, 300.0) == told
