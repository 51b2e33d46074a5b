from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest

from tailer.app.daemon.snapshot import snapshot, this_process
from tailer.core.budget import Budget
from tailer.core.lateness import Histogram
from tailer.model import Event
from tailer.testing.recording_sink import RecordingSink
from tailer.testing.scripted_source import Row
from tests.flow.stage import FAKE_TIME, START, Stage, keys, keys_of, steady

pytestmark = FAKE_TIME

HOUR = 3600.0
PROCESS = this_process(0.0)


def polls_of(stage: Stage, connector: str, start: float, end: float) -> list[float]:
    """List when a connector was asked for within a span of seconds after `START`."""
    return [
        one.at - START
        for one in stage.source.asked
        if one.connector == connector and start <= one.at - START < end
    ]


def are_late_ones_marked(events: Sequence[Event]) -> bool:
    """Tell whether those and only those are marked that sort before one that was accepted earlier."""
    highest = (-1.0, -1.0)
    for event in events:
        if event.late != (event.key < highest):
            return False
        highest = max(highest, event.key)
    return True


@pytest.mark.parametrize("allowed", [30, pytest.param(None, marks=pytest.mark.long)])
@pytest.mark.parametrize("has_heartbeat", [True, pytest.param(False, marks=pytest.mark.long)])
async def test_what_an_appliance_recorded_in_six_hours_without_a_line_is_found_within_minutes(
    allowed: int | None, *, has_heartbeat: bool
) -> None:
    """All of it is delivered, marked late, in order among itself; also where nobody lists a heartbeat.

    And where the budget allows 30 requests a window to a fleet that would spend three times as many.
    """
    back = START + 6.5 * HOUR
    uploads = [
        Row(START + 0.5 * HOUR + 90 * number, 0, visible_at=back + 600 * number / 240)
        for number in range(240)
    ]
    rows = {
        "away": [*steady(60, every=30), *uploads, *steady(50, every=20, start=6.5 * HOUR, n=1)],
        "other": steady(200, every=130),
    }
    if allowed is None:
        stage = Stage(rows, polling={"interval": 60.0})
    else:
        budget = Budget(share=1.0, reserve=0.0, quota=allowed, window=300.0)
        quiet: dict[str, list[Row]] = {f"quiet {number}": [] for number in range(4)}
        stage = Stage({**rows, **quiet}, polling={"interval": 20.0}, budget=budget)
    if has_heartbeat:
        stage.source.silence("away", start=START + 0.5 * HOUR, end=back)
        stage.source.silence("other", start=START + 99 * HOUR)
    sink = RecordingSink()

    await stage.serve(sink, seconds=6.9 * HOUR)

    due = {"away": rows["away"], "other": [row for row in rows["other"] if row.t < START + 6.8 * HOUR]}
    delivered = sink.events
    assert set(keys_of(due)) <= set(keys(delivered))
    assert len(set(keys(delivered))) == len(delivered)
    late = [event for event in delivered if event.connector == "away" and event.n == 0 and event.late]
    uploaded = {(row.t, row.n): row.seen_from for row in uploads}
    seen = {event.key: event.seen for event in delivered if event.connector == "away"}
    assert max(seen[key] - visible for key, visible in uploaded.items()) < 5 * 60
    assert allowed is None or len(stage.source.asked) >= 0.9 * allowed * 12 * 6.5
    assert len(late) >= 0.8 * len(uploads)  # the first ones sort after all that was accepted
    assert are_late_ones_marked([event for event in delivered if event.connector == "away"])
    assert all(one.t <= two.t for one, two in pairwise(late) if one.seen == two.seen)


async def test_a_silent_connector_is_polled_rarely_until_it_is_heard_again() -> None:
    """One listing serves the fleet: no polls but a few, and at once when it is back."""
    back = 2 * HOUR + 100
    stage = Stage({"quiet": [Row(START + back + 5, 0)], "other": []}, polling={"interval": 10.0})
    stage.source.silence("quiet", start=START + HOUR, end=START + back)
    sink = RecordingSink()

    await stage.serve(sink, seconds=2.1 * HOUR)

    assert len(polls_of(stage, "quiet", 0, HOUR)) >= 350
    assert len(polls_of(stage, "quiet", HOUR + 400, back)) <= (back - HOUR - 400) / 300 + 1
    assert min(polls_of(stage, "quiet", back, 3 * HOUR)) - back < 110  # listed every 100 s meanwhile
    waits = [event.seen - event.t for event in sink.events if event.connector == "quiet"]
    assert waits
    assert max(waits) < 110


async def test_a_heartbeat_that_stands_still_while_events_come_is_ignored() -> None:
    """Such a connector is polled as any other after its first event."""
    stage = Stage({"liar": steady(500, every=20)}, polling={"interval": 10.0})
    stage.source.silence("liar", start=START - HOUR)
    await stage.serve(RecordingSink(), seconds=2 * HOUR)
    assert len(polls_of(stage, "liar", HOUR, 2 * HOUR)) >= 350


async def test_a_status_says_who_is_silent_and_what_is_read_again() -> None:
    """Since when, and for how long an absence has been."""
    rows = [Row(START + 100 + 10 * n, 0, visible_at=START + 2000) for n in range(20)]
    stage = Stage({"c1": rows, "c2": []})
    stage.source.silence("c1", start=START + 100, end=START + 2000)
    stage.source.silence("c2", start=START + 99 * HOUR)
    run = stage.run()
    seen = []

    async with run:
        run.deliver(RecordingSink(), await run.open_reader("sink", "connector"))
        run.start()
        for seconds in (1000, 1100):
            await stage.clock.sleep(seconds)
            seen.append(snapshot(run, PROCESS, "running"))

    during, after = seen
    assert (during.fleet.silent, during.fleet.silent_since, during.fleet.well) == (1, START + 100, 2)
    assert [one.silent_since for one in during.connectors] == [START + 100, None]
    assert during.fleet.lags["1"] < 60
    assert (during.fleet.whole_through or 0) > START + 900
    assert after.fleet.silent == 0
    away = after.connectors[0].away
    assert away is not None
    assert away[0] <= START + 100
    assert START + 1900 <= away[1] <= START + 2100
    assert after.connectors[0].lateness is not None
    assert Histogram() != run.pollers[0].checkpoint.lateness.seen
