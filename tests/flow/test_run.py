from __future__ import annotations

import asyncio
import threading
from random import Random

import anyio
import pytest

from tailer.errors import (
    AuthError,
    ConnectorGoneError,
    JournalError,
    ServerError,
    SinkClosedError,
    SinkUnavailableError,
)
from tailer.observe import ConnectorFound, ListingFailed
from tailer.testing.recording_sink import RecordingSink
from tailer.testing.scripted_source import LISTING, Row
from tests.flow.stage import FAKE_TIME, START, KeptJournal, Stage, keys, keys_of, steady, unruly

pytestmark = FAKE_TIME


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 8))])
async def test_nothing_is_lost_and_nothing_comes_twice(seed: int) -> None:
    """Late events, shifting pages, repeated rows, failing polls and sinks, crashes: each event comes once."""
    random = Random(seed)
    rows = unruly(random, 3, 150, span=3000, latest=1200)
    journal = KeptJournal()
    stage = Stage(
        rows,
        journal=journal,
        polling={"interval": 20.0, "revisit_max": 7200.0},
        page_rows=random.choice([7, 30, 1000]),
        newest_first=random.random() < 0.5,
        overlap=random.choice([0, 2]),
        filter_by=random.choice(["t", "a"]),
        latency=random.choice([0.05, 3.0]),
    )
    for _ in range(12):
        begin = START + random.uniform(0, 5000)
        error = random.choice([ServerError("HTTP 502", status=502), None])
        stage.source.trouble(
            error,
            connector=random.choice(["c0", "c1", "c2"]),
            start=begin,
            end=begin + random.uniform(0, 200),
            delay=random.uniform(0, 60),
            times=random.randrange(1, 9),
            on_later_pages=random.random() < 0.5,
        )
    sink = RecordingSink()
    start = str(START)
    for _ in range(6):
        sink.refuse_writes(random.randrange(3))
        sink.lose_answers(random.randrange(3))
        await stage.serve(sink, seconds=random.uniform(1, 900), start=start, crash=random.random() < 0.5)
        await stage.clock.sleep(random.uniform(0, 300))
    await stage.serve(sink, seconds=max(0.0, START + 3000 - stage.clock.wall()) + 4500, start=start)

    assert sorted(keys(sink.events)) == keys_of(rows)


@pytest.mark.parametrize("order", ["arrival", "connector", "global"])
async def test_a_finite_run_ends_with_everything_delivered(order: str) -> None:
    """`--once` reads the asked span of every connector, delivers it in order, and ends."""
    rows = {"c1": steady(500, start=-3000, every=5), "c2": steady(100, start=-2999, every=25), "c3": []}
    stage = Stage(rows, page_rows=50)
    sink = RecordingSink()

    run = await stage.finish(sink, order=order)  # type: ignore[arg-type]

    assert sorted(keys(sink.events)) == keys_of(rows)
    if order == "global":
        assert [event.t for event in sink.events] == sorted(event.t for event in sink.events)
    assert stage.clock.monotonic() < 60
    assert sink.closed == 1
    assert run.tally.events == 600
    assert not any(event.late for event in sink.events)


async def test_a_finite_run_without_connectors_ends_at_once() -> None:
    """Nothing to read is no reason to wait."""
    stage = Stage({})
    sink = RecordingSink()

    await stage.finish(sink)

    assert sink.events == []
    assert stage.clock.monotonic() < 5


async def test_a_finite_run_gives_a_failing_connector_up() -> None:
    """A connector that fails for ever is given up; the others are delivered whole."""
    rows = {"bad": steady(10, start=-100), "good": steady(10, start=-100)}
    stage = Stage(rows)
    stage.source.trouble(ServerError("HTTP 500", status=500), connector="bad")
    sink = RecordingSink()

    run = await stage.finish(sink, order="global")

    assert keys(sink.events) == keys_of({"good": rows["good"]})
    assert [(poller.connector.id, poller.failures) for poller in run.pollers if poller.error] == [("bad", 3)]
    assert stage.clock.monotonic() < 120


@pytest.mark.parametrize(
    "error", [ConnectorGoneError("not found", status=404), AuthError("forbidden", status=403)]
)
async def test_a_finite_run_does_not_wait_for_a_refused_connector(error: Exception) -> None:
    """What the API refuses is not tried again five minutes later by a command that ends by itself."""
    stage = Stage({"bad": [], "good": steady(10, start=-100)})
    stage.source.trouble(error, connector="bad")  # type: ignore[arg-type]
    sink = RecordingSink()

    await stage.finish(sink)

    assert len(sink.events) == 10
    assert stage.clock.monotonic() < 60


async def test_start_now_delivers_nothing_from_before() -> None:
    """With ``start = "now"`` an event belongs if the later of t and a is not before the start."""
    stage = Stage(
        {
            "c1": [
                Row(START - 50, 0),
                Row(START - 50, 1, a=START - 1),
                Row(START - 50, 2, a=START + 8, visible_at=START + 8),
                Row(START + 3, 0),
            ]
        }
    )
    sink = RecordingSink()

    await stage.serve(sink, seconds=100)

    assert sorted(keys(sink.events)) == [("c1", START - 50, 2), ("c1", START + 3, 0)]


async def test_a_finite_span_takes_t_or_a() -> None:
    """With ``--since`` and ``--until`` an event belongs if its t or its a lies in the span."""
    stage = Stage(
        {
            "c1": [
                Row(START - 700, 0, a=START - 700),
                Row(START - 620, 0, a=START - 580),
                Row(START - 500, 0),
                Row(START - 301, 0, a=START - 100),
                Row(START - 300, 0, a=START - 300),
                Row(START - 299, 0),
            ]
        }
    )
    sink = RecordingSink()
    run = stage.run(str(START - 600), until=str(START - 300), follow=False)
    async with run:
        run.deliver(sink, await run.open_reader("sink", "connector"))
        await run.serve()

    assert keys(sink.events) == [("c1", START - 620, 0), ("c1", START - 500, 0), ("c1", START - 301, 0)]


async def test_a_span_that_ends_later_is_followed_to_its_end() -> None:
    """A run with an end in the future polls until then, and outages before it give nobody up."""
    rows = {"c1": steady(60, every=10), "c2": steady(60, every=10)}
    stage = Stage(rows)
    stage.source.trouble(
        ServerError("HTTP 500", status=500), connector="c2", start=START + 60, end=START + 300
    )
    sink = RecordingSink()
    run = stage.run(str(START), until=str(START + 600))
    async with run:
        run.deliver(sink, await run.open_reader("sink", "global"))
        await run.serve()

    assert sorted(keys(sink.events)) == keys_of(rows)
    assert 600 <= stage.clock.monotonic() < 700


async def test_origins_are_durable_before_the_first_request() -> None:
    """A crash right after the start can't lose what the start meant."""
    journal = KeptJournal()
    stage = Stage({"c1": [], "c2": []}, journal=journal)
    async with stage.run():
        assert journal.flushes == 1
        stored = await journal.load(await journal.claim("account"))
        assert {name: one.checkpoint.origin for name, one in stored.items()} == {
            ("account", "c1"): pytest.approx(START, abs=1),
            ("account", "c2"): pytest.approx(START, abs=1),
        }
        assert stage.source.asked == []


async def test_a_connector_found_later_begins_at_the_listing_before() -> None:
    """What a new connector sent before it was listed is delivered, back to the listing that lacked it."""
    stage = Stage({"c1": []}, polling={"discover": 60.0})
    stage.source.add(
        "new",
        [Row(START - 5, 0), Row(START + 1, 0), Row(START + 40, 0), Row(START + 90, 0)],
        listed_from=START + 30,
    )
    sink = RecordingSink()

    await stage.serve(sink, seconds=120)

    assert keys(sink.events) == [("new", START + 1, 0), ("new", START + 40, 0), ("new", START + 90, 0)]
    found = stage.said(ConnectorFound)[-1]
    assert (found.connector, found.origin) == ("new", pytest.approx(START, abs=1))


async def test_a_listing_that_fails_leaves_the_known_connectors_alone() -> None:
    """Discovery is tried again; meanwhile polling goes on."""
    stage = Stage({"c1": steady(300)}, polling={"discover": 30.0})
    stage.source.trouble(
        ServerError("HTTP 500", status=500), connector=LISTING, start=START + 20, end=START + 200
    )
    stage.source.add("new", steady(200, start=100), listed_from=START + 40)
    sink = RecordingSink()
    run = stage.run()
    async with run:
        run.deliver(sink, await run.open_reader("sink", "connector"))
        async with anyio.create_task_group() as group:
            group.start_soon(run.serve)
            await stage.clock.sleep(700)  # the last failure may be followed by the longest wait
            run.drain()

    assert sorted(keys(sink.events)) == sorted(keys_of({"c1": steady(300), "new": steady(200, start=100)}))
    assert len(stage.said(ListingFailed)) > 2


async def test_a_connector_that_turned_up_while_nothing_ran_begins_where_the_last_run_ended() -> None:
    """``start = "now"`` is for the very first listing: a restart must not skip what is new since."""
    rows = {"c1": steady(400, every=10)}
    stage = Stage(rows, journal=KeptJournal())
    sink = RecordingSink()
    await stage.serve(sink, seconds=1000)
    rows["new"] = steady(200, start=1500, every=10)
    stage.source.add("new", [Row(START + 100, 0), *rows["new"]])
    await stage.clock.sleep(2000)
    await stage.serve(sink, seconds=1100)

    assert sorted(keys(sink.events)) == keys_of(rows)


async def test_a_run_that_follows_insists_on_its_first_listing() -> None:
    """An API that is away at the start is waited for, and said so."""
    stage = Stage({"c1": steady(10, start=100)})
    stage.source.trouble(ServerError("HTTP 500", status=500), times=4)
    sink = RecordingSink()

    await stage.serve(sink, seconds=200)

    assert len(sink.events) == 10
    assert len(stage.said(ListingFailed)) == 4


async def test_a_finite_run_does_not_insist() -> None:
    """A command that ends by itself says that the API is away."""
    stage = Stage({"c1": []})
    stage.source.trouble(ServerError("HTTP 500", status=500), times=1)

    with pytest.raises(ServerError):
        await stage.finish(RecordingSink())


async def test_refused_credentials_end_the_start() -> None:
    """Credentials that the first listing refuses are not tried again."""
    stage = Stage({"c1": []})
    stage.source.trouble(AuthError("invalid token", status=401))

    with pytest.raises(AuthError):
        await stage.serve(RecordingSink(), seconds=10)

    assert len(stage.source.asked) == 0


async def test_a_stuck_sink_stops_polling_and_recovers() -> None:
    """The bounded journal makes polls wait for a sink that takes nothing; afterwards nothing is missing."""
    rows = {"c1": steady(2000)}
    stage = Stage(rows)
    stage.journal = KeptJournal(max_events=200)
    sink = RecordingSink()
    sink.block()
    run = stage.run()
    async with run:
        run.deliver(sink, await run.open_reader("sink", "arrival", max_events=10))
        async with anyio.create_task_group() as group:
            group.start_soon(run.serve)
            await stage.clock.sleep(800)
            asked = len(stage.source.asked)
            await stage.clock.sleep(200)
            assert len(stage.source.asked) == asked
            sink.unblock()
            await stage.clock.sleep(1100)
            run.drain()

    assert keys(sink.events) == keys_of(rows)


async def test_a_dead_sink_delays_nobody_else() -> None:
    """One sink refuses for minutes; the other has every event at once; the first gets all in the end."""
    rows = {"c1": steady(300)}
    stage = Stage(rows)
    dead, alive = RecordingSink(), RecordingSink()
    dead.refuse_writes(10)
    run = stage.run()
    async with run:
        for name, sink in [("dead", dead), ("alive", alive)]:
            run.deliver(sink, await run.open_reader(name, "arrival"))
        async with anyio.create_task_group() as group:
            group.start_soon(run.serve)
            await stage.clock.sleep(30)
            assert not dead.events
            assert len(alive.events) > 20
            await stage.clock.sleep(400)
            run.drain()

    assert keys(dead.events) == keys(alive.events) == keys_of(rows)


async def test_a_sink_that_stays_away_does_not_take_the_others_along() -> None:
    """At the end a dead sink is given up with an error, but only after the others have everything."""
    stage = Stage({"c1": steady(100, start=-200)})
    dead, alive = RecordingSink(), RecordingSink()
    dead.refuse_writes(10**6)
    alive.block()
    asyncio.get_running_loop().call_later(300, alive.unblock)

    with pytest.raises(SinkUnavailableError):
        await stage.finish(dead, alive)

    assert len(alive.events) == 100
    assert dead.events == []
    assert dead.closed == alive.closed == 1


async def test_a_closed_sink_ends_the_run_but_not_before_the_others_are_served() -> None:
    """When nobody reads a sink any more the run drains: the other sinks get what was read."""
    stage = Stage({"c1": steady(1000)})
    closed, alive = RecordingSink(), RecordingSink()
    closed.close_after(3)
    alive.block()
    asyncio.get_running_loop().call_later(300, alive.unblock)

    with pytest.raises(SinkClosedError):
        await stage.serve(closed, alive, seconds=10**5, order="arrival")

    assert 0 < len(closed.events) < len(alive.events) < 100


async def test_draining_keeps_held_events_of_a_durable_journal_for_the_next_run() -> None:
    """What waits for its order when the run ends stays unaccepted, and comes first in the next run, once."""
    rows = {"c1": steady(60), "c2": steady(20, every=3)}
    stage = Stage(rows, journal=KeptJournal())
    sink = RecordingSink()

    run = await stage.serve(sink, seconds=31, order="global")
    first = len(sink.events)
    assert first < run.tally.events
    await stage.serve(sink, seconds=60, order="global")

    assert keys(sink.events) == sorted(keys_of(rows), key=lambda key: (key[1], key[0]))
    assert not any(event.late for event in sink.events)


async def test_draining_delivers_everything_of_a_journal_that_ends_with_the_run() -> None:
    """Where no next run can deliver them, held events are released in order."""
    stage = Stage({"c1": steady(60), "c2": steady(20, every=3)})
    sink = RecordingSink()

    run = await stage.serve(sink, seconds=31, order="global")

    assert len(sink.events) == run.tally.events > 0
    assert keys(sink.events) == sorted(keys(sink.events), key=lambda key: (key[1], key[0]))


async def test_a_kind_that_nobody_wants_counts_as_accepted() -> None:
    """Filtered events are never written, and never come back: not even when the filter goes."""
    rows = {"c1": [Row(START + i, 0, "Init" if i % 10 == 0 else "Reconcile") for i in range(100)]}
    stage = Stage(rows, journal=KeptJournal(), kinds=("Init",))
    sink = RecordingSink()

    await stage.serve(sink, seconds=150)
    assert [event.k for event in sink.events] == ["Init"] * 10
    stage.config = Stage().config
    await stage.serve(sink, seconds=50)

    assert len(sink.events) == 10


@pytest.mark.parametrize("attribute", ["commit_errors", "ambiguous_errors", "reader_errors"])
async def test_a_journal_that_fails_ends_the_run_as_itself_and_nothing_is_lost(attribute: str) -> None:
    """`serve` raises the `JournalError`; the next run brings every event once."""
    rows = {"c1": steady(100), "c2": steady(100)}
    journal = KeptJournal()
    stage = Stage(rows, journal=journal)
    sink = RecordingSink()
    await stage.serve(sink, seconds=20, order="arrival")
    getattr(journal, attribute).append(JournalError("disk on fire"))

    with pytest.raises(JournalError, match="disk on fire"):
        await stage.serve(sink, seconds=60, order="arrival")
    assert sink.closed == 2
    await stage.serve(sink, seconds=120, order="arrival")

    assert sorted(keys(sink.events)) == keys_of(rows)


async def test_leaving_a_run_leaves_nothing_behind() -> None:
    """However a run ends, none of its tasks and threads survive it."""
    before = asyncio.all_tasks()
    threads = threading.enumerate()
    stage = Stage({"c1": steady(100)})
    for crash in (False, True):
        await stage.serve(RecordingSink(), seconds=12, crash=crash)

    async def fail() -> None:
        async with stage.run() as run:
            run.start()
            await stage.clock.sleep(7)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    with anyio.move_on_after(5):
        async with stage.run() as run:
            run.start()
            await stage.clock.sleep(100)

    assert asyncio.all_tasks() == before
    assert threading.enumerate() == threads
