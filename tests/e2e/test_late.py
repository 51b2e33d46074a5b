from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact, wait_for_news, wait_for_truth
from tests.e2e.processes import Setup
from tests.e2e.truth import Identity, read_records, read_truth

BUSY = ("--connectors", "3", "--rate", "30", "--history", "1m")


@pytest.mark.parametrize(
    "manners",
    [
        ("--late-share", "0.3", "--late-by", "3s", "--filter-on", "a"),
        ("--offline-share", "0.7", "--offline-for", "2s"),
    ],
    ids=["late", "offline"],
)
def test_late_events_are_delivered_once_and_marked(
    tmp_path: Path, simulate: Simulate, manners: tuple[str, ...]
) -> None:
    """Events that become visible after later ones, or are uploaded after an absence, come once, marked."""
    simulator = simulate(*BUSY, *manners)
    setup = Setup(tmp_path, simulator, start="1h")
    with setup.run() as run, setup.tail("-f", "--since", "1h") as tail:
        wait_for_truth(setup.events, simulator, run)
        required = wait_for_truth(tail.stdout, simulator, tail, news=60)
        required |= wait_for_truth(setup.events, simulator, run)
        assert run.stop() == 0, run.words
        assert tail.stop() == 0, tail.words

    assert_exact(setup.events, simulator, required=required, order="connector")
    assert_exact(tail.stdout, simulator, required=required, order="global")
    truth = read_truth(simulator.truth)
    late = [one for one in read_records(setup.events) if one.late]
    assert late
    # Nobody can be late who was visible before he had settled, which takes half a second here.
    assert all(truth[one.identity].visible_at > one.t + 0.5 for one in late)
    assert f" {len(late)} late," in run.words


def test_a_restart_finds_what_became_visible_meanwhile(tmp_path: Path, simulate: Simulate) -> None:
    """Events whose time was read before a restart, and that became visible during it, are delivered once."""
    simulator = simulate(*BUSY, "--late-share", "0.5", "--late-by", "4s")
    setup = Setup(tmp_path, simulator, start="1h")
    required: set[Identity] = set()
    for _ in range(2):
        with setup.run() as run:
            required |= wait_for_truth(setup.events, simulator, run)
            assert run.stop() == 0, run.words
        wait_for_news(simulator, 40)

    with setup.run("--once") as run:
        assert run.wait() == 0, run.words
    assert_exact(setup.events, simulator, required=required, order="connector")
