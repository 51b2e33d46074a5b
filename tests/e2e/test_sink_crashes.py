"""Kill -9 of the daemon and of what it delivers to: nothing missing, nothing twice where that is promised."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.e2e.conftest import Simulate
from tests.e2e.counterparts import EVERY, make_place
from tests.e2e.crashes import WORLD, Place, crash, finish, setup_for

LATE = ("--late-share", "0.1", "--late-by", "5s", "--shifting-pages", "--order", "desc")


@pytest.fixture
def survive(
    tmp_path: Path, simulate: Simulate, record_property: Callable[[str, object], None]
) -> Callable[..., None]:
    """Give what puts places through a campaign of crashes, and notes its figures."""

    def run(places: list[Place], *, seed: int, cycles: int) -> None:
        setup = setup_for(tmp_path, simulate(*WORLD, *LATE), places)
        crash(setup, places, Random(seed), cycles)
        record_property("figures", finish(setup, places, cycles))

    return run


@pytest.fixture
def everywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Place]]:
    """Give every place whose server is installed; if one is not, the test ends as skipped, and says so."""
    places, missing = [], []
    for name in EVERY:
        try:
            places.append(make_place(name, request, tmp_path))
        except pytest.skip.Exception as reason:
            missing.append(f"without {name}: {reason}")
    yield places
    if missing:
        pytest.skip("; ".join(missing))


@pytest.mark.timeout(180)  # five starts of the program take their time on a loaded machine
def test_all_killed(survive: Callable[..., None], everywhere: list[Place]) -> None:
    """Daemon and counterparts die five times; then each event is at each, once or as often as is promised."""
    survive(everywhere, seed=1, cycles=5)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(4))
def test_all_killed_many_times(survive: Callable[..., None], everywhere: list[Place], seed: int) -> None:
    """However often and whenever they die."""
    survive(everywhere, seed=seed, cycles=50)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", EVERY)
def test_one_killed_many_times(
    survive: Callable[..., None], request: pytest.FixtureRequest, tmp_path: Path, name: str
) -> None:
    """As above for a sink that has the daemon to itself, so that it is in the middle of more."""
    survive([make_place(name, request, tmp_path)], seed=2, cycles=25)
