from __future__ import annotations

import anyio
import msgspec
import pytest

from tailer.core.advance import first_checkpoint
from tailer.core.keys import KeySet
from tailer.core.ladder import Ladder
from tailer.core.progress import Gap
from tailer.core.purpose import Purpose
from tailer.core.tempo import Pace
from tailer.core.windows import Pacing
from tailer.errors import (
    ApiError,
    AuthError,
    ConnectorGoneError,
    JournalError,
    JournalFullError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
    TransportError,
)
from tailer.interfaces import Stored
from tailer.model import Connector
from tailer.observe import (
    ConnectorParked,
    ConnectorResumed,
    GapClosed,
    GapRecorded,
    JournalCleared,
    JournalFilled,
    KindChanged,
    PollFailed,
    PollRecovered,
)
from tailer.pipeline.board import Board
from tailer.pipeline.poller import Poller
from tailer.testing.scripted_source import Row
from tests.flow.stage import FAKE_TIME, START, KeptJournal, Stage, keys, keys_of, steady

pytestmark = FAKE_TIME


async def poller_on(stage: Stage, *, origin: float = START - 60, **options: object) -> Poller:
    """Make a poller of connector ``c1`` that was never polled."""
    context = await stage.poll_context(**options)  # type: ignore[arg-type]
    stored = Stored(first_checkpoint(origin, context.pacing.ladder), KeySet())
    return Poller(context, Connector("account", "c1", notes="Berlin"), stored)


async def journaled(stage: Stage) -> list[tuple[str, float, float]]:
    """List what the journal holds, as it came."""
    entries = await stage.journal.read(0, 10**6)
    return [key for entry in entries for part in entry.segments for key in keys(part.events)]


async def test_nobody_waits_for_a_silent_appliance() -> None:
    """Its polls are rare, so the order of the others does not depend on them; heard again, it counts."""
    stage = Stage({"c1": []})
    board = Board()
    poller = await poller_on(stage, board=board, pace=Pace(5.0, 300.0))
    listed = Connector("account", "c1", last_heartbeat="2027-01-15T07:00:00Z")
    assert not poller.hear(listed, START)
    await poller.poll()
    assert poller.tempo.is_silent
    assert board.fleet_mark == float("inf")
    assert poller.due_at - stage.clock.monotonic() > 200

    assert poller.hear(Connector("account", "c1", last_heartbeat="2027-01-15T08:00:00Z"), START + 10)
    await stage.clock.sleep(10)
    await poller.poll()
    assert not poller.silent_since
    assert board.fleet_mark < float("inf")


async def test_how_late_events_are_is_kept_with_what_was_read() -> None:
    """What was there before counts for its collection only; a restarted poller goes on where it was."""
    rows = [*steady(30, start=-40), Row(START + 3, 0, visible_at=START + 11)]
    stage = Stage({"c1": rows})
    poller = await poller_on(stage)
    await poller.poll()
    await stage.clock.sleep(14)
    await poller.poll()

    lateness = poller.checkpoint.lateness
    assert (lateness.collected.total, lateness.found.total, lateness.seen.total) == (31, 1, 1)
    assert lateness.collected.quantile(1) == 8
    assert 11 <= (lateness.seen.quantile(1) or 0) < 14
    await stage.journal.flush()
    again = (await stage.journal.load(await stage.journal.claim("principal")))["account", "c1"]
    assert again.checkpoint.lateness == lateness


async def test_a_poll_journals_its_window_sorted_with_the_coverage_it_completes() -> None:
    """Events and coverage are durable together, under the connector's name and the time of reading."""
    stage = Stage({"c1": steady(60, start=-60)}, page_rows=7, newest_first=True)
    poller = await poller_on(stage)

    await poller.poll()

    assert await journaled(stage) == [("c1", START - 60 + i, 0) for i in range(60)]
    assert poller.checkpoint.covered.items == ((START - 60, START),)
    assert poller.checkpoint.newest == (START - 1, 0)
    assert poller.checkpoint.through == START - 2
    assert len(poller.book.keys) == 60
    source = (await stage.journal.read(0, 1))[0].segments[0].source
    assert source.name == "Berlin"
    assert source.seen == pytest.approx(START + 0.45, abs=0.1)
    assert poller.due_at == pytest.approx(5.0)


async def test_what_is_journaled_is_not_journaled_again() -> None:
    """Overlapping reads bring rows again; each is journaled once."""
    stage = Stage({"c1": steady(90, start=-60)})
    poller = await poller_on(stage)

    for _ in range(8):
        await poller.poll()
        await stage.clock.sleep(5)

    assert await journaled(stage) == keys_of({"c1": steady(90, start=-60)})
    assert poller._context.tally.duplicates > 60  # noqa: SLF001 - the proof that rows did come again


async def test_a_history_that_is_denser_than_thought_is_read_at_once() -> None:
    """The slices of what the first poll could not hold do not wait for the time of the next."""
    rows = steady(3000, every=0.2, start=-600)
    stage = Stage({"c1": rows}, page_rows=50)
    pacing = Pacing(Ladder(5.0, 3600.0), 5.0, None, slice_rows=100)
    poller = await poller_on(stage, origin=START - 600, pacing=pacing, limit=50)

    while len(poller.book.keys) < len(rows):
        if poller.backlog is None:
            await stage.clock.sleep(max(0.0, poller.due_at - stage.clock.monotonic()))
        await poller.poll()

    assert stage.clock.monotonic() < pacing.interval


@pytest.mark.parametrize("attribute", ["commit_errors", "ambiguous_errors"])
async def test_memory_changes_only_after_the_commit(attribute: str) -> None:
    """A commit that fails leaves keys and checkpoint as they were."""
    journal = KeptJournal()
    stage = Stage({"c1": steady(60, start=-60)}, journal=journal)
    poller = await poller_on(stage)
    before = poller.checkpoint
    getattr(journal, attribute).append(JournalError("disk on fire"))

    with pytest.raises(JournalError):
        await poller.poll()

    assert poller.checkpoint == before
    assert len(poller.book.keys) == 0


async def test_a_full_journal_is_waited_for() -> None:
    """Nothing is lost and nothing is read anew: the poll keeps what it has until there is room."""
    journal = KeptJournal()
    journal.commit_errors += [JournalFullError("no room")] * 3
    stage = Stage({"c1": steady(5, start=-60)}, journal=journal)
    poller = await poller_on(stage)

    await poller.poll()

    assert len(await journaled(stage)) == 5
    assert len(stage.said(JournalFilled)) == len(stage.said(JournalCleared)) == 1
    assert len(stage.source.asked) == 1
    assert stage.clock.monotonic() >= 30


async def test_a_throttled_page_is_asked_for_again_with_the_same_cursor() -> None:
    """A 429 in mid-window pauses the principal, then the window goes on where it was."""
    stage = Stage({"c1": steady(55, start=-60)}, page_rows=20)
    stage.source.trouble(RateLimitedError("slow down", retry_after=40), on_later_pages=True, times=1)
    poller = await poller_on(stage)

    await poller.poll()

    asked = stage.source.asked
    assert [one.request.cursor for one in asked] == [None, "20", "20", "40"]
    assert stage.clock.monotonic() >= 40
    assert len(await journaled(stage)) == 55
    assert poller.failures == 0


async def test_a_poll_that_is_throttled_again_and_again_fails() -> None:
    """After two refusals the poll is over; what came before is journaled, and covers nothing."""
    stage = Stage({"c1": steady(60, start=-60)}, page_rows=20)
    stage.source.trouble(RateLimitedError("slow down", retry_after=40), on_later_pages=True, times=2)
    poller = await poller_on(stage)

    await poller.poll()

    assert len(await journaled(stage)) == 20
    assert poller.checkpoint.covered.items == ()
    assert isinstance(poller.error, RateLimitedError)
    await poller.poll()
    assert len(await journaled(stage)) == 60


@pytest.mark.parametrize(
    "error",
    [ServerError("HTTP 502", status=502), TransportError("reset")],
)
async def test_failures_back_off_and_recovery_is_told(error: ApiError) -> None:
    """The wait grows with each failure in a row; the first success ends it."""
    stage = Stage({"c1": steady(60, start=-60)})
    stage.source.trouble(error, times=3)
    poller = await poller_on(stage)
    waits: list[float] = []
    await poller.poll()
    while poller.failures:
        waits.append(poller.due_at - stage.clock.monotonic())
        await poller.poll()

    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(5 + 0.5 * 5)
    assert [report.failures for report in stage.said(PollFailed)] == list(range(1, len(waits) + 1))
    assert [report.failures for report in stage.said(PollRecovered)] == [len(waits)]
    assert len(await journaled(stage)) == 60


async def test_an_unknown_connector_is_parked_and_tried_now_and_then() -> None:
    """404 parks at once; tries become rarer, up to one an hour; a success brings what was missed."""
    stage = Stage({"c1": steady(60, start=-60)})
    stage.source.trouble(ConnectorGoneError("not found", status=404), times=9)
    poller = await poller_on(stage)
    waits = []
    for _ in range(9):
        await poller.poll()
        waits.append(poller.due_at - stage.clock.monotonic())
        assert poller.is_parked

    assert waits == pytest.approx([45, 90, 180, 360, 720, 1440, 2700, 2700, 2700])  # half of the jitter
    assert [report.tries for report in stage.said(ConnectorParked)] == list(range(1, 10))
    await poller.poll()
    assert not poller.is_parked
    assert poller.error is None
    assert len(stage.said(ConnectorResumed)) == 1
    assert len(await journaled(stage)) == 60


@pytest.mark.parametrize("is_listed", [True, False])
async def test_the_third_refusal_is_judged(is_listed: bool) -> None:
    """It has no next try until List Connectors was asked: parked if that was answered, else as before."""
    stage = Stage({"c1": []})
    stage.source.trouble(AuthError("forbidden", status=403))
    poller = await poller_on(stage)
    for _ in range(3):
        assert not poller.is_questioned
        await poller.poll()
    questioned = poller.is_questioned

    poller.judge(is_listed=is_listed)

    assert (questioned, poller.is_questioned) == (True, False)
    assert poller.is_parked is is_listed
    assert poller.due_at > stage.clock.monotonic() + 5
    assert len(stage.said(ConnectorParked)) == is_listed


async def test_a_request_that_ran_into_the_time_limit_makes_a_connector_slow() -> None:
    """It is slow until its next success; a connection that was refused at once does not count."""
    stage = Stage({"c1": []})
    poller = await poller_on(stage)
    for error, is_slow in [(TransportError("reset"), False), (TransportError("late", timed_out=True), True)]:
        stage.source.trouble(error, times=1)
        await poller.poll()
        assert poller.is_slow is is_slow
    await poller.poll()
    assert not poller.is_slow


async def test_a_kind_that_changes_is_told_and_the_first_stands() -> None:
    """The same (t, n) under another kind is counted and reported, not journaled."""
    stage = Stage({"c1": [Row(START - 10, 0, "Init")]})
    poller = await poller_on(stage)
    await poller.poll()
    stage.source.add("c1", [Row(START - 10, 0, "Leave", visible_at=START + 1)])
    await stage.clock.sleep(5)
    await poller.poll()

    assert len(await journaled(stage)) == 1
    assert [(one.key, one.kind) for one in stage.said(KindChanged)] == [(f"{START - 10}.0", "Leave")]


async def test_what_can_not_be_read_is_a_gap_told_once() -> None:
    """A second that holds more than the API hands out is recorded and reported once, and the rest is read."""
    crowd = [Row(START - 30, n) for n in range(20)]
    stage = Stage({"c1": [*crowd, *steady(20, start=-20)]}, page_rows=20)
    stage.source.trouble(RequestRefusedError("no such cursor", status=400), on_later_pages=True)
    poller = await poller_on(stage)
    for _ in range(3):
        await poller.poll()
        await stage.clock.sleep(5)

    # its neighbours' requests reach into it, by the padding
    assert [(one.start, one.end) for one in stage.said(GapRecorded)] == [(START - 31, START - 28)]
    assert len(await journaled(stage)) == 40
    assert poller.checkpoint.covered.missing(START - 60, START) == [(START - 31, START - 28)]


async def test_a_new_name_is_taken_over() -> None:
    """Events read after a renaming carry the new name."""
    stage = Stage({"c1": steady(60, start=-60)})
    poller = await poller_on(stage)
    poller.hear(Connector("account", "c1", notes="Hamburg"), START)
    await poller.poll()

    assert (await stage.journal.read(0, 1))[0].segments[0].source.name == "Hamburg"


async def test_forgetting_keys_brings_nothing_twice() -> None:
    """Over hours, keys below the floor go and nothing that was journaled comes again."""
    stage = Stage({"c1": steady(1600, every=5)})
    poller = await poller_on(stage, interval=20.0)
    sizes = []
    while stage.clock.monotonic() < 8000:
        await poller.poll()
        poller.book.forget_keys(poller.checkpoint.floor)
        sizes.append(len(poller.book.keys))
        await stage.clock.sleep(20)

    found = await journaled(stage)
    assert len(found) == len(set(found)) >= 1580
    assert max(sizes) < 1500 < len(found)


async def test_what_was_dropped_is_not_asked_for() -> None:
    """Dropped backlog is a durable gap that neither catch-up nor the ladder reads; what follows is read."""
    stage = Stage({"c1": steady(3600, start=-3600)})
    poller = await poller_on(stage, origin=START - 3600)

    await poller.book.drop([(START - 3600, START - 600)])
    for _ in range(5):
        await poller.poll()
        await stage.clock.sleep(400)

    spans = [(asked.request.start, asked.request.end) for asked in stage.source.asked]
    assert [span for span in spans if span[0] < START - 601 and span[1] > START - 3599] == []
    assert poller.checkpoint.gaps == (Gap(START - 3600, START - 600, "dropped"),)
    assert [(gap.start, gap.end, gap.reason) for gap in stage.said(GapRecorded)] == [
        (START - 3600, START - 600, "dropped")
    ]
    stored = await stage.journal.load(await stage.journal.claim("principal"))
    assert stored["account", "c1"].checkpoint.gaps == poller.checkpoint.gaps
    assert {t for _, t, _ in await journaled(stage) if t < START - 601} == {
        START - 3600
    }  # a neighbour's padding


async def test_a_read_that_was_under_way_outranks_a_drop() -> None:
    """What is dropped while it is being read is no gap once it was read whole."""
    stage = Stage({"c1": steady(60, start=-60)})
    poller = await poller_on(stage)

    async with anyio.create_task_group() as group:
        group.start_soon(poller.poll)
        await stage.clock.sleep(0.01)
        await poller.book.drop([(START - 60, START - 30)])
        assert poller.checkpoint.gaps == (Gap(START - 60, START - 30, "dropped"),)

    assert poller.checkpoint.gaps == ()
    assert len(await journaled(stage)) == 60


async def test_a_lost_gap_is_filled_when_that_is_asked_for() -> None:
    """What is journaled of it comes no second time, what is new does, and there is no gap any more."""
    rows = [*(Row(START - 30, n) for n in range(47)), *steady(20, start=-20)]
    stage = Stage({"c1": rows}, page_rows=20)
    error = RequestRefusedError("no such cursor", status=400)
    stage.source.trouble(error, on_later_pages=True, end=START + 60)
    poller = await poller_on(stage)
    await poller.poll()
    gap = poller.checkpoint.gaps[0]
    known, lateness = await journaled(stage), poller.checkpoint.lateness
    await stage.clock.sleep(60)
    poller.due_at = stage.clock.monotonic() + 1

    poller.refill.ask([(gap.start, gap.end)])
    assert poller.backlog is not None
    await poller.poll()

    assert not poller.checkpoint.gaps
    assert [(one.start, one.end) for one in stage.said(GapClosed)] == [(gap.start, gap.end)]
    everything = await journaled(stage)
    assert everything[: len(known)] == known
    assert sorted(everything) == keys_of({"c1": rows})
    assert poller.refill.found == len(rows) - len(known)
    assert poller.checkpoint.lateness == lateness
    assert stage.source.asked[-1].purpose == Purpose.REVISIT


async def test_a_fill_goes_on_after_a_failure() -> None:
    """Polls come first, and the gap is read once the API answers."""
    stage = Stage({"c1": steady(600, start=-600)})
    poller = await poller_on(stage, origin=START - 600)
    await poller.book.drop([(START - 600, START - 300)])
    await poller.poll()
    poller.refill.ask([(START - 600, START - 300)])
    stage.source.trouble(ServerError("HTTP 502", status=502), connector="c1", times=1)
    await poller.fill()
    assert (poller.failures, poller.refill.left.size, poller.backlog) == (1, 300, None)
    await stage.clock.sleep(30)
    await poller.poll()
    await poller.poll()
    assert (poller.failures, poller.refill.left.size, poller.checkpoint.gaps) == (0, 0, ())


async def test_nobody_waits_for_a_fill_of_a_parked_connector() -> None:
    """What is refused is given up, and stays a gap; so it is when the account is stopped."""
    stage = Stage({"c1": steady(600, start=-600)})
    poller = await poller_on(stage, origin=START - 600)
    await poller.book.drop([(START - 600, START - 300)])
    for stop in (False, True):
        poller.refill.ask([(START - 600, START - 300)])
        if stop:
            poller.stop(AuthError("no"), 60.0)
        else:
            stage.source.trouble(ConnectorGoneError("gone", status=404), connector="c1", times=1)
            await poller.fill()
            assert poller.is_parked
        assert not poller.refill.left
    await poller.fill()  # nothing to do
    assert len(poller.checkpoint.gaps) == 1


async def test_an_event_that_may_be_journaled_already_is_left_out() -> None:
    """Of a clock that was ahead, at an API that filters by collection, no key is kept: no doubt is risked."""
    rows = [Row(START - 500 + t, 0) for t in range(100)]
    ahead = Row(START - 300, 7, a=START - 450)
    stage = Stage({"c1": [*rows, ahead]}, filter_by="a")
    poller = await poller_on(stage, origin=START - 600)
    poller.book.read = msgspec.structs.replace(
        poller.book.read, gaps=(Gap(START - 500, START - 400, "refused"),), floor=START - 100.0
    )
    poller.refill.ask([(START - 500, START - 400)])
    await poller.fill()
    assert await journaled(stage) == keys_of({"c1": rows})
    assert (poller.refill.found, poller.refill.doubtful) == (100, 1)
