from __future__ import annotations

import sqlite3
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import msgspec
import pytest

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact, wait_for_truth
from tests.e2e.processes import Setup, Simulator, wait_until


@pytest.mark.parametrize(
    ("quota", "window", "kind"),
    [
        (40, 2, "sliding"),
        pytest.param(40, 2, "fixed", marks=pytest.mark.long),
        pytest.param(100, 3, "sliding", marks=pytest.mark.long),
    ],
)
def test_the_quota_is_never_crossed(
    tmp_path: Path, simulate: Simulate, *, quota: int, window: int, kind: str
) -> None:
    """Connectors want more than the quota, others spend of it, a kill comes in: nothing is refused."""
    simulator = simulate(
        *("--connectors", "10", "--rate", "15", "--history", "1m", "--block", "60s"),
        *("--quota", str(quota), "--quota-window", f"{window}s", "--quota-kind", kind),
        *("--foreign-rate", str(0.2 * quota / window)),
    )
    setup = Setup(tmp_path, simulator, start="1h")
    with setup.run() as run:
        wait_until(lambda: simulator.stats["requests"] > quota, "the quota was spent", run)
        run.kill()
    with setup.run() as run:
        wait_until(lambda: simulator.stats["requests"] > 2 * quota, "it was spent twice", run)
        required = wait_for_truth(setup.events, simulator, run)
        assert run.stop() == 0, run.words
        stats = simulator.stats

    assert stats["crossings"] == 0
    assert stats["refused"] == 0
    assert_exact(setup.events, simulator, required=required, order="connector")


def test_a_block_in_force_is_met_by_one_request(tmp_path: Path, simulate: Simulate) -> None:
    """An API tells nothing of its quota, and a block is in force: one refusal, even if it is killed."""
    options = ("--quota", "400", "--quota-window", "60s", "--block", "8s", "--no-rate-headers")
    simulator = simulate("--connectors", "10", "--rate", "5", "--history", "1m", *options)
    while not simulator.stats["crossings"]:
        spend_one(simulator)
    setup = Setup(tmp_path, simulator, start="1h")
    with setup.run() as run:
        wait_until(lambda: has_kept_a_stop(setup.folder / "tailer.db"), "the stop is journaled", run)
        run.kill()
    with setup.run() as run:
        required = wait_for_truth(setup.events, simulator, run)
        assert run.stop() == 0, run.words

    assert simulator.stats["crossings"] == 1
    assert simulator.stats["refused"] == 2
    assert_exact(setup.events, simulator, required=required, order="connector")


def has_kept_a_stop(journal: Path) -> bool:
    """Look into the journal of a daemon for a stop that whoever is started next will heed."""
    if not journal.exists():
        return False
    with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            rows = connection.execute("SELECT record FROM spending").fetchall()
        except sqlite3.OperationalError:  # it is just being made
            return False
    return any(msgspec.msgpack.decode(record)["reason"] for (record,) in rows)


def spend_one(simulator: Simulator) -> None:
    """Spend a request of the quota as somebody else."""
    with closing(HTTPConnection("127.0.0.1", int(simulator.port), timeout=10)) as connection:
        path = f"/client/v4/accounts/{simulator.account}/magic/connectors"
        connection.request("GET", path, headers={"Authorization": f"Bearer {simulator.token}"})
        connection.getresponse().read()
