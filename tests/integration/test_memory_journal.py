"""The journal in memory: what it holds, whom it makes wait."""

import asyncio

import pytest

from tailer.core.spans import Spans
from tailer.errors import FencedError
from tailer.interfaces import Claim, ReaderState
from tailer.journal.memory import MemoryJournal
from tailer.testing.journal_contract import commit_of, keys_of, numbers_of


async def _started(max_events: int) -> tuple[MemoryJournal, Claim]:
    journal = MemoryJournal(max_events=max_events)
    await journal.open()
    await journal.load_reader("r")
    return journal, await journal.claim("shard")


async def _polls(journal: MemoryJournal, claim: Claim, *counts: int) -> list[asyncio.Task[None]]:
    """Start polls that bring so many events each, and let each come as far as it can."""
    tasks = []
    for number, count in enumerate(counts):
        commit = commit_of(f"c{number}", [(t, 0) for t in range(count)])
        tasks.append(asyncio.create_task(journal.commit(claim, commit)))
        await asyncio.sleep(0)
    return tasks


async def _settled(tasks: list[asyncio.Task[None]]) -> list[bool]:
    for _ in range(5):
        await asyncio.sleep(0)
    return [task.done() for task in tasks]


async def test_accepted_events_are_let_go() -> None:
    """What all readers have accepted is dropped at once; what one has not is held."""
    journal, claim = await _started(100)
    await journal.load_reader("slow")
    for t in range(3):
        await journal.commit(claim, commit_of("a", [(t, 0), (t, 1)]))
    await journal.commit_reader("r", ReaderState(offset=6))
    assert numbers_of(await journal.read(0, 100)) == list(range(6))
    await journal.commit_reader("slow", ReaderState(offset=4))
    assert numbers_of(await journal.read(0, 100)) == [4, 5]
    assert await keys_of(journal, claim, "a") == {(t, n) for t in range(3) for n in (0, 1)}


async def test_a_full_journal_makes_polls_wait() -> None:
    """A commit that would pass the bound waits until its events fit, and no longer."""
    journal, claim = await _started(10)
    tasks = await _polls(journal, claim, 6, 4, 1)
    assert await _settled(tasks) == [True, True, False]
    await journal.commit_reader("r", ReaderState(offset=6))
    assert await _settled(tasks) == [True, True, True]
    assert numbers_of(await journal.read(0, 100)) == list(range(6, 11))


async def test_the_capacity_is_the_bound() -> None:
    """As many events as the capacity can wait; nothing here is durable."""
    journal, claim = await _started(10)
    assert (journal.capacity, journal.durable) == (10, False)
    assert await _settled(await _polls(journal, claim, 4, 6, 1)) == [True, True, False]


async def test_waiting_is_in_turn() -> None:
    """A small commit does not overtake a large one that waits."""
    journal, claim = await _started(10)
    tasks = await _polls(journal, claim, 8, 5, 1)
    assert await _settled(tasks) == [True, False, False]
    await journal.commit_reader("r", ReaderState(offset=8))
    assert await _settled(tasks) == [True, True, True]


async def test_a_commit_beyond_the_bound_passes_alone() -> None:
    """A commit that is larger than the bound by itself waits for an empty journal, then passes."""
    journal, claim = await _started(10)
    tasks = await _polls(journal, claim, 1, 50, 1)
    assert await _settled(tasks) == [True, False, False]
    await journal.commit_reader("r", ReaderState(offset=1))
    assert await _settled(tasks) == [True, True, False]
    await journal.commit_reader("r", ReaderState(offset=51))
    assert await _settled(tasks) == [True, True, True]


async def test_room_is_found_behind_a_held_event() -> None:
    """Events accepted above the lowest unaccepted one make room when room is short."""
    journal, claim = await _started(4)
    tasks = await _polls(journal, claim, 1, 1, 2, 3)
    assert await _settled(tasks) == [True, True, True, False]
    await journal.commit_reader("r", ReaderState(offset=0, above=Spans(((1, 4),))))
    assert await _settled(tasks) == [True, True, True, True]
    assert numbers_of(await journal.read(0, 100)) == [0, 4, 5, 6]


async def test_a_cancelled_wait_leaves_no_trace() -> None:
    """A poll that is cancelled while it waits has stored nothing and stands in nobody's way."""
    journal, claim = await _started(10)
    tasks = await _polls(journal, claim, 8, 5, 2)
    assert await _settled(tasks) == [True, False, False]
    tasks[1].cancel()
    assert await _settled(tasks) == [True, True, True]
    assert journal.head == 10


async def test_a_cancelled_admission_gives_its_room_back() -> None:
    """A poll that is cancelled in the moment in which it was let in gives its room to the next."""
    journal, claim = await _started(10)
    tasks = await _polls(journal, claim, 8, 10, 10)
    await journal.commit_reader("r", ReaderState(offset=8))
    tasks[1].cancel()
    assert await _settled(tasks) == [True, True, True]
    assert tasks[1].cancelled()
    assert numbers_of(await journal.read(0, 100)) == list(range(8, 18))


async def test_a_poll_that_was_cancelled_in_the_middle_is_passed_over() -> None:
    """Of three that wait the second is cancelled: the others are let in, in turn."""
    journal, claim = await _started(10)
    tasks = await _polls(journal, claim, 8, 5, 5, 5)
    tasks[2].cancel()
    assert await _settled(tasks) == [True, False, True, False]
    await journal.commit_reader("r", ReaderState(offset=8))
    assert await _settled(tasks) == [True, True, True, True]
    assert journal.head == 18


async def test_a_claim_that_ends_while_waiting_is_fenced() -> None:
    """A commit whose claim ended while it waited stores nothing and takes no room."""
    journal, old = await _started(10)
    tasks = await _polls(journal, old, 8, 5)
    new = await journal.claim("shard")
    await journal.commit_reader("r", ReaderState(offset=8))
    with pytest.raises(FencedError):
        await tasks[1]
    later = await _polls(journal, new, 10)
    assert await _settled(later) == [True]


async def test_loaded_keys_are_a_copy() -> None:
    """What a poller adds to the keys that it loaded is not in the journal's own."""
    journal, claim = await _started(10)
    commit = commit_of("a", [(1, 1)])
    await journal.commit(claim, commit)
    loaded = (await journal.load(claim))["account", "a"]
    assert commit.segment is not None
    loaded.keys.add(commit_of("a", [(2, 2)]).segment.events, 9.0)  # type: ignore[union-attr]
    assert await keys_of(journal, claim, "a") == {(1, 1)}
