from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import anyio
import pytest

from tailer.app.tail import READER, PendingBatch, Tail, follow_events
from tailer.errors import ConfigError, JournalError
from tailer.journal.memory import MemoryJournal
from tailer.model import Event
from tests.flow.stage import FAKE_TIME, KeptJournal, Stage, keys, keys_of, steady

pytestmark = FAKE_TIME


@asynccontextmanager
async def tailing(stage: Stage, start: str = "now", *, follow: bool = True) -> AsyncIterator[Tail]:
    """Open a tail on a stage, in the order of each connector, with a sink called ``archive``."""
    async with follow_events(stage.run(start, follow=follow), "connector", frozenset(["archive"])) as tail:
        yield tail


async def first(tail: Tail, name: str, max_events: int = 1000) -> PendingBatch:
    """Ask for one batch and break off."""
    async with aclosing(tail.batches(name=name, max_events=max_events)) as batches:
        async for batch in batches:
            return batch
    raise AssertionError("the span has ended")


async def collect(tail: Tail, name: str, max_events: int = 1000, seconds: float = 0.0) -> list[Event]:
    """Take and acknowledge all batches of a finite span, after working on each for a while."""
    taken: list[Event] = []
    async for batch in tail.batches(name=name, max_events=max_events):
        assert 1 <= len(batch) <= max_events
        await asyncio.sleep(seconds)
        taken += batch
        await batch.ack()
    return taken


async def test_each_name_gets_all_events_at_its_own_pace() -> None:
    """A slow reader, a fast one and a loop over events run side by side; each gets everything, in order."""
    rows = {"c1": steady(60, start=-60), "c2": steady(60, start=-60)}
    taken: dict[str, list[Event]] = {}

    async def read(name: str, seconds: float) -> None:
        taken[name] = await collect(tail, name, 7, seconds)

    async with tailing(Stage(rows), "1h", follow=False) as tail, anyio.create_task_group() as group:
        group.start_soon(read, "slow", 9.0)
        group.start_soon(read, "fast", 0.0)
        taken["events"] = [event async for event in tail.events()]

    for events in taken.values():
        for connector, known in rows.items():
            mine = [event for event in events if event.connector == connector]
            assert keys(mine) == keys_of({connector: known})


async def test_a_batch_that_was_not_acknowledged_comes_again() -> None:
    """After a break, and after a new start, the same events are given out; acknowledged ones are not."""
    rows = {"c1": steady(40)}
    stage = Stage(rows, journal=KeptJournal())
    async with tailing(stage) as tail:
        before = await first(tail, "mine", 5)
        again = await first(tail, "mine", 5)
        await again.ack()
        await again.ack()
        unacknowledged = await first(tail, "mine", 5)
    async with tailing(stage) as tail:
        after = await first(tail, "mine", 40)

    assert again is before
    assert keys(after)[: len(unacknowledged)] == keys(unacknowledged)
    assert keys([*before, *after]) == keys_of(rows)[: len(before) + len(after)]


async def test_asking_for_the_next_without_an_acknowledgement_is_a_mistake() -> None:
    """It is raised where it is made, and the batch is not lost."""
    async with tailing(Stage({"c1": steady(100)})) as tail:
        batches = tail.batches(name="mine", max_events=5)
        batch = await anext(batches)
        with pytest.raises(RuntimeError, match="'mine' was not acknowledged"):
            await anext(batches)
        assert await first(tail, "mine") is batch


async def test_two_loops_over_one_name_are_a_mistake() -> None:
    """The second one is told; the first goes on."""
    async with tailing(Stage({"c1": steady(10, start=20)})) as tail:
        waiting = asyncio.create_task(first(tail, "mine"))
        await asyncio.sleep(1)
        with pytest.raises(RuntimeError, match="two loops"):
            await first(tail, "mine")
        assert await waiting


async def test_a_name_of_a_sink_is_refused() -> None:
    """Reading under it would take the sink's events away from the daemon."""
    async with tailing(Stage({"c1": steady(10)})) as tail:
        with pytest.raises(ConfigError, match="'archive' is a sink"):
            await first(tail, "archive")
        with pytest.raises(ValueError, match="at least 1"):
            await first(tail, "mine", 0)


async def test_an_acknowledgement_after_the_end_is_told() -> None:
    """It can't be made durable any more, and silence would be a lie."""
    async with tailing(Stage({"c1": steady(10)})) as tail:
        batch = await first(tail, "mine")
    with pytest.raises(RuntimeError, match="the tail is closed"):
        await batch.ack()


async def test_an_acknowledgement_that_fails_can_be_repeated() -> None:
    """The caller gets the `JournalError`, and may try again."""
    journal = KeptJournal()
    async with tailing(Stage({"c1": steady(10)}, journal=journal)) as tail:
        batch = await first(tail, "mine")
        journal.reader_errors.append(JournalError("disk on fire"))
        with pytest.raises(JournalError, match="disk on fire"):
            await batch.ack()
        await batch.ack()

    state = await journal.load_reader("mine")
    assert state is not None
    assert state.offset == len(batch)


async def test_who_does_not_acknowledge_stops_polling_in_the_end() -> None:
    """Back-pressure: a journal in memory holds what it can; polling waits, and nothing is lost."""
    rows = {"c1": steady(400, every=0.5)}
    journal = MemoryJournal(max_events=50)
    async with tailing(Stage(rows, journal=journal)) as tail:
        batch = await first(tail, "mine", 10)
        await asyncio.sleep(300)
        held = journal.head
        taken = [*batch]
        await batch.ack()
        async for batch in tail.batches(name="mine"):
            taken += batch
            await batch.ack()
            if len(taken) == 400:
                break

    assert held <= 60
    assert keys(taken) == keys_of(rows)


async def test_only_names_that_are_used_hold_events_back() -> None:
    """Who reads batches alone does not fill the journal for a loop over events that nobody runs."""
    journal = MemoryJournal(max_events=50)
    rows = {"c1": steady(200, start=-200)}
    async with tailing(Stage(rows, journal=journal), "1h", follow=False) as tail:
        assert keys(await collect(tail, "mine")) == keys_of(rows)
    assert journal.readers == ["mine"]
    assert READER not in journal.readers
