"""A third party's sink that rejects by kind: nothing that the API had is missing in its file and aside."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

import tailer
from tests.e2e.conftest import Simulate
from tests.e2e.processes import Process, Setup, wait_until
from tests.e2e.truth import read_truth

PICKY = Path(__file__).parents[1] / "data" / "picky_sink"
WORLD = ("--connectors", "3", "--rate", "0", "--history", "1h", "--history-events", "150")
TABOO = ("Leave", "HaTransition")


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    stdout: str
    words: str


class Place:
    """A configuration with a picky sink, and what it has taken.

    Args:
        setup: Its file gets the picky sink instead of its own.
        named: Whether the sink says which events it rejects.
    """

    def __init__(self, setup: Setup, *, named: bool = True) -> None:
        self.setup = setup
        self.taken = setup.folder / "picky.txt"
        self.taboo = setup.folder / "taboo"
        self.dead = setup.folder / "tailer.dead.jsonl"
        sink = 'type = "picky"\npath = "picky.txt"\ntaboo = "taboo"\ntrap = "trap"\n'
        sink += f"named = {str(named).lower()}\n"
        setup.path.write_text(setup.path.read_text().split("[[sinks]]")[0] + "[[sinks]]\n" + sink)
        self.forbid(TABOO)

    def forbid(self, kinds: Iterable[str]) -> None:
        """Say what the sink rejects from now on."""
        self.taboo.write_text("\n".join(kinds))

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs to find simulator and sink."""
        path = os.pathsep.join([str(Path(tailer.__file__).parents[1]), str(PICKY)])
        return {**self.setup.simulator.environment, "PYTHONPATH": path}

    def run(self, *flags: str) -> Process:
        """Start the daemon."""
        command = ("run", "-c", str(self.setup.path), *flags)
        return Process(self.setup.folder, "run", *command, environment=self.environment)

    def do(self, *arguments: str) -> Ended:
        """Run `tailer dead` to its end, without a token: it asks no API."""
        environment = {**os.environ, **self.environment}
        del environment["CLOUDFLARE_API_TOKEN"]
        done = subprocess.run(
            [sys.executable, "-m", "tailer", "dead", *arguments, "-c", str(self.setup.path)],
            env=environment,
            cwd=self.setup.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    @property
    def accepted(self) -> Counter[str]:
        """How often the sink has taken each event, by id."""
        lines = self.taken.read_text().splitlines() if self.taken.exists() else []
        return Counter(line.split()[0] for line in lines)

    @property
    def late(self) -> int:
        """How many came to it marked late."""
        return sum(line.endswith(" True") for line in self.taken.read_text().splitlines())

    @property
    def aside(self) -> set[str]:
        """Ids of the events in the file of dead letters, repeats left out."""
        if not self.dead.exists():
            return set()
        return {json.loads(line)["event"]["id"] for line in self.dead.read_text().splitlines()}


def truth(place: Place) -> dict[str, str]:
    """Give the kind of every event, by id."""
    account = place.setup.simulator.account
    facts = read_truth(place.setup.simulator.truth).values()
    return {f"{account}/{fact.connector}/{fact.t}.{fact.n}": fact.k for fact in facts}


@pytest.fixture
def place(tmp_path: Path, simulate: Simulate) -> Place:
    """A fleet with a history, and a sink that does not like all of it."""
    return Place(Setup(tmp_path, simulate(*WORLD), start="2h"))


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
def test_all_is_accepted_or_set_aside(place: Place, named: bool) -> None:
    """What is taboo, and only that, lies in the file; the exit code and the last line of the log say so."""
    place = Place(place.setup, named=named)
    with place.run("--once") as run:
        assert run.wait() == 4, run.words
    kinds = truth(place)
    assert place.aside == {one for one, kind in kinds.items() if kind in TABOO} != set()
    assert place.accepted == Counter({one for one, kind in kinds.items() if kind not in TABOO})
    assert f"{len(place.aside)} events rejected by sink picky" in run.words.splitlines()[-1]
    assert "abcdefgh" not in run.words + place.dead.read_text()


@pytest.mark.long
def test_list_and_retry_without_a_daemon(place: Place) -> None:
    """They are listed, re-driven one by one or together, and each is in the sink once, marked late."""
    with place.run("--once") as run:
        assert run.wait() == 4, run.words
    wrong = place.do("retry", "nix")
    assert (wrong.code, "nix" in wrong.words, place.late) == (2, True, 0)
    listed = [json.loads(line) for line in place.do("list").stdout.splitlines()]
    assert {one["event"]["id"] for one in listed} == place.aside
    assert all("is not to be spoken of" in one["reason"] for one in listed)
    count = len(listed)

    again = place.do("retry")
    assert (again.code, f"{count} of {count} stay" in again.words) == (4, True), again.words
    assert len(place.aside) == count

    place.forbid([])
    assert place.do("retry", listed[0]["id"]).code == 0
    assert len(place.aside) == count - 1
    assert place.accepted[listed[0]["event"]["id"]] == 1
    assert place.do("retry", "--sink", "picky").code == 0
    assert place.aside == set()
    assert place.accepted == Counter(truth(place).keys())
    assert place.late >= count
    assert "there are no dead letters" in place.do("retry").words


def test_a_running_daemon_is_asked_to_retry(place: Place) -> None:
    """Beside a daemon the letters go through it, between its batches; its next start repeats none of them."""
    with place.run() as run:
        wait_until(
            lambda: place.accepted.keys() | place.aside == truth(place).keys() != set(), "all is read", run
        )
        (first, *_), count = sorted(place.aside), len(place.aside)
        assert place.do("retry", first).code == 4
        place.forbid([])
        assert place.do("retry", first).code == 0
        assert len(place.aside) == count - 1
        assert place.do("retry").code == 0
        assert run.stop() == 0, run.words
    with place.run("--once") as run:
        assert run.wait() == 0, run.words
    assert place.aside == set()
    assert place.accepted == Counter(truth(place).keys())


def test_a_retry_that_is_killed_loses_nothing(place: Place) -> None:
    """Killed between the sink's acceptance and the commit: the letters stay, and come twice at most."""
    with place.run("--once") as run:
        assert run.wait() == 4, run.words
    aside = place.aside
    place.forbid([])
    trap = place.setup.folder / "trap"
    trap.touch()
    assert place.do("retry").code == -signal.SIGKILL
    assert place.aside == aside
    trap.unlink()
    assert place.do("retry").code == 0
    assert place.aside == set()
    assert place.accepted.keys() == truth(place).keys()
    assert {one for one, count in place.accepted.items() if count > 1} <= aside


def test_nothing_is_lost_when_killed(place: Place) -> None:
    """Killed at any instant, the daemon has set aside or delivered every event."""
    instants = random.Random(3)
    for _ in range(4):
        with place.run() as run:
            time.sleep(instants.uniform(0.3, 0.9))  # the instant is the point: no state is waited for
            run.send(signal.SIGKILL)
            run.wait()
    with place.run() as run:
        wait_until(
            lambda: place.accepted.keys() | place.aside == truth(place).keys(), "all is somewhere", run
        )
        assert run.stop() == 0, run.words
    assert place.accepted.keys().isdisjoint(place.aside)
