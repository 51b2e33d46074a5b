"""Kill -9 of the daemon and of what it delivers to: nothing missing, nothing twice where that is promised."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.e2e.conftest import Simulate
from tests.e2e.counterparts import COUNTERPARTS, REPEATING
from tests.e2e.crashes import WORLD, Counterpart, crash_both, finish, setup_for

LATE = ("--late-share", "0.1", "--late-by", "5s", "--shifting-pages", "--order", "desc")


@pytest.fixture(params=COUNTERPARTS)
def counterpart(request: pytest.FixtureRequest, tmp_path: Path) -> Counterpart:
    """Give each place that keeps what it has acknowledged."""
    return COUNTERPARTS[request.param](request, tmp_path)


@pytest.mark.timeout(180)  # five starts of the program take their time on a loaded machine
def test_both_killed(tmp_path: Path, simulate: Simulate, counterpart: Counterpart) -> None:
    """Daemon and counterpart die five times; then each event is there, once."""
    setup = setup_for(tmp_path, simulate(*WORLD, *LATE), counterpart)
    crash_both(setup, counterpart, Random(1), cycles=5)
    finish(setup, counterpart)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(4))
def test_both_killed_many_times(
    tmp_path: Path, simulate: Simulate, counterpart: Counterpart, seed: int
) -> None:
    """However often and whenever they die, each event is there, once."""
    setup = setup_for(tmp_path, simulate(*WORLD, *LATE), counterpart)
    crash_both(setup, counterpart, Random(seed), cycles=60)
    finish(setup, counterpart)


@pytest.fixture(
    params=[name if name == "redis" else pytest.param(name, marks=pytest.mark.long) for name in REPEATING]
)
def repeating(request: pytest.FixtureRequest, tmp_path: Path) -> Counterpart:
    """Give each place that may get a batch twice."""
    return REPEATING[request.param](request, tmp_path)


@pytest.mark.timeout(180)
def test_both_killed_where_batches_may_repeat(
    tmp_path: Path, simulate: Simulate, repeating: Counterpart
) -> None:
    """Daemon and counterpart die five times; each event is there, and a batch a death may be twice."""
    setup = setup_for(tmp_path, simulate(*WORLD, *LATE), repeating)
    crash_both(setup, repeating, Random(1), cycles=5)
    finish(setup, repeating, repeats=2 * 5 * 100)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(2))
def test_both_killed_many_times_where_batches_may_repeat(
    tmp_path: Path, simulate: Simulate, repeating: Counterpart, seed: int
) -> None:
    """However often and whenever they die: at most a batch a death comes twice."""
    setup = setup_for(tmp_path, simulate(*WORLD, *LATE), repeating)
    crash_both(setup, repeating, Random(seed), cycles=60)
    finish(setup, repeating, repeats=2 * 60 * 100)
