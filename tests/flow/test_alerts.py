"""Derived events travel like any other: journaled once, in order, through restarts and crashes."""

from __future__ import annotations

import msgspec
import pytest

from tailer.config.options import AlertOptions, CrashLoopOptions
from tailer.errors import JournalError
from tailer.model import Event
from tailer.observe import AlertDerived
from tailer.testing.recording_sink import RecordingSink
from tailer.testing.scripted_source import Row
from tests.flow.stage import FAKE_TIME, START, KeptJournal, Stage, steady

pytestmark = FAKE_TIME

ALL = AlertOptions(unfinished=60.0, silent=300.0, crash_loop=CrashLoopOptions(starts=3, within=30.0))


def watched(rows: dict[str, list[Row]], **options: object) -> Stage:
    """A stage with all rules on, and a journal that outlives its runs."""
    stage = Stage(rows, journal=KeptJournal(), **options)  # type: ignore[arg-type]
    stage.config = msgspec.structs.replace(stage.config, alerts=ALL)
    return stage


def row(k: str, t: float, n: int = 0) -> Row:
    """Visible at once."""
    return Row(START + t, n, k=k)


def ours(events: list[Event]) -> list[tuple[str, float]]:
    """What was derived, in its order."""
    return [(event.k, event.t - START) for event in events if event.n < 0]


LIFE = [
    row("StartUpgrade", 10),
    *(row("Reconcile", 12 + second) for second in range(0, 200, 2)),
    *(row("Init", 101 + second) for second in (0, 10, 20)),
]
TOLD = [("tailer.UnfinishedUpgrade", 70), ("tailer.CrashLoop", 121)]


async def test_they_come_in_order_and_are_no_events_of_the_api() -> None:
    """Between their neighbours, never late, with a payload; the counts are of the API's, the log has them."""
    stage = watched({"c1": LIFE})
    sink = RecordingSink()
    run = await stage.serve(sink, seconds=260)
    assert ours(sink.events) == TOLD
    assert [event.key for event in sink.events] == sorted(event.key for event in sink.events)
    assert not any(event.late for event in sink.events)
    assert all(event.e for event in sink.events if event.n < 0)
    assert run.tally.events == len(LIFE) == len(sink.events) - 2
    assert [report.kind for report in stage.said(AlertDerived)] == [kind for kind, _ in TOLD]
    assert sink.events[0].source.account == "account"


@pytest.mark.parametrize("every", [7, 23, 61])
async def test_crashes_repeat_none_and_lose_none(every: int) -> None:
    """However often the process is killed, each is journaled once: with what it came from, or not yet."""
    stage = watched({"c1": LIFE})
    sink = RecordingSink()
    for _ in range(260 // every + 1):
        await stage.serve(sink, seconds=every, crash=True)
    await stage.serve(sink, seconds=10)
    assert sorted(set(ours(sink.events)), key=lambda one: one[1]) == TOLD
    stored = await stage.journal.load(await stage.journal.claim("account"))
    assert len(stored["account", "c1"].keys) <= len(LIFE)


async def test_a_commit_that_fails_derives_again() -> None:
    """What could not be stored is derived with the next read; nothing was told meanwhile."""
    stage = watched({"c1": LIFE})
    journal = stage.journal
    assert isinstance(journal, KeptJournal)
    sink = RecordingSink()
    await stage.serve(sink, seconds=65)
    journal.commit_errors = [JournalError("the disk")]
    with pytest.raises(JournalError):
        await stage.serve(RecordingSink(), seconds=100)
    assert stage.said(AlertDerived) == []
    await stage.serve(sink, seconds=200)
    assert sorted(set(ours(sink.events)), key=lambda one: one[1]) == TOLD


async def test_silence_is_told_once_until_there_is_life() -> None:
    """The time counts from the last heartbeat; a restart in the middle of a silence tells nothing again."""
    stage = watched({"c1": steady(5), "c2": steady(1000)})
    stage.source.silence("c1", start=START + 100, end=START + 1500)
    stage.source.silence("c2", start=START + 99_999)
    first, second = RecordingSink(), RecordingSink()
    await stage.serve(first, seconds=900)
    await stage.serve(second, seconds=1500)
    assert ours(first.events) == [("tailer.SilentConnector", 400)]
    assert ours(second.events) == []


async def test_without_rules_there_are_none() -> None:
    """Nothing is derived unless it is asked for."""
    stage = Stage({"c1": LIFE})
    sink = RecordingSink()
    await stage.serve(sink, seconds=260)
    assert len(sink.events) == len(LIFE)


async def test_kinds_of_an_account_do_not_keep_them_out() -> None:
    """Who wants one kind of the API's and alerts gets both."""
    stage = watched({"c1": LIFE}, kinds=("Leave",))
    sink = RecordingSink()
    await stage.serve(sink, seconds=260)
    assert ours(sink.events) == TOLD
    assert len(sink.events) == 2


async def test_history_is_judged_by_its_own_times() -> None:
    """What is read long afterwards leads to the same events, at the same times."""
    stage = watched({"c1": LIFE, "c2": steady(5)})
    await stage.clock.sleep(2000)
    sink = RecordingSink()
    await stage.finish(sink, start="1h")
    assert sorted(ours(sink.events), key=lambda one: one[1]) == TOLD
