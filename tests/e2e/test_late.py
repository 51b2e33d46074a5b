from __future__ import annotations

import time
from pathlib import Path

import pytest

from tailer.simulator.fleet import absence, build_fleet
from tailer.simulator.options import SimulatorOptions
from tests.e2e import program
from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact, wait_for_news, wait_for_truth
from tests.e2e.processes import Setup, wait_until
from tests.e2e.truth import Identity, read_records, read_truth

BUSY = ("--connectors", "3", "--rate", "30", "--history", "1m")


@pytest.mark.parametrize(
    "manners",
    [
        ("--late-share", "0.3", "--late-by", "3s", "--filter-on", "a"),
        pytest.param(("--offline-share", "0.7", "--offline-for", "2s"), marks=pytest.mark.long),
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


@pytest.mark.long
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


def offset_before_an_absence(options: SimulatorOptions, least: float) -> int:
    """Find a clock offset with which a connector will be away in a quarter of a minute, for long enough."""
    now = time.time()
    fleet = build_fleet(options, now)
    for offset in range(int(40 * options.offline_for)):
        spans = [absence(options, one, now + offset + 16) for one in fleet]
        if any(span and 0 < span[0] - now - offset - 10 < 6 and span[1] - span[0] > least for span in spans):
            return offset
    raise AssertionError("nobody is away for long enough: choose another seed")


@pytest.mark.long
@pytest.mark.timeout(400)
def test_an_appliance_that_was_away_is_left_alone_and_then_read_at_once(
    tmp_path: Path, simulate: Simulate
) -> None:
    """Silent while its heartbeat stands still; all that it uploads afterwards is there within a minute."""
    options = SimulatorOptions(connectors=3, rate=6.0, offline_share=0.3, offline_for=160.0)
    offset = offset_before_an_absence(options, 110)
    simulator = simulate(
        *("--connectors", "3", "--rate", "6", "--history", "1m", "--clock-offset", f"{offset}s"),
        *("--offline-share", "0.3", "--offline-for", "160s"),
    )
    setup = Setup(tmp_path, simulator, start="1h", polling={"discover": "30s"})
    with setup.run() as run:
        wait_until(lambda: "silent, for up to" in status_of(setup), "one is silent", run, within=180)
        wait_until(lambda: "silent, for up to" not in status_of(setup), "it is heard again", run, within=180)
        required = wait_for_truth(setup.events, simulator, run, news=60, within=60)
        assert "seen within" in status_of(setup)
        assert run.stop() == 0, run.words
    assert_exact(setup.events, simulator, required=required, order="connector")


def status_of(setup: Setup) -> str:
    """Ask the daemon how it is."""
    return program.run(["status", "-c", str(setup.path)], {}, setup.folder).stdout
