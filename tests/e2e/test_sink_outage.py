"""A counterpart that is away for an hour's worth of events, with the program as users run it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact, wait_for_delivery, wait_for_truth
from tests.e2e.processes import Process, Setup, wait_until
from tests.e2e.truth import count_lines
from tests.servers.receiver import receiver

MIB = 2**20
EVENTS = 20 * 18_000
"""An hour of 100 events a second."""
LONG = 240.0


@pytest.mark.long
@pytest.mark.timeout(900)
def test_an_hour_behind_a_counterpart_that_is_away(
    tmp_path: Path, simulate: Simulate, processes: ExitStack, record_property: Callable[[str, object], None]
) -> None:
    """The file has all of it meanwhile, memory is flat and the journal small; then the other has all too."""
    away = processes.enter_context(receiver(tmp_path, "lines"))
    away.kill()
    simulator = simulate("--connectors", "20", "--history", "1h", "--history-events", "18000", "--rate", "20")
    setup = Setup(tmp_path, simulator, start="2h")
    with setup.path.open("a") as file:
        file.write(f'\n[[sinks]]\ntype = "http"\nurl = "{away.url}/in"\n')
    kept = tmp_path / "kept"
    with setup.run() as run:
        wait_for_lines(setup.events, EVENTS // 4, run)
        early = psutil.Process(run.pid).memory_info().rss
        wait_for_lines(setup.events, EVENTS, run)
        grown = psutil.Process(run.pid).memory_info().rss - early
        journal = (tmp_path / "tailer.db").stat().st_size
        assert count_lines(kept) == 0
        away.start()
        wait_for_lines(kept, 1, run)
        back = time.monotonic()
        wait_for_lines(kept, EVENTS, run)
        rate = EVENTS / (time.monotonic() - back)
        required = wait_for_truth(setup.events, simulator, run, news=20, within=LONG)
        wait_for_delivery(kept, required, run, within=LONG)
        assert run.stop() == 0, run.words
    assert_exact(setup.events, simulator, required=required, order="connector")
    assert_exact(kept, simulator, required=required, order="connector")
    assert grown < 60 * MIB
    assert journal < 40 * EVENTS + MIB
    record_property(
        "figures",
        f"{EVENTS} events behind it, {journal / EVENTS:.0f} bytes of journal each, {grown / MIB:.0f} MiB more"
        f" memory in the last three quarters, {rate:,.0f} events/s to it afterwards",
    )


def wait_for_lines(file: Path, count: int, run: Process) -> None:
    """Wait until a file has so many lines."""
    what = f"{count} lines are in {file.name}"
    wait_until(lambda: file.exists() and count_lines(file) >= count, what, run, within=LONG)
