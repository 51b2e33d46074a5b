"""What a sink has had is sent to it again: by the daemon while it works, and without one."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import wait_for_truth
from tests.e2e.processes import Setup


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
