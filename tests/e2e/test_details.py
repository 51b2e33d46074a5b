from __future__ import annotations

import json
import signal
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Any

from tailer.simulator.stories import payload
from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact, wait_for_truth
from tests.e2e.processes import Setup, Simulator, wait_until

PATTERNS = ("*Failure", "Ha*", "RekeyComplete")
WORLD = ("--connectors", "4", "--rate", "15", "--history", "40s", "--latency", "150ms")
SHALLOW = {"revisit_max": "1s", "look_back": "1s"}  # nothing is found again because it is read again anyway


def told(record: dict[str, Any]) -> dict[str, Any]:
    """Give what the simulator's Get Event tells of an event."""
    chance = Random(f"1/{record['connector']}/payload/{record['t']}.{record['n']}")
    return {"k": record["k"], **payload(chance, record["k"])}


def asked_for(simulator: Simulator) -> int:
    """Count the requests for details so far."""
    return sum(count for path, count in simulator.stats["by_path"].items() if path.endswith("{t}.{n}"))


def kill_while_some_wait(setup: Setup, requests: int) -> None:
    """Start the daemon, and kill it once it has asked for the details of so many events."""
    before = asked_for(setup.simulator)
    with setup.run() as run:
        wait_until(lambda: asked_for(setup.simulator) >= before + requests, "events wait for details", run)
        run.send(signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL


def test_kill_9_leaves_each_event_with_its_own_details(tmp_path: Path, simulate: Simulate) -> None:
    """Killed while events wait, the daemon has each of them once, with the details that it was asked for."""
    simulator = simulate(*WORLD, "--fault", "500:0.03", "--fault", "truncated:0.02")
    setup = Setup(tmp_path, simulator, start="1h", polling=SHALLOW)
    wish = f'[polling]\ndetails = {json.dumps(PATTERNS)}\ndetails_wait = "1m"\n'
    setup.path.write_text(setup.path.read_text().replace("[polling]\n", wish))

    for requests in (1, 5):
        kill_while_some_wait(setup, requests)
    with setup.run() as run:
        required = wait_for_truth(setup.events, simulator, run, news=10)
        assert run.stop() == 0, run.words
    assert_exact(setup.events, simulator, required=required, order="connector")

    records = [json.loads(line) for line in setup.events.read_bytes().splitlines()]
    asked = [one for one in records if any(fnmatchcase(one["k"], pattern) for pattern in PATTERNS)]
    found = [one for one in asked if "e" in one]
    assert all(one["e"] == told(one) for one in found)
    assert len(found) >= 0.8 * len(asked) > 50
    assert not [one for one in records if "e" in one and one not in asked]
