"""What is shown is decided by name, level and kind alone."""

import re

import pytest

from tailer.core.sieve import Sieve
from tailer.kinds import LEVELS
from tailer.model import Event, Source

KINDS = {
    "debug": "Reconcile",
    "info": "HaInit",
    "notice": "Init",
    "warning": "Leave",
    "error": "HaError",
    "critical": "FinishAttestationFailure",
}


def event(k: str = "Leave", name: str = "Oslo 1") -> Event:
    """An event of a connector."""
    return Event(t=1, n=1, k=k, a=1, source=Source("a", "c", name, "s", 0.0))


def patterns(*texts: str) -> list[re.Pattern[str]]:
    """Compiled."""
    return [re.compile(text) for text in texts]


@pytest.mark.parametrize("level", LEVELS)
def test_level_is_the_least(level: str) -> None:
    """Events at least as serious as the level pass, all others don't."""
    sieve = Sieve(level=level)
    passed = [name for name, kind in KINDS.items() if sieve(event(kind))]
    assert passed == list(LEVELS[LEVELS.index(level) :])


@pytest.mark.parametrize(
    ("include", "exclude", "passes"),
    [
        ([], [], True),
        (["Oslo"], [], True),
        (["^Oslo 1 warning Leave$"], [], True),
        (["oslo"], [], False),
        (["(?i)OSLO"], [], True),
        (["Bergen"], [], False),
        (["Bergen", "warn"], [], True),
        ([], ["Leave"], False),
        ([], ["Bergen"], True),
        (["Oslo"], ["1 w"], False),
    ],
)
def test_patterns_are_searched_in_name_level_and_kind(
    include: list[str], exclude: list[str], passes: bool
) -> None:
    """One of the patterns to include must be found, and none of those to exclude."""
    assert Sieve(include=patterns(*include), exclude=patterns(*exclude))(event()) == passes


def test_kinds_are_all_that_passes() -> None:
    """With kinds, only events of these kinds pass."""
    sieve = Sieve(kinds=["Leave", "Init"])
    assert [sieve(event(kind)) for kind in ("Leave", "Init", "HaInit")] == [True, True, False]


@pytest.mark.parametrize(
    ("sieve", "is_open"),
    [
        (Sieve(), True),
        (Sieve(level="debug"), True),
        (Sieve(level="info"), False),
        (Sieve(kinds=["Init"]), False),
        (Sieve(include=patterns(".")), False),
        (Sieve(exclude=patterns(".")), False),
    ],
)
def test_open_sieve_is_known(sieve: Sieve, is_open: bool) -> None:
    """A sieve that lets everything through says so."""
    assert sieve.is_open == is_open


def test_renamed_connector_is_looked_at_again() -> None:
    """A decision counts for a name and kind, whichever connector has them, however many there are."""
    sieve = Sieve(include=patterns("7$"), kinds=[])
    wanted = [sieve(event(f"Kind{i}")) for i in range(5000)]
    assert sum(wanted) == 500
    assert [sieve(event(f"Kind{i}")) for i in reversed(range(5000))] == wanted[::-1]
