from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact, wait_for_truth
from tests.e2e.processes import Setup, Simulator, wait_until

LIVE = ("--connectors", "4", "--rate", "15")


def test_an_api_that_goes_away_and_comes_back(
    tmp_path: Path, simulate: Simulate, processes: ExitStack
) -> None:
    """Away for longer than any regular poll looks back: the time it was away is read when it returns."""
    same = (*LIVE, "--epoch", str(int(time.time()) - 120), "--late-share", "0.1", "--late-by", "3s")
    simulator = simulate(*same)
    setup = Setup(tmp_path, simulator, start="1h")  # polls look back 0.8 s, four intervals
    run = processes.enter_context(setup.run())
    wait_for_truth(setup.events, simulator, run)
    simulator.kill()
    failed = '"event":"PollFailed"'
    wait_until(lambda: run.words.count(failed) >= 5, "polls fail for several seconds", run)

    simulator = simulate(*same, "--port", simulator.port)

    required = wait_for_truth(setup.events, simulator, run, news=20)
    assert run.stop() == 0, run.words
    assert_exact(setup.events, simulator, required=required, order="connector")


@pytest.mark.long
def test_an_api_that_answers_nothing_for_a_while(tmp_path: Path, simulate: Simulate) -> None:
    """A tail survives an API that closes every connection for some seconds, and misses nothing of them."""
    simulator = simulate(*LIVE, "--fault", "down@5-9")
    setup = Setup(tmp_path, simulator)
    with setup.tail("-f", "--since", "3h") as tail:
        wait_until(lambda: simulator.stats["faults"].get("down", 0) > 0, "it is down", simulator, tail)
        required = wait_for_truth(tail.stdout, simulator, tail, news=20)
        assert tail.stop() == 0, tail.words
        assert_exact(tail.stdout, simulator, required=required, order="global")


@pytest.mark.long
def test_three_days_of_downtime(tmp_path: Path, processes: ExitStack) -> None:
    """A daemon that comes back after three days reads them, and nothing a second time."""
    same = ("--connectors", "4", "--rate", "0.05", "--epoch", str(int(time.time()) - 3600))
    before = processes.enter_context(Simulator(tmp_path, *same))
    setup = Setup(tmp_path, before, start="2h")
    with setup.run() as run:
        required = wait_for_truth(setup.events, before, run)
        assert run.stop() == 0, run.words
    before.stop()

    after = processes.enter_context(
        Simulator(tmp_path, *same, "--clock-offset", "3d", "--port", before.port, "--max-limit", "100")
    )

    with setup.run() as run:
        required |= wait_for_truth(setup.events, after, run)
        assert run.stop() == 0, run.words
    with setup.run("--once") as run:
        assert run.wait() == 0, run.words
    assert_exact(setup.events, after, required=required, order="connector")
