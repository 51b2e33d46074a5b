from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact
from tests.e2e.processes import Process, Setup, wait_until
from tests.e2e.test_page_cap import CAPPED, logged_gaps
from tests.e2e.truth import Identity, over, read_records, read_truth

BUDGET = ("--quota", "100", "--quota-window", "2s", "--block", "60s")
LATE = ("--late-share", "0.2", "--late-by", "4s", "--offline-share", "0.5", "--offline-for", "2s")
LADDER = {"revisit_max": "30s", "max_interval": "2s"}


def status(setup: Setup, name: str) -> dict[str, Any]:
    """Ask what is known: the daemon, or the journal of one that was killed."""
    with Process(setup.folder, name, "status", "-c", str(setup.path), "--json", "--all") as process:
        process.wait()
        told: dict[str, Any] = json.loads(process.stdout.read_text().splitlines()[-1])
        return told


def lost(told: dict[str, Any]) -> set[tuple[str, int, int]]:
    """List the gaps that are not read again."""
    return {
        (one["connector"], gap["start"], gap["end"])
        for one in told["connectors"]
        for gap in one["spans"]
        if gap["state"] == "lost"
    }


def has_not_gone_back(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Tell whether coverage, settled past, lateness and gaps are at least those of an earlier moment."""
    earlier = {one["connector"]: one for one in before["connectors"]}
    pairs = [(earlier[one["connector"]], one) for one in after["connectors"]]
    return lost(before) <= lost(after) and all(
        one["read_through"] >= was["read_through"]
        and one["whole_through"] >= was["whole_through"]
        and (one["settled_through"] or 0) >= (was["settled_through"] or 0)
        and ((one["lateness"] or {}).get("events", 0) >= (was["lateness"] or {}).get("events", 0))
        for was, one in pairs
    )


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kills", [1, 6])
def test_a_restart_in_the_middle_of_everything_goes_on(
    tmp_path: Path, simulate: Simulate, kills: int
) -> None:
    """Killed while the budget binds, levels and absences are read and a gap is known: all of it resumes."""
    burst = int(time.time()) - 60
    world = ("--connectors", "4", "--rate", "6", "--history", "2m", "--burst", f"1000@{burst}")
    simulator = simulate(*world, *CAPPED, *LATE, *BUDGET)
    setup = Setup(tmp_path, simulator, start="1h", polling=LADDER)
    with setup.run() as run:
        wait_until(lambda: "GapRecorded" in run.words, "the gap is named", run)
        wait_until(lambda: status(setup, "live")["fleet"]["lateness"], "lateness is known", run)
        run.send(signal.SIGKILL)
        run.wait()
    known = [status(setup, "killed 0")]
    assert lost(known[0])

    random = Random(1)
    for number in range(1, kills):
        with setup.run() as run:
            time.sleep(random.uniform(0.5, 1.5))  # the instant is the point: no state is waited for
            assert run.exit_code is None, run.words
            run.send(signal.SIGKILL)
            run.wait()
        known.append(status(setup, f"killed {number}"))
        assert has_not_gone_back(known[-2], known[-1])

    with setup.run() as run:
        gaps = logged_gaps(run.words)
        facts = over(read_truth(simulator.truth).values(), time.time())
        required = {fact.identity for fact in facts if not any(gap.holds(fact) for gap in gaps)}
        wait_until(lambda: required <= delivered(setup.events), "everything visible is delivered", run)
        last = status(setup, "last")
        assert run.stop() == 0, run.words
    assert has_not_gone_back(known[-1], last)
    assert sum(gap.end - gap.start for gap in gaps) <= 3
    assert len(gaps) == len(set(gaps))
    assert simulator.stats["crossings"] == 0
    assert_exact(setup.events, simulator, required=required, order="connector")


def delivered(output: Path) -> set[Identity]:
    """List what is in the file."""
    return {record.identity for record in read_records(output)}
