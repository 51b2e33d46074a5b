"""A backfill against the simulator's truth: whole, in order, nothing twice, whatever happens on the way."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact
from tests.e2e.processes import Process, Simulator, wait_until
from tests.e2e.truth import complaints, count_lines, over, read_records, read_truth

CALM = ("--rate", "0", "--history", "6h")
UNRULY = ("--order", "desc", "--max-limit", "100", "--shifting-pages", "--latency", "20ms")
FAULTS = ("--fault", "500:0.03", "--fault", "reset:0.03", "--fault", "truncated:0.02")


def backfill(
    folder: Path, simulator: Simulator, *words: str, out: str = "events.jsonl", since: str = "7h"
) -> Process:
    """Start a backfill."""
    arguments = ("backfill", "--since", since, "--out", out, *words)
    environment: Mapping[str, str] = {**simulator.environment, "TERM": "dumb"}
    return Process(folder, "backfill", *arguments, environment=environment)


def leftovers(folder: Path) -> list[str]:
    """Name what a backfill that is not over has beside its output."""
    return [path.name for path in folder.rglob("*.backfill*")]


def parts_of(output: Path) -> list[Path]:
    """List the files that there are of an output."""
    if output.is_dir():
        return sorted(path for path in output.iterdir() if path.is_file())
    return [output] if output.exists() else []


def count(output: Path) -> int:
    """Count the lines of an output."""
    return sum(map(count_lines, parts_of(output)))


@pytest.mark.parametrize("connectors", [pytest.param(1, marks=pytest.mark.long), 12])
def test_a_past_span_is_written_whole_and_in_order(
    tmp_path: Path, simulate: Simulate, connectors: int
) -> None:
    """Windows end out of order, requests fail, pages shift: the file is the truth, merged by time."""
    options = ("--connectors", str(connectors), "--history-events", str(12_000 // connectors))
    simulator = simulate(*options, *CALM, *UNRULY, *FAULTS)
    with backfill(tmp_path, simulator) as process:
        assert process.wait() == 0, process.words
    assert "complete: events.jsonl has every event" in process.words
    assert leftovers(tmp_path) == []
    assert_exact(tmp_path / "events.jsonl", simulator, order="global")


@pytest.mark.parametrize("out", ["events.jsonl", pytest.param("events", marks=pytest.mark.long)])
def test_kill_9_and_the_same_command_again(tmp_path: Path, simulate: Simulate, out: str) -> None:
    """Killed again and again, and continued: each event is there once and in order, in a file or a folder."""
    simulator = simulate("--connectors", "3", "--history-events", "12000", *CALM, *UNRULY)
    random, output = Random(1), tmp_path / out

    for _ in range(3):
        with backfill(tmp_path, simulator, out=out) as process:
            before = count(output)
            wait_until(lambda: count(output) > before, "more is written", process)  # noqa: B023 - at once
            time.sleep(random.uniform(0, 0.1))  # the instant is the point: no state is waited for
            assert process.exit_code is None, process.words
            process.send(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
    with backfill(tmp_path, simulator, out=out) as process:
        assert process.wait() == 0, process.words
    assert f"going on with {out} where it was left" in process.words
    assert leftovers(tmp_path) == []
    whole = tmp_path / "whole.jsonl"
    parts = parts_of(output)
    assert len(parts) == (3 if output.is_dir() else 1)
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert_exact(whole, simulator, order="connector" if output.is_dir() else "global")


@pytest.mark.long
def test_ctrl_c_says_how_to_go_on(tmp_path: Path, simulate: Simulate) -> None:
    """Interrupted, what was read is kept, the end is 130, and another command for the file is refused."""
    simulator = simulate("--connectors", "2", "--history-events", "8000", *CALM, *UNRULY)
    output = tmp_path / "events.jsonl"
    with backfill(tmp_path, simulator) as process:
        wait_until(lambda: output.exists() and count_lines(output) > 0, "something is written", process)
        process.send(signal.SIGINT)
        assert process.wait() == 130, process.words
    assert "yet; the same command goes on" in process.words
    assert 0 < count_lines(output) < 16_000

    with backfill(tmp_path, simulator, since="5h") as process:
        assert process.wait() == 2
    assert "was begun with --since 7h" in process.words

    with backfill(tmp_path, simulator) as process:
        assert process.wait() == 0, process.words
    assert_exact(output, simulator, order="global")


def test_what_the_api_no_longer_has_is_named(tmp_path: Path, simulate: Simulate) -> None:
    """A start before retention is a gap with its reason, all else is there, and the exit code says 4."""
    simulator = simulate(
        "--connectors", "2", "--history-events", "2000", *CALM, "--retention", "3h", "--max-limit", "100"
    )
    now = time.time()
    with backfill(tmp_path, simulator) as process:
        assert process.wait() == 4, process.words
    assert process.words.count("on can't be read: too old") == 2
    assert "incomplete: events.jsonl has all from" in process.words
    assert leftovers(tmp_path) == []
    assert simulator.stop() == 0
    truth = read_truth(simulator.truth)
    begin = now - 3 * 3600 + 90  # the gap is told to the minute
    kept = [fact.identity for fact in over(truth.values(), now) if fact.t > begin]
    wrong = complaints(read_records(tmp_path / "events.jsonl"), truth, required=kept, order="global")
    assert not wrong, wrong


def test_a_second_too_full_is_named(tmp_path: Path, simulate: Simulate) -> None:
    """Of 5,000 events in a second, in pages of 20 without a cursor: the gap is named, the rest is there."""
    capped = ("--no-cursor", "--max-limit", "20", "--default-limit", "20")
    calm = ("--connectors", "2", "--rate", "0.2", "--history", "10m", "--burst", "5000@-300")
    simulator = simulate(*calm, *capped)
    with backfill(tmp_path, simulator) as process:
        assert process.wait() == 4, process.words
    assert "can't be read: page cap" in process.words
    assert "incomplete: events.jsonl has all from" in process.words


def test_only_one_kind_is_asked_for(tmp_path: Path, simulate: Simulate) -> None:
    """One kind is asked of the API, so that others cost nothing, and a CSV file has its header once."""
    simulator = simulate("--connectors", "2", "--history-events", "3000", *CALM, "--max-limit", "100")
    with backfill(tmp_path, simulator, "-k", "Leave", out="leave.csv") as process:
        assert process.wait() == 0, process.words
    assert simulator.stop() == 0
    leaving = [fact for fact in read_truth(simulator.truth).values() if fact.k == "Leave"]
    header, *rows = (tmp_path / "leave.csv").read_text().splitlines()
    assert header.startswith("id,")
    assert len(rows) == len(leaving)
    assert all(",Leave," in row for row in rows)


def test_nothing_of_others_is_touched(tmp_path: Path, simulate: Simulate) -> None:
    """A file or folder that was there before is refused and left as it is; so is a word that means nobody."""
    simulator = simulate("--connectors", "1", *CALM)
    (tmp_path / "events.jsonl").write_text("mine\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").touch()
    for out, words in (("events.jsonl", "exists already"), ("folder", "is not empty")):
        with backfill(tmp_path, simulator, out=out) as process:
            assert process.wait() == 2
        assert words in process.words
    with backfill(tmp_path, simulator, "nobody", out="other") as process:
        assert process.wait() == 2
    assert not (tmp_path / "other").exists()
    assert (tmp_path / "events.jsonl").read_text() == "mine\n"
    shutil.rmtree(tmp_path / "folder")
    assert leftovers(tmp_path) == []
