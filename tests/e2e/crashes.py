"""Kills the daemon and the place that it delivers to, at random instants, and judges what is there then.

A sink's test describes its place as a `Counterpart`; the rest is the same for all::

    setup = setup_for(tmp_path, simulator, counterpart)
    crash_both(setup, counterpart, Random(1), cycles=5)
    repeated = finish(setup, counterpart)
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Protocol

from tests.e2e.deliveries import assert_exact, wait_for_news
from tests.e2e.processes import Process, Setup, Simulator, wait_until
from tests.e2e.truth import Record, complaints, read_truth

WORLD = ("--connectors", "5", "--rate", "40", "--history", "20m", "--history-events", "300")
"""A simulator's options: enough to be delivered that every instant is in the middle of something."""

_LONGEST_LIFE = 0.9
"""Seconds that a daemon lives at most, from its start or from its first delivery on."""


class Counterpart(Protocol):
    """Where a sink under test delivers to; it runs when it is handed over."""

    @property
    def table(self) -> str:
        """The sink's table in the configuration, as TOML without its heading: its type and what it needs.

        Small batches (``max_events``) make more instants to be killed at.
        """

    def kill(self) -> None:
        """Make it go away at once, in whatever it is doing."""

    def start(self) -> None:
        """Bring it back; returns when it takes events again."""

    def held(self) -> list[Record]:
        """Give all that it holds, in any order and as often as it holds it. Called while it runs."""


def setup_for(folder: Path, simulator: Simulator, counterpart: Counterpart) -> Setup:
    """Write a configuration with a file and the sink under test."""
    setup = Setup(folder, simulator, start="3h")
    with setup.path.open("a") as file:
        file.write(f"\n[[sinks]]\n{counterpart.table}\n")
    return setup


def crash_both(setup: Setup, counterpart: Counterpart, random: Random, cycles: int) -> None:
    """Start the daemon again and again; in its life its counterpart goes away and comes back, and it dies.

    Any of the three may be first: the daemon may begin without its counterpart, die with it, or outlive it.
    Every second time it dies in or soon after its start, else in the middle of its deliveries.
    """
    for cycle in range(cycles):
        is_away = False
        with setup.run() as run:
            if cycle % 2 == 0:
                _wait_for_growth(setup.events, run)
            began = time.monotonic()
            steps = [(random.uniform(0, _LONGEST_LIFE), False) for _ in range(2)]
            for at, is_end in sorted([*steps, (random.uniform(0, _LONGEST_LIFE), True)]):
                # The instant is the point: no state is waited for.
                time.sleep(max(0.0, began + at - time.monotonic()))
                if is_end:
                    assert run.exit_code is None, run.words
                    run.send(signal.SIGKILL)
                    assert run.wait() == -signal.SIGKILL
                else:
                    (counterpart.start if is_away else counterpart.kill)()
                    is_away = not is_away


def finish(setup: Setup, counterpart: Counterpart, *, repeats: int = 0) -> int:
    """Let the daemon catch up, end it in good order, and compare what the counterpart holds with the truth.

    Args:
        setup: As `setup_for` made it.
        counterpart: It runs.
        repeats: How many events it may hold more than once, counted as often as they are too many.

    Returns:
        How many it does.
    """
    with setup.run() as run:
        wait_for_news(setup.simulator, 20)
        required = set(read_truth(setup.simulator.truth))
        wait_until(
            lambda: required <= {one.identity for one in counterpart.held()},
            f"all of {len(required)} events are delivered",
            run,
        )
        assert run.stop() == 0, run.words
    assert_exact(setup.events, setup.simulator, required=required, order="connector")
    records = counterpart.held()
    different = {record.identity: record for record in records}
    wrong = complaints([*different.values()], read_truth(setup.simulator.truth), required=required)
    assert not wrong, wrong
    repeated = len(records) - len(different)
    often = Counter(record.id for record in records).most_common(3)
    assert repeated <= repeats, f"{repeated} events too many, such as {often}"
    return repeated


def _wait_for_growth(file: Path, run: Process) -> None:
    before = _length(file)
    wait_until(lambda: _length(file) > before, "it delivers", run)


def _length(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
