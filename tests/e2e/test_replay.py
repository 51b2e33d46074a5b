"""What a sink has had is sent to it again: by the daemon while it works, and without one."""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import wait_for_truth
from tests.e2e.processes import Setup, wait_until

SLOW = """
[[sinks]]
type = "exec"
name = "slow"
folder = "."
command = ["sh", "-c", "cat >> slow.jsonl; test ! -e slowly || sleep 1"]
acknowledge = "exit"
max_events = 50
"""


def records(setup: Setup) -> list[dict[str, object]]:
    """All lines of the sink's file."""
    return [json.loads(line) for line in setup.events.read_text().splitlines()]


def replayed(setup: Setup, *words: str) -> dict[str, object]:
    """Replay, and give what came of it."""
    with setup.beside("replay", "--sink", "file", "--since", "2h", "--json", *words) as replay:
        assert replay.wait() == 0, replay.words
        answer: dict[str, object] = json.loads(replay.stdout.read_text())
        return answer


def test_a_replay_repeats_on_purpose_and_nothing_else(
    tmp_path: Path, simulate: Simulate, processes: ExitStack
) -> None:
    """Each asked event comes once more for each replay, marked late; all others still come exactly once."""
    simulator = simulate("--connectors", "2", "--rate", "3", "--history", "10m", "--history-events", "400")
    setup = Setup(tmp_path, simulator, start="1h")
    run = processes.enter_context(setup.run())
    wait_for_truth(setup.events, simulator, run)
    some = str(records(setup)[0]["connector"])
    by_daemon = replayed(setup, some)
    assert (by_daemon["is_over"], by_daemon["error"]) == (True, None)
    wait_for_truth(setup.events, simulator, run)
    assert run.stop() == 0, run.words

    again = [record for record in records(setup) if record["late"]]
    assert again
    assert len(again) == by_daemon["sent"]
    assert {record["connector"] for record in again} == {some}

    alone = replayed(setup)
    assert alone["dropped"] == 0
    counts = Counter(str(record["id"]) for record in records(setup))
    firsts = [record for record in records(setup) if not record["late"]]
    assert len(firsts) == len(counts) == alone["sent"]
    assert set(counts.values()) == {2, 3}

    with setup.run("--once") as run:
        assert run.wait() == 0, run.words
    assert Counter(str(record["id"]) for record in records(setup)) >= counts


def test_ctrl_c_stops_it(tmp_path: Path, simulate: Simulate, processes: ExitStack) -> None:
    """Interrupted, it says how much was sent; that much is there once more, and the next one begins anew."""
    simulator = simulate("--connectors", "2", "--rate", "3", "--history", "10m", "--history-events", "300")
    setup = Setup(tmp_path, simulator, start="1h")
    with setup.path.open("a") as file:
        file.write(SLOW)
    slow = tmp_path / "slow.jsonl"

    def again() -> int:
        return sum('"late":true' in line for line in slow.read_text().splitlines())

    def interrupted() -> int:
        before = again()
        with setup.beside("replay", "--sink", "slow", "--since", "2h") as replay:
            wait_until(lambda: again() > before, "some are sent again", replay)
            replay.send(signal.SIGINT)
            assert replay.wait() == 130, replay.words
            last = replay.words.splitlines()[-1]
        said = re.search(r"sent ([\d,]+) events to sink slow again, then it was broken off at \d+ %", last)
        assert said, last
        return int(said[1].replace(",", ""))

    run = processes.enter_context(setup.run())
    wait_for_truth(slow, simulator, run)
    (tmp_path / "slowly").touch()
    sent = interrupted() + interrupted()
    assert run.stop() == 0, run.words
    sent += interrupted()
    assert sent <= again() <= sent + 3 * 50  # of each the batch that was under way


def test_mistakes_are_told(tmp_path: Path, simulate: Simulate) -> None:
    """A sink that does not exist, and a journal that was never made, are one sentence and an exit code."""
    setup = Setup(tmp_path, simulate("--connectors", "1"))
    for words, code, said in (
        (("--sink", "fiel", "--since", "1h"), 2, 'did you mean "file"?'),
        (("--sink", "file", "--since", "1h"), 1, "nothing was ever collected here"),
    ):
        with setup.beside("replay", *words) as replay:
            assert replay.wait() == code, replay.words
            assert said in replay.words
            assert "Traceback" not in replay.words
