from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact, wait_for_delivery, wait_for_truth
from tests.e2e.processes import Setup, wait_until
from tests.e2e.truth import count_lines, read_records, read_truth

LIVE = ("--connectors", "4", "--rate", "15", "--history", "2m")


@pytest.mark.parametrize(
    ("offset", "manners"),
    [
        pytest.param("-2m", (), marks=pytest.mark.long),
        pytest.param("-2m", ("--refuse-future",), marks=pytest.mark.long),
        ("+2m", ("--refuse-future",)),
    ],
)
def test_an_api_with_another_clock(
    tmp_path: Path, simulate: Simulate, offset: str, manners: tuple[str, ...]
) -> None:
    """Whether the API's clock is behind or ahead, its events come at once, each once and in order."""
    simulator = simulate(*LIVE, *manners, "--clock-offset", offset)
    setup = Setup(tmp_path, simulator, start="1h")
    with setup.run() as run, setup.tail("-f", "--since", "1h") as tail:
        wait_for_truth(setup.events, simulator, run)
        required = wait_for_truth(tail.stdout, simulator, tail, news=15)
        required |= wait_for_truth(setup.events, simulator, run)
        assert run.stop() == 0, run.words
        assert tail.stop() == 0, tail.words

    assert_exact(setup.events, simulator, required=required, order="connector")
    assert_exact(tail.stdout, simulator, required=required, order="global")


def test_an_api_whose_clock_is_set_right(tmp_path: Path, simulate: Simulate, processes: ExitStack) -> None:
    """The API's clock steps two minutes forward while the daemon runs: what lies between is read as well."""
    same = (*LIVE, "--epoch", str(int(time.time()) - 300))
    simulator = simulate(*same, "--clock-offset", "-2m")
    setup = Setup(tmp_path, simulator, start="1h")
    run = processes.enter_context(setup.run())
    wait_for_truth(setup.events, simulator, run)
    simulator.kill()

    simulator = simulate(*same, "--port", simulator.port)

    required = wait_for_truth(setup.events, simulator, run, news=20)
    assert run.stop() == 0, run.words
    assert '"event":"ClockStepped"' in run.words
    assert_exact(setup.events, simulator, required=required, order="connector")


@pytest.mark.parametrize("filter_on", ["t", pytest.param("a", marks=pytest.mark.long)])
def test_a_device_that_is_ten_minutes_ahead(tmp_path: Path, simulate: Simulate, filter_on: str) -> None:
    """Events from the future come when the API shows them, once, and make nobody else's late."""
    history = ("--rate", "4", "--history", "12m")
    simulator = simulate(*LIVE, *history, "--device-ahead", "10m", "--filter-on", filter_on)
    setup = Setup(tmp_path, simulator, start="1h", polling={"settle": "2s"})
    with setup.run() as run, setup.tail("-f", "--since", "1h") as tail:
        wait_until(lambda: count_lines(simulator.truth) > 0, "there is a history", simulator)
        now = time.time()
        # One that filters on t is not asked for the future: it shows what has been its time by now.
        required = {
            fact.identity for fact in read_truth(simulator.truth).values() if filter_on == "a" or fact.t < now
        }
        wait_for_delivery(tail.stdout, required, tail)
        wait_for_delivery(setup.events, required, run)
        assert run.stop() == 0, run.words
        assert tail.stop() == 0, tail.words

    assert_exact(setup.events, simulator, required=required, order="connector")
    assert_exact(tail.stdout, simulator, required=required)
    ahead = {fact.identity for fact in read_truth(simulator.truth).values() if fact.t > fact.visible_at + 500}
    assert ahead & required
    on_time = [one for one in read_records(tail.stdout) if one.identity not in ahead]
    assert not any(one.late for one in on_time)
