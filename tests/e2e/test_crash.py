from __future__ import annotations

import gzip
import signal
import time
from pathlib import Path
from random import Random

import pytest

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact, wait_for_truth
from tests.e2e.processes import Setup, wait_until
from tests.e2e.truth import count_lines, read_records

FAULTS = ("500:0.03", "reset:0.03", "truncated:0.02", "wrong-shape:0.02")
WORLD = ("--connectors", "5", "--rate", "20", "--history", "20m", "--history-events", "300")
LATE = ("--late-share", "0.1", "--late-by", "5s", "--shifting-pages", "--order", "desc", "--max-limit", "100")


def crash(setup: Setup, random: Random, cycles: int) -> None:
    """Start the daemon again and again, and kill it at any instant between its start and some work."""
    for _ in range(cycles):
        with setup.run() as run:
            time.sleep(random.uniform(0.25, 0.85))  # the instant is the point: no state is waited for
            assert run.exit_code is None, run.words
            run.send(signal.SIGKILL)
            assert run.wait() == -signal.SIGKILL


def finish(setup: Setup) -> None:
    """Let the daemon catch up, end it in good order, and compare."""
    with setup.run() as run:
        required = wait_for_truth(setup.events, setup.simulator, run, news=20)
        assert run.stop() == 0, run.words
    assert_exact(setup.events, setup.simulator, required=required, order="connector")


def test_kill_9_loses_nothing_and_repeats_nothing(tmp_path: Path, simulate: Simulate) -> None:
    """Killed twenty times under load and faults, the daemon has every event in its file exactly once."""
    simulator = simulate(*WORLD, *LATE, *(word for fault in FAULTS for word in ("--fault", fault)))
    setup = Setup(tmp_path, simulator, start="3h")

    crash(setup, Random(1), cycles=20)

    finish(setup)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("order", ["arrival", "connector", "global"])
def test_kill_9_many_times(tmp_path: Path, simulate: Simulate, seed: int, order: str) -> None:
    """However the file is ordered and whenever the daemon is killed, each event is in it exactly once."""
    simulator = simulate(*WORLD, *LATE, *(word for fault in FAULTS for word in ("--fault", fault)))
    setup = Setup(tmp_path, simulator, start="3h", order=order)

    crash(setup, Random(seed), cycles=60)

    with setup.run() as run:
        required = wait_for_truth(setup.events, simulator, run, news=20)
        assert run.stop() == 0, run.words
    assert_exact(setup.events, simulator, required=required)


@pytest.mark.long
def test_kill_9_around_rotations(tmp_path: Path, simulate: Simulate) -> None:
    """Killed while it rotates and compresses, the daemon has every event in one of the files exactly once."""
    simulator = simulate(*WORLD, *LATE)
    setup = Setup(tmp_path, simulator, start="3h")
    rotated = tmp_path / "rotated"
    rotated.mkdir()
    with setup.path.open("a") as file:
        file.write(
            '\n[[sinks]]\ntype = "file"\nname = "rotated"\npath = "rotated/events.jsonl"\nmax_events = 50\n'
            'rotate_size = "64KiB"\ncompress = "gzip"\n'
        )

    crash(setup, Random(1), cycles=8)

    finish(setup)
    required = {one.identity for one in read_records(setup.events)}
    *aside, live = sorted(rotated.iterdir())
    whole = tmp_path / "whole.jsonl"
    whole.write_bytes(b"".join([*(gzip.decompress(path.read_bytes()) for path in aside), live.read_bytes()]))
    assert_exact(whole, simulator, required=required, order="connector")
    assert len(aside) > 3


def test_the_file_is_cut_where_the_crash_left_half_a_line(tmp_path: Path, simulate: Simulate) -> None:
    """What a dying daemon wrote beyond its last commit is not there after the next start."""
    simulator = simulate(*WORLD, "--rate", "20")
    setup = Setup(tmp_path, simulator, start="3h")
    with setup.run() as run:
        wait_for_truth(setup.events, simulator, run)
        run.send(signal.SIGKILL)
        run.wait()
    with setup.events.open("ab") as file:
        file.write(b'{"id":"half')

    finish(setup)


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_a_signal_drains(tmp_path: Path, simulate: Simulate, number: signal.Signals) -> None:
    """A daemon that is asked to end does so at once, in good order; the next one goes on where it was."""
    simulator = simulate(*WORLD)
    setup = Setup(tmp_path, simulator, start="3h")
    with setup.run() as run:
        wait_until(lambda: setup.events.exists() and count_lines(setup.events) > 0, "something is there", run)
        run.send(number)
        assert run.wait() == (0 if number == signal.SIGTERM else 130), run.words
        assert '"event":"Ended"' in run.words

    finish(setup)


def test_a_drained_tail_shows_all_it_has_read(tmp_path: Path, simulate: Simulate) -> None:
    """Ctrl-C during a tail: what was read is shown, and the summary counts exactly that."""
    simulator = simulate(*WORLD)
    setup = Setup(tmp_path, simulator)
    with setup.tail("-f", "--since", "3h") as tail:
        required = wait_for_truth(tail.stdout, simulator, tail)
        tail.send(signal.SIGINT)
        assert tail.wait() == 130
        assert f"{count_lines(tail.stdout)} events from 5 connectors" in tail.words
        assert_exact(tail.stdout, simulator, required=required, order="global")
