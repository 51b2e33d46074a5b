"""What a sink is told of how far it has been served, when the program ends in order."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import wait_for_news
from tests.e2e.processes import Setup, wait_until
from tests.e2e.truth import Fact, read_truth

KIND = "tailer.Watermark"


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Read events and watermarks in their order."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def missing_before_marks(lines: list[dict[str, Any]], truth: list[Fact]) -> list[Fact]:
    """List the events that come after a watermark that vouches for them, or not at all."""
    had: set[tuple[str, float, int]] = set()
    found: list[Fact] = []
    for line in lines:
        if line["k"] != KIND:
            had.add((line["connector"], line["t"], line["n"]))
            continue
        due = (one for one in truth if one.connector == line["connector"] and one.t < line["whole_through"])
        found += [one for one in due if one.identity not in had]
    return found


def test_an_orderly_end_tells_how_far_the_sink_was_served(tmp_path: Path, simulate: Simulate) -> None:
    """Stopped, or run once, it ends with a watermark of each connector that holds; no minute passes first."""
    simulator = simulate("--connectors", "3", "--rate", "20", "--history", "20s")
    setup = Setup(tmp_path, simulator, start="1h")
    setup.path.write_text(f"{setup.path.read_text()}watermarks = true\n")
    with setup.run() as run:
        wait_until(lambda: setup.events.exists() and setup.events.stat().st_size > 0, "it delivers", run)
        wait_for_news(simulator, 20)
        assert run.stop() == 0, run.words
    stopped = lines_of(setup.events)
    began = int(time.time())
    with setup.run("--once") as run:
        assert run.wait() == 0, run.words
    simulator.stop()

    lines, truth = lines_of(setup.events), [*read_truth(simulator.truth).values()]
    assert len(stopped) < len(lines)
    for end in (stopped[-3:], lines[-3:]):
        assert [line["k"] for line in end] == [KIND] * 3
        assert {line["connector"] for line in end} == {one.connector for one in truth}
    assert min(line["whole_through"] for line in stopped[-3:]) >= began - 5
    assert min(line["whole_through"] for line in lines[-3:]) >= began
    assert missing_before_marks(lines, truth) == []
