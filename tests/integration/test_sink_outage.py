"""A sink that is away harms nobody, and gets everything when it is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.outage import go_through

MIB = 2**20


async def test_a_dead_sink_harms_nobody(tmp_path: Path) -> None:
    """The other sink has everything; the reader holds a bounded part; later all comes, in order and once."""
    outage = await go_through(tmp_path / "j.db", seconds=300, per_second=200)
    assert outage.healthy == outage.events == 60_000
    assert outage.held <= 20_000 + 1000
    assert outage.journal_bytes < 40 * outage.events + MIB
    assert outage.in_order


@pytest.mark.long
async def test_an_hour_of_load_behind_a_dead_sink(tmp_path: Path) -> None:
    """As above for an hour of 100 events a second; and memory is flat once the journal's tail is full."""
    outage = await go_through(tmp_path / "j.db", seconds=3600, per_second=100)
    assert outage.healthy == outage.events == 360_000
    assert outage.grown_bytes < 60 * MIB
    assert outage.journal_bytes < 40 * outage.events + MIB
    assert outage.in_order
