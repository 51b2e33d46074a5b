"""A span is read again and compared, beside a daemon or without one."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tailer.core.digest import digest_of
from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import wait_for_news, wait_for_truth
from tests.e2e.processes import Setup
from tests.e2e.truth import read_records, read_truth

FLEET = ("--connectors", "2", "--rate", "10")


def audited(setup: Setup, connector: str, *flags: str) -> tuple[int, dict[str, Any]]:
    """Audit a connector; give the exit code and what it found."""
    with setup.beside("audit", connector, "--json", *flags) as audit:
        code = audit.wait()
        assert code in {0, 4}, audit.words
        report: dict[str, Any] = json.loads(audit.stdout.read_text())
        return code, report


@pytest.mark.parametrize("field", [pytest.param("t", marks=pytest.mark.long), "a"])
def test_what_agrees_has_no_difference(
    tmp_path: Path, simulate: Simulate, processes: ExitStack, field: str
) -> None:
    """Beside a daemon that goes on: both sides have the truth's events, and one digest."""
    simulator = simulate(
        *FLEET, "--history", "1m", "--filter-on", field, "--late-share", "0.3", "--late-by", "3s"
    )
    setup = Setup(tmp_path, simulator, start="10m")
    run = processes.enter_context(setup.run())
    wait_for_truth(setup.events, simulator, run, news=20)
    connector = next(iter(read_truth(simulator.truth)))[0]
    since, until = int(time.time()) - 60, int(time.time()) - 10

    code, report = audited(setup, connector, "--since", str(since), "--until", str(until))

    facts = [one for one in read_truth(simulator.truth).values() if one.connector == connector]
    keys = [(one.t, one.n) for one in facts if since <= one.t < until and max(one.t, one.a) < until]
    assert code == 0, report
    assert report["journal"] == report["api"]
    assert report["journal"]["events"] >= len(keys) > 0
    if field == "t":
        keys = [(one.t, one.n) for one in facts if since <= one.t < until]
        assert report["journal"] == {"events": len(keys), "digest": digest_of(keys)}
    assert (report["since"], report["until"], report["omissions"]) == (since, until, [])
    assert report["settled_through"] <= since  # the ladder is longer than all of it
    assert run.stop() == 0, run.words


def test_what_came_too_late_is_named(tmp_path: Path, simulate: Simulate) -> None:
    """Events that became visible when no level reached back any more: each one, and nothing else."""
    fleet = ("--connectors", "2", "--rate", "40")
    simulator = simulate(*fleet, "--history", "5s", "--late-share", "0.3", "--late-by", "8s")
    setup = Setup(tmp_path, simulator, start="1m", polling={"revisit_max": "1s"})
    with setup.run() as run:
        wait_for_news(simulator, 240)
        assert run.stop() == 0, run.words
    with setup.run("--once") as run:
        assert run.wait() == 0, run.words
    simulator_now = time.time()
    journaled = {one.identity for one in read_records(setup.events)}
    connector = next(iter(journaled))[0]

    code, report = audited(setup, connector)

    assert simulator.stop() == 0, simulator.words  # it has written down the last by now
    settled = report["settled_through"]
    facts = [one for one in read_truth(simulator.truth).values() if one.connector == connector]
    lacking = {
        (one.t, one.n)
        for one in facts
        if one.identity not in journaled
        and report["since"] <= one.t
        and max(one.t, one.a) < settled
        and one.visible_at < simulator_now
    }
    missing = {(one["t"], one["n"]) for one in report["missing"]}
    assert code == 4
    assert lacking <= missing
    assert missing <= {(one.t, one.n) for one in facts if one.identity not in journaled}
    assert lacking
    assert report["extra"] == []
    assert report["journal"]["events"] + len(missing) == report["api"]["events"]


@pytest.mark.long
def test_what_the_api_has_forgotten_is_told(tmp_path: Path, simulate: Simulate) -> None:
    """Silently forgotten, its events are named as the journal's alone; refused, the span is not compared."""
    epoch = str(int(time.time()) - 60)
    before = simulate(*FLEET, "--epoch", epoch)
    setup = Setup(tmp_path, before, start="10m")
    with setup.run() as run:
        wait_for_truth(setup.events, before, run)
        assert run.stop() == 0, run.words
    before.kill()
    records = read_records(setup.events)
    connector = records[0].connector
    known = [(one.t, one.n) for one in records if one.connector == connector]

    after = simulate(
        *FLEET, "--epoch", epoch, "--port", before.port, "--retention", "1s", "--over-retention", "cut"
    )
    code, report = audited(setup, connector)
    assert (code, report["api"]["events"]) == (4, 0)
    assert report["journal"]["events"] == len(report["extra"])
    assert [(one["t"], one["n"]) for one in report["extra"]] == sorted(
        key for key in known if key[0] < report["until"]
    )
    after.kill()

    simulate(*FLEET, "--epoch", epoch, "--port", before.port, "--retention", "1h", "--clock-offset", "5h")
    with setup.beside("audit", connector) as audit:
        assert audit.wait() == 4, audit.words
        assert "could not be read whole again" in audit.stdout.read_text()
