from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact, wait_for_delivery, wait_for_news, wait_for_truth
from tests.e2e.processes import DEADLINE, Process, Setup, Simulator, wait_until
from tests.e2e.truth import Identity, complaints, read_records, read_truth

BAD = ("403#0:1", "404#1:1", "hang#2:1", "wrong-shape#3:1", "429#4:1")
"""What the first five connectors do, for ever."""


def healthy(simulator: Simulator) -> set[Identity]:
    """Tell what the other connectors have had until now."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{simulator.port}/client/v4/accounts/{simulator.account}/magic/connectors",
        headers={"Authorization": f"Bearer {simulator.token}"},
    )
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:  # noqa: S310 - to loopback, as above
        listed = [one["id"] for one in json.load(answer)["result"]]
    truth = read_truth(simulator.truth).values()
    return {fact.identity for fact in truth if fact.connector in listed[len(BAD) :]}


def test_connectors_that_can_not_be_read_harm_nobody(tmp_path: Path, simulate: Simulate) -> None:
    """403, 404, hanging, malformed and 429 for ever: the others are delivered whole, and in time."""
    faults = [word for fault in BAD for word in ("--fault", fault)]
    simulator = simulate("--connectors", "8", "--rate", "16", "--history", "1m", *faults)
    setup = Setup(tmp_path, simulator, start="3h", api={"timeout": "2s"})
    with setup.run() as run:
        wait_until(lambda: run.words.count('"event":"ConnectorParked"') >= 3, "three are parked", run)
        wait_for_news(simulator, 60)
        required = healthy(simulator)
        wait_for_delivery(setup.events, required, run)
        assert run.stop() == 0, run.words
    assert run.words.count('"event":"PrincipalPaused"') <= 2
    assert '"event":"AccountStopped"' not in run.words
    assert simulator.stop() == 0
    wrong = complaints(read_records(setup.events), read_truth(simulator.truth), required=required)
    assert not wrong, wrong


def test_a_run_that_ends_names_what_it_could_not_read(tmp_path: Path, simulate: Simulate) -> None:
    """A connector that the API does not know is in the summary and in the exit code; the others are whole."""
    simulator = simulate("--connectors", "3", "--rate", "6", "--history", "1m", "--fault", "404#0:1")
    setup = Setup(tmp_path, simulator, start="3h")
    required = {one.identity for one in read_truth(simulator.truth).values()}
    with setup.run("--once") as once:
        assert once.wait() == 4, once.words
    assert "was read only through" in once.words
    delivered = {record.identity for record in read_records(setup.events)}
    missing = {connector for connector, _, _ in required - delivered}
    assert len(missing) == 1
    assert len({connector for connector, _, _ in delivered}) == 2


@pytest.mark.long
def test_a_token_that_is_rotated_in_its_file(tmp_path: Path, simulate: Simulate) -> None:
    """The account stops when its token ends, and goes on with the new one, without a gap or a restart."""
    second = "second-token-that-must-never-be-shown"
    simulator = simulate("--connectors", "3", "--rate", "12", "--history", "1m", "--rotate", f"{second}@8")
    token = tmp_path / "token"
    token.write_text(simulator.token)
    setup = Setup(tmp_path, simulator, start="3h")
    text = setup.path.read_text()
    setup.path.write_text(text.replace("[[accounts]]", '[[accounts]]\ntoken_file = "token"', 1))
    with Process(tmp_path, "run", "run", "-c", str(setup.path), environment=base_url(simulator)) as run:
        wait_until(lambda: '"event":"AccountStopped"' in run.words, "the account is stopped", run)
        token.write_text(second)
        wait_until(lambda: '"event":"AccountResumed"' in run.words, "it goes on", run)
        wait_for_news(simulator, 24)
        required = wait_for_truth(setup.events, simulator, run)
        assert run.stop() == 0, run.words
    assert second not in run.words
    assert simulator.token not in run.words
    assert '"event":"ConnectorParked"' not in run.words
    assert_exact(setup.events, simulator, required=required, order="connector")


def base_url(simulator: Simulator) -> dict[str, str]:
    """Tell where the API is, and no token."""
    return {"CLOUDFLARE_BASE_URL": simulator.base_url}


@pytest.mark.long
@pytest.mark.parametrize("answer", ["empty", "404"])
def test_one_that_vanishes_for_a_while_loses_nothing(tmp_path: Path, simulate: Simulate, answer: str) -> None:
    """Parked while it is not listed, whatever the API says of it then; read whole once it is back."""
    simulator = simulate(
        *("--connectors", "3", "--rate", "9", "--history", "30s"),
        *("--vanish", "1@9-15", "--unknown-connector", answer),
    )
    setup = Setup(tmp_path, simulator, start="1h", polling={"discover": "1s"})
    with setup.run() as run:
        wait_until(lambda: '"event":"ConnectorParked"' in run.words, "it is parked", run)
        wait_until(lambda: '"event":"ConnectorResumed"' in run.words, "it is read again", run)
        required = wait_for_truth(setup.events, simulator, run, news=20)
        assert run.stop() == 0, run.words
    assert_exact(setup.events, simulator, required=required, order="connector")
