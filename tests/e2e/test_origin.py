from __future__ import annotations

import json
import time
from pathlib import Path

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact, wait_for_delivery, wait_for_news, wait_for_truth
from tests.e2e.processes import Setup, wait_until
from tests.e2e.truth import count_lines, over, read_records, read_truth

BUSY = ("--connectors", "3", "--rate", "25", "--history", "90s")
LATE = ("--late-share", "0.3", "--late-by", "40s")
"""Half of the late events were collected late too, so that t and a lie on two sides of an origin."""


def test_a_start_of_now_delivers_nothing_from_before(tmp_path: Path, simulate: Simulate) -> None:
    """Begun with "now", the daemon delivers what was recorded or collected since, and not one event more."""
    simulator = simulate(*BUSY, *LATE)
    setup = Setup(tmp_path, simulator, start="now", polling={"look_back": "60s"})
    with setup.run() as run:
        wait_until(lambda: '"event":"Started"' in run.words, "it has begun", run)
        found = [json.loads(line) for line in run.words.splitlines() if '"event":"ConnectorFound"' in line]
        origins = {report["connector"]: report["origin"] for report in found}
        assert len(origins) == 3
        wait_for_news(simulator, 60)
        truth = read_truth(simulator.truth)
        required = {one.identity for one in truth.values() if max(one.t, one.a) >= origins[one.connector]}
        wait_for_delivery(setup.events, required, run)
        assert run.stop() == 0, run.words

    records = read_records(setup.events)
    assert [one for one in records if max(one.t, one.a) < origins[one.connector]] == []
    assert [one for one in records if one.t < origins[one.connector]]  # collected late: they belong
    assert_exact(setup.events, simulator, required=required, order="connector")


def test_an_origin_outlives_its_process(tmp_path: Path, simulate: Simulate) -> None:
    """Started again with "now", the daemon goes on where it was, and does not begin anew."""
    simulator = simulate(*BUSY)
    setup = Setup(tmp_path, simulator, start="now")
    with setup.run() as run:
        wait_until(lambda: setup.events.exists() and count_lines(setup.events) > 10, "it delivers", run)
        assert run.stop() == 0, run.words
    origin = min(one.t for one in read_records(setup.events))
    wait_for_news(simulator, 30)  # which nobody reads

    with setup.run() as run:
        required = wait_for_truth(setup.events, simulator, run, since=origin + 1)
        assert run.stop() == 0, run.words

    assert_exact(setup.events, simulator, required=required, order="connector")


def test_a_span_of_a_tail_is_kept_to(tmp_path: Path, simulate: Simulate) -> None:
    """A tail shows the events of which t or a lies in the span that was asked for, and no other."""
    simulator = simulate(*BUSY, *LATE)
    now = int(time.time())
    since, until = now - 60, now - 20
    with Setup(tmp_path, simulator).tail("--since", str(since), "--until", str(until)) as tail:
        assert tail.wait() == 0, tail.words

    facts = [one for one in read_truth(simulator.truth).values() if one.visible_at < now]
    belonging = [one.identity for one in facts if since <= one.t < until or since <= one.a < until]
    assert_exact(tail.stdout, simulator, required=belonging, order="global")
    outside = [
        one
        for one in read_records(tail.stdout)
        if not (since <= one.t < until) and not (since <= one.a < until)
    ]
    assert outside == []


def test_a_tail_since_a_duration_begins_there(tmp_path: Path, simulate: Simulate) -> None:
    """``--since 30s`` shows nothing of which both t and a are older than that."""
    simulator = simulate(*BUSY, *LATE)
    before = time.time()
    with Setup(tmp_path, simulator).tail("--since", "30s") as tail:
        assert tail.wait() == 0, tail.words
    after = time.time()

    records = read_records(tail.stdout)
    assert [one for one in records if max(one.t, one.a) < int(before) - 31] == []
    facts = over(read_truth(simulator.truth).values(), before)
    required = [one.identity for one in facts if one.t >= after - 30 and one.visible_at < before]
    assert len(required) > 100
    assert_exact(tail.stdout, simulator, required=required, order="global")
