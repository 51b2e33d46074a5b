"""Derived events of a daemon that is killed: the same as of one that is not, each once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tailer.core.alerts import NOTHING_KNOWN, AlertRules, derive
from tailer.kinds import PREFIX
from tailer.model import Event
from tests.e2e.conftest import Simulate
from tests.e2e.crashes import WORLD, crash
from tests.e2e.deliveries import wait_for_truth
from tests.e2e.processes import Setup, wait_until
from tests.e2e.truth import Fact, Identity, Record, complaints, read_records, read_truth

RULES = AlertRules(unfinished=1, loop_within=600, loop_starts=2)
TABLES = """
[alerts]
unfinished = "1s"
crash_loop = { starts = 2, within = "10m" }

[[sinks]]
type = "file"
name = "alerts"
path = "alerts.jsonl"
filter = { kinds = ["tailer.*"] }
"""


def expected(facts: list[Fact], through: float) -> set[Identity]:
    """Give what has to be told of events that were all read through a time; one look at all is enough."""
    lives: dict[str, list[Event]] = {}
    for fact in sorted(facts, key=lambda one: (one.t, one.n)):
        lives.setdefault(fact.connector, []).append(Event(fact.t, fact.n, fact.k, fact.a))
    return {
        (connector, event.t, int(event.n))
        for connector, life in lives.items()
        for event in derive(NOTHING_KNOWN, RULES, life, through=through, silent_since=None).events
    }


def identities(records: list[Record]) -> Counter[Identity]:
    """Count how often each event is there."""
    return Counter(record.identity for record in records)


@pytest.mark.parametrize("cycles", [2, pytest.param(60, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_alerts_come_once(tmp_path: Path, simulate: Simulate, cycles: int) -> None:
    """However often it dies, the daemon tells each unfinished work and each crash loop exactly once."""
    simulator = simulate(*WORLD)
    setup = Setup(tmp_path, simulator, start="3h")
    with setup.path.open("a") as file:
        file.write(TABLES)
    alerts = tmp_path / "alerts.jsonl"

    crash(setup, [], Random(1), cycles)

    with setup.run() as run:
        required = wait_for_truth(setup.events, simulator, run, news=20)
        facts = [fact for fact in read_truth(simulator.truth).values() if fact.identity in required]
        due = expected(facts, max(fact.t for fact in facts))
        assert len(due) > 20
        wait_until(lambda: due <= identities(read_records(alerts)).keys(), f"{len(due)} are told", run)
        assert run.stop() == 0, run.words
    assert simulator.stop() == 0
    told = identities(read_records(alerts))
    truth = read_truth(simulator.truth)
    assert told.keys() <= expected([*truth.values()], max(fact.t for fact in truth.values()) + 1)
    assert max(told.values()) == 1
    everything = read_records(setup.events)
    assert identities([one for one in everything if one.k.startswith(PREFIX)]) == told
    others = [one for one in everything if not one.k.startswith(PREFIX)]
    assert not complaints(others, truth, required=required)
