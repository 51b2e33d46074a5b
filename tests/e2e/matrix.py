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
    pages: str
    numbers: str
    refuse_future: bool
    delay: str
    connection: str
    fault: str
    mode: str

    def options(self) -> list[str]:
        """Give the simulator's options."""
        return [
            *("--order", self.order, "--bounds", self.bounds, "--filter-on", self.filter_on),
            *("--count", self.counted, "--delay", self.delay),
            *CURSORS[self.cursor],
            *LIMITS[self.limits],
            *NUMBERS[self.numbers],
            *PAGES[self.pages],
            *CONNECTIONS[self.connection],
            *(["--refuse-future"] if self.refuse_future else []),
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
    "expired": ["--cursor-ttl", "0s"],
}
PAGES = {
    "plain": [],
    "empty": ["--empty-pages"],
    "shifting": ["--shifting-pages"],
    "overlapping": ["--overlapping-pages"],
}
CONNECTIONS = {
    "kept": [],
    "gzip": ["--gzip"],
    "short": ["--keep-alive", "100ms"],  # less than the interval: each poll finds its connection gone
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
    "server": ["500:0.03", "502-html:0.02", "520:0.02", "429-zero:0.01"],
    "transport": ["reset:0.03", "down:0.02", "close:0.05", "drip:0.01"],
    "body": ["truncated:0.02", "html-200:0.02", "wrong-shape:0.02", "success-false:0.02", "not-json:0.02"],
}
SURVIVED = ("none", "server", "transport")
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
    "pages": [*PAGES],
    "numbers": [*NUMBERS],
    "refuse_future": [False, True],
    "delay": ["0s", "1s"],
    "connection": [*CONNECTIONS],
    "fault": [*FAULTS],
    "mode": ["tail --until", "tail -f", "run --once", "run"],
}


RARE = {"null", "expired"}
"""Values that are left to the long runs: with all five cursors, fewer than 26 cases can't hold all pairs."""


def is_possible(values: list[Any]) -> bool:
    """Leave out what no program could get through, and what no server could do.

    At the end of a finite run that is one bad answer too many; without cursors, pages that depend on them;
    behind cursors that have expired when they arrive, rows before which there is always an empty page.
    """
    chosen = dict(zip(Case._fields, values, strict=False))
    if chosen.get("cursor") == "none" and chosen.get("pages") in {"shifting", "overlapping"}:
        return False
    if chosen.get("cursor") == "expired" and chosen.get("pages") == "empty":
        return False
    return chosen.get("mode", "run") in ENDLESS or chosen.get("fault", "none") in SURVIVED


def cases(seed: int, *, rare: bool = True) -> list[Case]:
    """Choose cases so that any two values of different factors meet in one, where that is possible.

    Args:
        seed: Which selection of the many there are.
        rare: Whether values in `RARE` take part.
    """
    random = Random(seed)
    factors = [[one for one in values if rare or one not in RARE] for values in FACTORS.values()]
    shuffled = [random.sample(values, len(values)) for values in factors]
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
