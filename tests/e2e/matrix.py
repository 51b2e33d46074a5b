"""The many ways in which the API may behave, and the ways to read it: which of them meet, and what then."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from allpairspy import AllPairs

from tests.e2e.deliveries import assert_exact, wait_for_truth
from tests.e2e.processes import Setup, Simulator
from tests.e2e.truth import Identity, over, read_truth


class Case(NamedTuple):
    """One way in which the API may behave, and one way to read it; each field has `FACTORS` values."""

    order: str
    bounds: str
    filter_on: str
    cursor: str
    limits: str
    counted: str
    empty_pages: bool
    shifting_pages: bool
    numbers: str
    refuse_future: bool
    delay: str
    fault: str
    mode: str

    def options(self) -> list[str]:
        """Give the simulator's options."""
        flags = {
            "--empty-pages": self.empty_pages,
            "--shifting-pages": self.shifting_pages,
            "--refuse-future": self.refuse_future,
        }
        return [
            *("--order", self.order, "--bounds", self.bounds, "--filter-on", self.filter_on),
            *("--count", self.counted, "--delay", self.delay),
            *CURSORS[self.cursor],
            *LIMITS[self.limits],
            *NUMBERS[self.numbers],
            *(flag for flag, is_set in flags.items() if is_set),
            *(word for rule in FAULTS[self.fault] for word in ("--fault", rule)),
        ]

    def __str__(self) -> str:
        return "-".join(str(value) for value in self)


CURSORS = {
    "absent": ["--cursor-end", "absent"],
    "null": ["--cursor-end", "null"],
    "empty": ["--cursor-end", "empty"],
    "repeated": ["--cursor-end", "repeated"],
    "none": ["--no-cursor"],
}
LIMITS = {
    "1000": [],
    "lowered": ["--max-limit", "45", "--default-limit", "45"],
    "too-high": ["--max-limit", "60", "--default-limit", "50", "--over-limit", "refuse"],
    "refused": ["--refuse-limit", "--default-limit", "50"],
}
NUMBERS = {
    "whole": [],
    "float": ["--float-numbers"],
    "fractional": ["--fractional"],
    "big": ["--big-n"],
}
FAULTS = {
    "none": [],
    "server": ["500:0.03", "502-html:0.02", "520:0.02"],
    "transport": ["reset:0.03", "down:0.02", "close:0.05"],
    "throttle": ["429:0.03"],
    "body": ["truncated:0.02", "html-200:0.02", "wrong-shape:0.02", "success-false:0.02", "not-json:0.02"],
}
SURVIVED = ("none", "server", "transport", "throttle")
"""Faults that a run that ends by itself gets over: those that the client tries again, or waits for."""

ENDLESS = ("tail -f", "run")
"""Modes in which a poll that failed is followed by others, for as long as it takes."""

FACTORS: dict[str, list[Any]] = {
    "order": ["asc", "desc", "shuffled"],
    "bounds": ["closed", "open", "half-open", "half-open-end"],
    "filter_on": ["t", "a"],
    "cursor": [*CURSORS],
    "limits": [*LIMITS],
    "counted": ["page", "total"],
    "empty_pages": [False, True],
    "shifting_pages": [False, True],
    "numbers": [*NUMBERS],
    "refuse_future": [False, True],
    "delay": ["0s", "1s"],
    "fault": [*FAULTS],
    "mode": ["tail --until", "tail -f", "run --once", "run"],
}


def is_possible(values: list[Any]) -> bool:
    """Leave out what no program could get through: one bad answer too many at the end of a finite run."""
    chosen = dict(zip(Case._fields, values, strict=False))
    return chosen.get("mode", "run") in ENDLESS or chosen.get("fault", "none") in SURVIVED


def cases(seed: int) -> list[Case]:
    """Choose cases so that any two values of different factors meet in one, where that is possible.

    Args:
        seed: Which selection of the many there are.
    """
    random = Random(seed)
    shuffled = [random.sample(values, len(values)) for values in FACTORS.values()]
    return [Case(*values) for values in AllPairs(shuffled, filter_func=is_possible)]


def read_all(case: Case, folder: Path) -> None:
    """Let the program read a history and some seconds of life, and compare."""
    world = ("--connectors", "3", "--history", "20m", "--history-events", "160", "--rate", "6")
    with Simulator(folder, *world, *case.options()) as simulator:
        setup = Setup(folder, simulator, start="3h", order="connector")
        MODES[case.mode](setup)


def tail_until(setup: Setup) -> None:
    """Tail up to a moment that is still to come."""
    until = int(time.time()) + 3
    with setup.tail("--since", "3h", "--until", str(until), "--order", "connector") as tail:
        assert tail.wait() == 0, tail.words
        assert setup.simulator.stop() == 0
        truth = read_truth(setup.simulator.truth)
        required = [fact.identity for fact in truth.values() if fact.visible_at <= until]
        assert_exact(tail.stdout, setup.simulator, required=required, order="connector")


def follow(setup: Setup) -> None:
    """Tail without an end."""
    with setup.tail("-f", "--since", "3h", "--order", "global") as tail:
        required = wait_for_truth(tail.stdout, setup.simulator, tail, news=12)
        assert tail.stop() == 0, tail.words
        assert_exact(tail.stdout, setup.simulator, required=required, order="global")


def run_once(setup: Setup) -> None:
    """Run the daemon up to now, twice."""
    required: set[Identity] = set()
    for _ in range(2):
        truth = read_truth(setup.simulator.truth)
        required |= {fact.identity for fact in over(truth.values(), time.time())}
        with setup.run("--once") as run:
            assert run.wait() == 0, run.words
    assert_exact(setup.events, setup.simulator, required=required, order="connector")


def run(setup: Setup) -> None:
    """Run the daemon for a while."""
    with setup.run() as run:
        required = wait_for_truth(setup.events, setup.simulator, run, news=12)
        assert run.stop() == 0, run.words
    assert_exact(setup.events, setup.simulator, required=required, order="connector")


MODES: dict[str, Callable[[Setup], None]] = {
    "tail --until": tail_until,
    "tail -f": follow,
    "run --once": run_once,
    "run": run,
}
