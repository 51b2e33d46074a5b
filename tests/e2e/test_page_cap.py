from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact
from tests.e2e.processes import Setup, wait_until
from tests.e2e.truth import Fact, count_lines, over, read_records, read_truth

CAPPED = ("--no-cursor", "--max-limit", "20", "--default-limit", "20")
FLEET = ("--connectors", "3", "--rate", "1")

TOLD = re.compile(
    r"\((?P<connector>\w{32})\) has a gap of (?P<length>\d+)s from (?P<start>\S+Z) on: page cap"
)


class Gap(NamedTuple):
    """A gap as it was named: ``[start, end)`` of one connector."""

    connector: str
    start: int
    end: int

    def holds(self, fact: Fact) -> bool:
        """Tell whether an event lies in it."""
        return fact.connector == self.connector and self.start <= fact.t < self.end


def told_gap(words: str) -> Gap:
    """Give the one gap that a tail tells of."""
    (told,) = TOLD.finditer(words)
    start = int(datetime.fromisoformat(told["start"]).timestamp())
    return Gap(told["connector"], start, start + int(told["length"]))


def logged_gaps(words: str) -> list[Gap]:
    """Give the gaps in a daemon's log."""
    reports = [json.loads(line) for line in words.splitlines()]
    found = [report for report in reports if report["event"] == "GapRecorded"]
    assert {report["reason"] for report in found} <= {"page cap"}
    return [Gap(report["connector"], report["start"], report["end"]) for report in found]


def newest(output: Path, connector: str) -> float:
    """Give the latest t of a connector that was delivered."""
    return max((one.t for one in read_records(output) if one.connector == connector), default=0.0)


def test_a_second_too_full_is_a_gap_in_a_tail(tmp_path: Path, simulate: Simulate) -> None:
    """Of 10,000 events in a second, in pages of 20 without a cursor: the gap is named, all else is there."""
    burst = int(time.time()) - 300
    simulator = simulate(*FLEET, *CAPPED, "--history", "10m", "--burst", f"10000@{burst}")
    facts = over(read_truth(simulator.truth).values(), time.time())
    with Setup(tmp_path, simulator).tail("--since", "1h", "--order", "connector") as tail:
        assert tail.wait() == 4, tail.words

    gap = told_gap(tail.words)
    assert gap.start <= burst < gap.end
    assert gap.end - gap.start <= 3  # its neighbours can't be told apart from it: bounds may be inclusive
    assert "1 gap," in tail.words
    required = [fact.identity for fact in facts if not gap.holds(fact)]
    assert_exact(tail.stdout, simulator, required=required, order="connector")
    assert count_lines(tail.stdout) > len(required)  # what could be had of that second is there too


def test_reading_goes_on_behind_a_gap(tmp_path: Path, simulate: Simulate, processes: ExitStack) -> None:
    """A burst while the daemon runs: the gap is named, once, and what comes afterwards is delivered."""
    simulator = simulate(*FLEET, *CAPPED, "--history", "1m", "--burst", "10000@2", "--burst", "5@6")
    setup = Setup(tmp_path, simulator, start="1h")
    run = processes.enter_context(setup.run())
    wait_until(lambda: "GapRecorded" in run.words, "the gap is named", run)
    connector, _, end = logged_gaps(run.words)[0]

    wait_until(lambda: newest(setup.events, connector) > end, "later events are delivered", run)

    through = newest(setup.events, connector)
    assert run.stop() == 0, run.words
    gaps = logged_gaps(run.words)
    assert sum(gap.end - gap.start for gap in gaps) <= 3
    assert simulator.stop() == 0
    facts = read_truth(simulator.truth).values()
    told = [fact for fact in facts if fact.connector == connector and fact.t < through]
    required = [fact.identity for fact in told if not any(gap.holds(fact) for gap in gaps)]
    assert_exact(setup.events, simulator, required=required, order="connector")
