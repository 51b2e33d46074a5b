"""Lost gaps are read again when somebody asks for it: by the daemon, or without one."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact, wait_for_delivery, wait_for_news, wait_for_truth
from tests.e2e.processes import Setup, wait_until
from tests.e2e.truth import read_records, read_truth

CAPPED = ("--no-cursor", "--max-limit", "20", "--default-limit", "20")


def told(setup: Setup, *words: str) -> str:
    """Run a command to its end, and give what it wrote; it must have succeeded."""
    with setup.beside(*words) as process:
        assert process.wait() == 0, process.words
        return process.stdout.read_text()


@pytest.mark.parametrize("field", ["t", pytest.param("a", marks=pytest.mark.long)])
def test_a_daemon_fills_what_the_api_can_tell_by_now(
    tmp_path: Path, simulate: Simulate, processes: ExitStack, field: str
) -> None:
    """A second too full for an API without cursors is lost, and filled once it has them; nothing twice."""
    burst = int(time.time()) - 60
    fleet = ("--connectors", "2", "--rate", "2", "--filter-on", field, "--epoch", str(burst - 60))
    same = (*fleet, "--burst", f"500@{burst}")
    before = simulate(*same, *CAPPED)
    setup = Setup(tmp_path, before, start="10m")
    run = processes.enter_context(setup.run())
    wait_until(lambda: "GapRecorded" in run.words, "the gap is named", run)
    with setup.beside("fill", "--json") as fill:
        assert fill.wait() == 4, fill.words  # the API is as it was
        left = json.loads(fill.stdout.read_text())
    assert (left["asked"], left["left"]["gaps"]["lost"], left["left"]["left"]) == (1, 1, 0)
    before.kill()

    after = simulate(*same, "--port", before.port)
    wait_for_news(after, 2)
    wait_for_delivery(setup.events, {max(read_truth(after.truth))}, run)
    with setup.beside("fill") as fill:
        assert fill.wait() == 0, fill.words
    assert "in 1 lost gap: " in fill.words

    required = wait_for_truth(setup.events, after, run)
    assert "GapClosed" in run.words
    assert told(setup, "gaps", "--check", "--until", "5s") == "No gaps: 2 connectors\n"
    assert run.stop() == 0, run.words
    assert_exact(setup.events, after, required=required, order="connector")


@pytest.mark.long
def test_what_was_dropped_is_filled_without_a_daemon(tmp_path: Path, simulate: Simulate) -> None:
    """A backlog that was given up is not read by later runs; filled, it is delivered, late, and once."""
    simulator = simulate("--connectors", "2", "--rate", "25", "--history", "10s")
    setup = Setup(tmp_path, simulator, start="1h")
    with setup.run("--once") as run:
        assert run.wait() == 0, run.words
    wait_for_news(simulator, 70)
    assert "lost   dropped" in told(setup, "gaps", "--drop", "*", "--until", "1s")
    with setup.run("--once") as run:
        assert run.wait() == 0, run.words
    gaps = json.loads(told(setup, "gaps", "--json"))["gaps"]
    spans = [(gap["connector"], gap["start"], gap["end"]) for gap in gaps if gap["reason"] == "dropped"]
    assert len(spans) == 2

    with setup.beside("fill") as fill:
        assert fill.wait() == 0, fill.words
    assert "no daemon runs" in fill.words
    with setup.run("--once") as run:
        assert run.wait() == 0, run.words

    now = min(end for _, _, end in spans)
    required = {one.identity for one in read_truth(simulator.truth).values() if one.t < now}
    assert_exact(setup.events, simulator, required=required, order="connector")
    dropped = [
        one
        for one in read_records(setup.events)
        if any(one.connector == name and start < one.t < end for name, start, end in spans)
    ]
    assert any(one.late for one in dropped)


def test_a_start_before_retention_is_one_gap(tmp_path: Path, simulate: Simulate) -> None:
    """It is found with few requests, not with a 400 for ever; what the API keeps is read, and a fill ends."""
    simulator = simulate("--connectors", "2", "--rate", "2", "--history", "2h", "--retention", "90m")
    setup = Setup(tmp_path, simulator, start="30d", polling={"interval": "5s"})
    with setup.run() as run:
        required = wait_for_truth(
            setup.events, simulator, run, since=time.time() - 5300
        )  # it is searched to the minute
        found = json.loads(told(setup, "gaps", "--json", "--until", "1h"))
        assert [gap["reason"] for gap in found["gaps"]] == ["too old", "too old"]
        assert all(5300 <= time.time() - gap["end"] < 5500 for gap in found["gaps"])
        assert simulator.stats["requests"] < 120
        with setup.beside("fill", "--json") as fill:
            assert fill.wait() == 4, fill.words
        assert run.stop() == 0, run.words
    assert_exact(setup.events, simulator, required=required, order="connector")
