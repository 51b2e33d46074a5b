"""Details: fetched beside the polls, attached before an event is journaled, given up at a deadline."""

from __future__ import annotations

import asyncio
from random import Random

import anyio
import pytest

from tailer.app.run.ask import Ask
from tailer.app.run.run import Run
from tailer.core.budget import Budget
from tailer.core.ordering import Order
from tailer.core.purpose import Purpose
from tailer.errors import (
    ApiError,
    AuthError,
    EventGoneError,
    JournalError,
    RateLimitedError,
    ServerError,
)
from tailer.model import Event, Payload
from tailer.observe import DetailsMissed
from tailer.pipeline import details as desk
from tailer.testing.recording_sink import RecordingSink
from tailer.testing.scripted_source import Row, ScriptedSource, singles_of
from tests.flow.stage import FAKE_TIME, START, KeptJournal, Stage, keys, keys_of, steady, unruly

pytestmark = FAKE_TIME

ERRORS = {"details": ("*failure", "HaError")}
HA_ERROR = Row(START + 4, 7, "HaError", visible_at=START + 4)


class TimedSink(RecordingSink):
    """Remembers as well when each event came, in seconds since the start."""

    def __init__(self) -> None:
        super().__init__()
        self.times: dict[tuple[float, float], float] = {}

    async def write(self, batch):  # type: ignore[no-untyped-def]
        """Take a batch."""
        for event in batch.events:
            self.times.setdefault(event.key, asyncio.get_running_loop().time())
        return await super().write(batch)


def told(row: Row) -> Payload:
    """Give what the scripted API tells of a row."""
    return row.payload


def with_details(events: list[Event]) -> list[tuple[float, float]]:
    """List the events that have details."""
    return [event.key for event in events if event.e is not None]


def stage_of(rows: list[Row], **polling: object) -> Stage:
    """Make a stage with one connector."""
    return Stage({"c1": rows}, journal=KeptJournal(), polling={**ERRORS, **polling})


async def test_details_are_attached_before_the_event_is_journaled() -> None:
    """Only what was asked for is fetched, once, at its priority; it comes with the event."""
    rows = [*steady(8), HA_ERROR, Row(START + 5, 1, "FinishUpgradeFailure"), Row(START + 6, 1, "Init")]
    stage = stage_of(rows, details=("*failure", "haerror", "Init"))
    sink = RecordingSink()
    run = await stage.serve(sink, seconds=25)

    assert sorted(keys(sink.events)) == keys_of({"c1": rows})
    wanted = {row.t: row for row in rows if row.k != "Reconcile"}
    assert {event.t: event.e for event in sink.events if event.e} == {t: told(r) for t, r in wanted.items()}
    assert sorted((one.key[0], one.purpose) for one in stage.source.fetched) == [
        (START + 4, Purpose.ERROR_DETAIL),
        (START + 5, Purpose.ERROR_DETAIL),
        (START + 6, Purpose.DETAIL),
    ]
    assert (run.tally.details, run.tally.details_missed) == (3, 0)
    assert not stage.said(DetailsMissed)


async def test_the_other_events_of_a_poll_go_at_once() -> None:
    """Who waits for nothing does not wait for those that do."""
    stage = stage_of([*steady(5), HA_ERROR])
    stage.source.trouble(connector=singles_of("c1"), delay=6.0)
    sink = TimedSink()
    await stage.serve(sink, seconds=25, order="arrival")

    others = [sink.times[key] for key in sink.times if key[1] != HA_ERROR.n]
    assert max(others) < 6
    assert 11 < sink.times[HA_ERROR.t, 7] < 12
    assert with_details(sink.events) == [(HA_ERROR.t, 7)]


async def test_waiting_delays_no_poll() -> None:
    """However long details take, the connector is polled at its interval."""
    stage = stage_of([*steady(60), HA_ERROR, Row(START + 12, 1, "HaError")])
    stage.source.hang(singles_of("c1"), timeout=30.0)
    await stage.serve(RecordingSink(), seconds=41)

    times = [asked.at - START for asked in stage.source.asked]
    assert times == pytest.approx([5 * number for number in range(len(times))], abs=0.5)
    assert len(times) == 9


async def test_after_the_deadline_the_event_goes_without() -> None:
    """It is journaled without details, for good: what comes afterwards is not added, nor asked for again."""
    stage = stage_of([HA_ERROR], details_wait=10.0)
    stage.source.trouble(connector=singles_of("c1"), delay=20.0)
    sink = TimedSink()
    run = await stage.serve(sink, seconds=60)

    (event,) = sink.events
    assert event.e is None
    assert not event.late
    assert 15 <= sink.times[HA_ERROR.t, 7] < 17
    assert len(stage.source.fetched) == 1
    assert (run.tally.details, run.tally.details_missed, run.tally.events) == (0, 1, 1)
    assert str(stage.said(DetailsMissed)[0]) == (
        "No details for an event, last of connector c1 (c1): nothing came within 10s"
    )


@pytest.mark.parametrize(
    "error",
    [
        EventGoneError("gone", status=404),
        ServerError("HTTP 502", status=502),
        AuthError("no", status=403),
    ],
)
async def test_what_will_not_come_is_not_waited_for(error: ApiError) -> None:
    """An event whose details fail goes on at once, and the connector is read as ever."""
    stage = stage_of([HA_ERROR, *steady(20)])
    stage.source.trouble(error, connector=singles_of("c1"))
    sink = TimedSink()
    run = await stage.serve(sink, seconds=25, order="arrival")

    assert 5 <= sink.times[HA_ERROR.t, 7] < 6
    assert with_details(sink.events) == []
    assert run.tally.details_missed == 1
    assert run.tally.failed_polls == 0
    assert [report.reason for report in stage.said(DetailsMissed)] == [str(error)]


async def test_a_paused_principal_costs_the_details_not_the_event() -> None:
    """Told to slow down when details are asked for, everything pauses; the event goes on at its deadline."""
    stage = stage_of([HA_ERROR])
    stage.source.trouble(RateLimitedError("slow", retry_after=60.0), connector=singles_of("c1"), times=1)
    sink = TimedSink()
    run = await stage.serve(sink, seconds=120, order="arrival")

    assert 15 <= sink.times[HA_ERROR.t, 7] < 17
    assert (run.tally.details, run.tally.details_missed) == (0, 1)


async def test_what_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A payload beyond the bound is left out, and the event goes on at once."""
    stage = stage_of([HA_ERROR])
    monkeypatch.setattr(Row, "payload", property(lambda _: {"k": "HaError", "x": "y" * 70_000}))
    sink = RecordingSink()
    await stage.serve(sink, seconds=12)

    assert [event.e for event in sink.events] == [None]
    (report,) = stage.said(DetailsMissed)
    assert "larger than 64 KiB" in report.reason or "larger than 64KiB" in report.reason


@pytest.mark.parametrize("order", ["connector", "global"])
async def test_what_sorts_after_a_waiting_event_is_held(order: Order) -> None:
    """Nothing is marked late for its details, whether they come or not: readers keep the order."""
    rows = {"c1": [*steady(60), HA_ERROR, Row(START + 21, 3, "HaError")], "c2": steady(60, n=9)}
    stage = Stage(rows, polling=ERRORS)
    stage.source.trouble(connector=singles_of("c1"), delay=8.0, times=1)
    stage.source.hang(singles_of("c1"))
    sink = RecordingSink()
    await stage.serve(sink, seconds=75, order=order)

    assert sorted(keys(sink.events)) == keys_of(rows)
    assert not any(event.late for event in sink.events)
    for connector in rows:
        times = [event.t for event in sink.events if event.connector == connector]
        assert times == sorted(times)
    assert with_details(sink.events) == [(HA_ERROR.t, 7)]


async def test_a_finite_run_waits_for_the_last_details() -> None:
    """What was asked for is delivered whole before the run ends by itself."""
    rows = [*steady(100, start=-1000, every=10), Row(START - 1, 0, "HaError"), Row(START - 500, 5, "HaError")]
    stage = stage_of(rows)
    stage.source.trouble(connector=singles_of("c1"), delay=3.0)
    sink = RecordingSink()
    run = await stage.finish(sink)

    assert sorted(keys(sink.events)) == keys_of({"c1": rows})
    assert len(with_details(sink.events)) == 2
    assert not any(event.late for event in sink.events)
    assert run.pollers[0].checkpoint == run.pollers[0].book.read
    assert stage.clock.monotonic() < 15


@pytest.mark.parametrize("drains", [False, True])
async def test_a_crash_while_one_waits_reads_it_again(drains: bool) -> None:
    """Its coverage was not durable, so the next start finds it, with its details, and nothing comes twice."""
    rows = [*steady(20), HA_ERROR]
    stage = stage_of(rows)
    stage.source.trouble(connector=singles_of("c1"), delay=9.0, times=1)
    sink = RecordingSink()
    run = await stage.serve(sink, seconds=8, order="arrival", crash=not drains)
    assert HA_ERROR.t not in {event.t for event in sink.events if event.n == 7}
    assert len(sink.events) >= 5
    (poller,) = run.pollers
    assert HA_ERROR.t in poller.book.read.covered
    assert HA_ERROR.t not in poller.checkpoint.covered

    await stage.serve(sink, seconds=30, order="arrival")
    assert sorted(keys(sink.events)) == keys_of({"c1": rows})
    assert with_details(sink.events) == [(HA_ERROR.t, 7)]


@pytest.mark.parametrize("filter_by", ["t", "a"])
@pytest.mark.parametrize("t", [START + 30, START - 40], ids=["in what was read", "before the origin"])
async def test_a_late_event_that_waits_survives_a_crash(filter_by: str, t: float) -> None:
    """What only a level of the ladder could find is found again, though its level had been read by then."""
    late = Row(t, 7, "HaError", visible_at=START + 195)
    stage = Stage(
        {"c1": [late, *steady(300)]},
        journal=KeptJournal(),
        polling={**ERRORS, "revisit_max": 320.0},
        filter_by=filter_by,
    )
    stage.source.trouble(connector=singles_of("c1"), delay=60.0, times=1)
    sink = RecordingSink()

    async def crash_while_it_waits() -> None:
        run = stage.run()
        async with run:
            run.deliver(sink, await run.open_reader("sink 0", "arrival"))
            async with anyio.create_task_group() as group:
                group.start_soon(run.serve)
                while not stage.source.fetched:
                    await stage.clock.sleep(0.5)
                await stage.clock.sleep(7)
                group.cancel_scope.cancel()

    await crash_while_it_waits()
    assert late.t not in {event.t for event in sink.events if event.n == 7}
    await stage.serve(sink, seconds=1500, order="arrival")
    assert sorted(keys(sink.events)) == keys_of({"c1": [late, *steady(300)]})
    assert with_details(sink.events) == [(t, 7)]


@pytest.mark.parametrize(
    "seed", [*range(2), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 5))]
)
async def test_nothing_is_lost_and_nothing_comes_twice(seed: int) -> None:
    """Late events, failing polls and details, crashes: each event comes once, with its own details."""
    random = Random(seed)
    kinds = ["Reconcile", "HaError", "FinishUpgradeFailure"]
    rows = {
        connector: [row._replace(k=random.choice(kinds)) for row in known]
        for connector, known in unruly(random, 3, 60, span=1200, latest=600).items()
    }
    journal = KeptJournal()
    stage = Stage(
        rows,
        journal=journal,
        polling={"interval": 20.0, "revisit_max": 7200.0, "details": ("*Failure", "HaError")},
        page_rows=random.choice([7, 30, 1000]),
        filter_by=random.choice(["t", "a"]),
        latency=random.choice([0.05, 3.0]),
    )
    for _ in range(25):
        begin = START + random.uniform(0, 2500)
        connector = random.choice(["c0", "c1", "c2"])
        stage.source.trouble(
            random.choice([ServerError("HTTP 502", status=502), None]),
            connector=random.choice([connector, singles_of(connector), singles_of(connector)]),
            start=begin,
            end=begin + random.uniform(0, 200),
            delay=random.uniform(0, 30),
            times=random.randrange(1, 9),
        )
    sink = RecordingSink()
    start = str(START)
    for _ in range(10):
        sink.refuse_writes(random.randrange(3))
        await stage.serve(sink, seconds=random.uniform(1, 250), start=start, crash=random.random() < 0.7)
        await stage.clock.sleep(random.uniform(0, 100))
    await stage.serve(sink, seconds=max(0.0, START + 1200 - stage.clock.wall()) + 3000, start=start)

    assert sorted(keys(sink.events)) == keys_of(rows)
    payloads = {(c, row.t, row.n): row.payload for c, known in rows.items() for row in known}
    found = [event for event in sink.events if event.e is not None]
    assert len(found) > 20
    assert all(event.e == payloads[event.connector, event.t, event.n] for event in found)
    assert not any(event.k == "Reconcile" for event in found)


async def test_a_failed_commit_of_details_breaks_the_run_off_and_loses_nothing() -> None:
    """What could not be journaled with its details is neither remembered nor covered."""
    stage = stage_of([HA_ERROR])
    journal = stage.journal
    assert isinstance(journal, KeptJournal)
    journal.commit_errors.append(JournalError("disk gone"))
    sink = RecordingSink()
    with pytest.raises(JournalError, match="disk gone"):
        await stage.serve(sink, seconds=20)
    await stage.serve(sink, seconds=20)
    assert with_details(sink.events) == [(HA_ERROR.t, 7)]
    assert len(sink.events) == 1


async def test_few_requests_for_details_are_in_flight_and_polls_have_their_own_place() -> None:
    """A hundred events that wait ask for two at a time and purpose, and all are told in the end."""
    rows = [Row(START + 1, n, "HaError" if n % 2 else "Init") for n in range(100)]
    stage = stage_of(rows, details=("*",), details_wait=60.0)
    sink = RecordingSink()
    await stage.serve(sink, seconds=30)

    assert len(with_details(sink.events)) == 100
    assert stage.source.most_in_flight[singles_of("c1")] == 2 * desk.IN_FLIGHT
    assert stage.source.most_in_flight["c1"] == 1


async def test_where_the_budget_binds_what_was_read_last_is_told_first() -> None:
    """Beyond the budget some events go without; the others come quickly, and none is asked for in vain."""
    rows = [Row(START + 1 + n, 0, "Init") for n in range(100)]
    budget = Budget(share=1.0, reserve=0.0, quota=10, window=10.0)
    stage = Stage({"c1": rows}, polling={"details": ("*",)}, budget=budget)
    sink = TimedSink()
    run = await stage.serve(sink, seconds=140)

    assert sorted(keys(sink.events)) == keys_of({"c1": rows})
    assert run.tally.details + run.tally.details_missed == 100
    assert run.tally.details > 30
    assert max(sink.times[key] - (key[0] - START) for key in sink.times) < 10 + 5 + 11


async def test_what_nobody_is_to_get_is_not_asked_for() -> None:
    """Details of kinds that no sink gets cost no request."""
    stage = Stage({"c1": [HA_ERROR, Row(START + 5, 0, "Init")]}, polling={"details": ("*",)}, kinds=("Init",))
    sink = RecordingSink()
    await stage.serve(sink, seconds=12)
    assert [(event.k, event.e is not None) for event in sink.events] == [("Init", True)]
    assert [one.key for one in stage.source.fetched] == [(START + 5, 0)]


@pytest.mark.parametrize("kills", [0, 3])
async def test_a_sweep_waits_for_all_details(kills: int) -> None:
    """Nothing waits for it, so every event has its details, in order, also after a crash in the middle."""
    rows = {name: [row._replace(k="HaError") for row in steady(150, every=5)] for name in ("c1", "c2")}
    stage = Stage(rows, journal=KeptJournal(), polling={"details": ("*",), "details_wait": 1.0}, latency=0.3)
    await stage.clock.sleep(1000)
    sink = RecordingSink()
    ask = Ask(start=str(START), until=str(START + 800), follow=False, sweep=True)
    for number in range(kills + 1):
        run = Run(
            stage.config,
            ask,
            journal=stage.journal,
            observe=stage.reports.append,
            clock=stage.clock,
            connect=lambda *_: stage.source,
        )
        async with run:
            run.deliver(sink, await run.open_reader("sink", "connector"))
            with anyio.move_on_after(7 if number < kills else None):
                await run.serve()

    assert sorted(keys(sink.events)) == keys_of(rows)
    assert all(event.e == {"k": "HaError", "told": f"{event.t}.{event.n}"} for event in sink.events)
    assert not any(event.late for event in sink.events)
    assert {one.purpose for one in stage.source.fetched} == {Purpose.DETAIL}
    assert len(stage.source.fetched) <= 300 + kills * 60


async def test_two_reads_of_one_event_ask_once() -> None:
    """Overlapping polls bring a waiting event again; it is known, be it of another kind by then."""
    stage = stage_of([HA_ERROR])
    stage.source.trouble(connector=singles_of("c1"), delay=9.0)
    source: ScriptedSource = stage.source

    async def rename() -> None:
        await stage.clock.sleep(7)
        source._rows["c1"] = [HA_ERROR._replace(k="HaInit")]  # noqa: SLF001 - the API changes its mind

    sink = RecordingSink()
    async with anyio.create_task_group() as group:
        group.start_soon(rename)
        run = await stage.serve(sink, seconds=30)
    assert [(event.k, event.e is not None) for event in sink.events] == [("HaError", True)]
    assert len(source.fetched) == 1
    assert run.tally.changed == 1
