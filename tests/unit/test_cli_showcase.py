import pytest

from tailer.cli.showcase import COMEBACK, FLEET, invent, leaver_of
from tailer.simulator.fleet import absence


@pytest.mark.parametrize("start", range(1_790_000_000, 1_790_010_000, 457))
def test_somebody_comes_back_soon(start: int) -> None:
    """Whenever the demo begins, an appliance is away and comes back within the first seconds."""
    options = invent(start)
    away = absence(options, leaver_of(options), start + COMEBACK)
    assert away is not None
    assert COMEBACK < away[1] - start < COMEBACK + 2


def test_the_fleet_stays_the_same() -> None:
    """Only the absences depend on the moment; names and rates are always those of the seed."""
    assert leaver_of(invent(1_790_000_000)).id == leaver_of(FLEET).id
