from __future__ import annotations

from pathlib import Path

import pytest

from tailer.simulator.rules import FAULT_KINDS
from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact, wait_for_truth
from tests.e2e.processes import Setup

WAITED_FOR = {"404", "429-huge"}
"""Faults that stop a connector, or all of them, for minutes at the first strike: in fake time elsewhere."""

PAUSES = {"429-bare", "code-971", "code-971-403", "403", "403-9109", "401"}
"""Faults after which nothing, or one connector, is asked for half a minute or longer: they strike once."""


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", sorted({*FAULT_KINDS} - WAITED_FOR))
def test_each_fault_is_survived_exactly(kind: str, simulate: Simulate, tmp_path: Path) -> None:
    """Whatever strikes one answer in twelve, the daemon delivers exactly the truth in the end."""
    rule = f"{kind}@12-12.5" if kind in PAUSES else f"{kind}:0.08"
    simulator = simulate("--connectors", "3", "--rate", "6", "--history", "1m", "--fault", rule)
    setup = Setup(tmp_path, simulator, start="10m", api={"timeout": "1s"})
    with setup.run() as run:
        required = wait_for_truth(setup.events, simulator, run, news=70, within=150)
        assert simulator.stats["faults"][kind] > 0
        assert run.stop() == 0, run.words
    assert_exact(setup.events, simulator, required=required, order="connector")
