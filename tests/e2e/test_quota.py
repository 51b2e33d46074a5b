from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact, wait_for_truth
from tests.e2e.processes import Setup, wait_until

QUOTA = 100
WINDOW = 3


def test_the_quota_is_never_crossed(tmp_path: Path, simulate: Simulate) -> None:
    """Connectors that want more than the quota, of which others spend a part: nothing is crossed or lost."""
    quota = ("--quota", str(QUOTA), "--quota-window", f"{WINDOW}s", "--block", "60s", "--foreign-rate", "8")
    simulator = simulate("--connectors", "10", "--rate", "15", "--history", "1m", *quota)
    setup = Setup(tmp_path, simulator, start="1h")
    with setup.run() as run:
        wait_until(
            lambda: simulator.stats["requests"] > 1.5 * QUOTA, "the quota was spent more than once", run
        )
        required = wait_for_truth(setup.events, simulator, run)
        assert run.stop() == 0, run.words
        stats = simulator.stats

    assert stats["crossings"] == 0
    assert stats["refused"] == 0
    assert_exact(setup.events, simulator, required=required, order="connector")
