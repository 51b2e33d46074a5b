# ruff: noqa: S101 - a contract suite is made of assertions
"""The suite that every journal passes: the sentences of `tailer.interfaces.Journal`, one test each.

Subclass `JournalContract` in a test module and define a fixture ``open_journal``: an async function without
arguments that opens a journal on the same storage each time it is called. A test closes what it opened
before it opens the storage again; the fixture closes what a test left open. Needs pytest with
pytest-asyncio in auto mode.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

import pytest

from tailer.core.lateness import Lateness
from tailer.core.progress import Checkpoint, Gap
from tailer.core.spans import Spans
from tailer.errors import FencedError
from tailer.interfaces import Claim, Commit, Journal, ReaderState
from tailer.model import Entry, Event, Key, Segment, Source

OpenJournal = Callable[[], Awaitable[Journal]]
"""What the fixture ``open_journal`` gives."""

ACCOUNT = "account"
"""The account of everything that the suite commits."""


def checkpoint(floor: float = 0.0, *, through: float = 0.0, gaps: tuple[Gap, ...] = ()) -> Checkpoint:
    """Give a checkpoint with some lateness; `through` tells one from another."""
    late = Lateness().with_events([Event(1, 0, "Init", 90)], seen_at=100.0, since=0.0)
    return Checkpoint(0.0, floor, gaps=gaps, through=through, lateness=late)


def commit_of(
    connector: str, keys: Iterable[Key], *, floor: float = 0.0, read_at: float = 1000.0, seen: float = 0.0
) -> Commit:
    """Give a commit with an event for each (t, n), collected one second after its t."""
    source = Source(ACCOUNT, connector, f"name of {connector}", f"serial of {connector}", seen)
    events = [Event(t, n, f"Kind{number % 3}", t + 1, source) for number, (t, n) in enumerate(keys)]
    return Commit(ACCOUNT, connector, checkpoint(floor), Segment(source, events, read_at, read_at - 1))


def rows_of(entries: Sequence[Entry]) -> list[tuple[object, ...]]:
    """Give everything about the events of entries, in order, as plain tuples."""
    return [
        (event.connector, event.name, event.serial, event.seen, event.t, event.n, event.k, event.a)
        for entry in entries
        for segment in entry.segments
        for event in segment.events
    ]


def numbers_of(entries: Sequence[Entry]) -> list[int]:
    """Give the event numbers of entries, in order."""
    return [number for entry in entries for number in range(entry.offset, entry.end)]


async def keys_of(journal: Journal, claim: Claim, connector: str) -> set[Key]:
    """Give the keys that the journal remembers of a connector."""
    stored = (await journal.load(claim))[ACCOUNT, connector]
    return set(stored.keys.within(float("-inf"), float("inf")))


class JournalContract:
    """What a journal promises the pipeline."""

    async def test_a_new_journal_is_empty(self, open_journal: OpenJournal) -> None:
        """A new journal has head 0, no entries, no connectors and no readers."""
        journal = await open_journal()
        claim = await journal.claim("shard")
        assert journal.head == 0
        assert await journal.read(0, 10) == []
        assert await journal.load(claim) == {}
        assert await journal.load_reader("reader") is None

    async def test_as_many_events_as_the_capacity_may_wait(self, open_journal: OpenJournal) -> None:
        """While fewer events than the capacity wait for a reader, no commit waits."""
        journal = await open_journal()
        claim = await journal.claim("shard")
        await journal.load_reader("reader")
        count = 300 if journal.capacity is None else min(300, journal.capacity)
        for t in range(0, count, 100):
            keys = [(t, n) for n in range(min(100, count - t))]
            await asyncio.wait_for(journal.commit(claim, commit_of("a", keys)), timeout=30)
        assert len(numbers_of(await journal.read(0, count))) == count

    async def test_events_come_back_as_they_went_in(self, open_journal: OpenJournal) -> None:
        """Committed events are read back in order, every field of them and of their segment included."""
        journal = await open_journal()
        claim = await journal.claim("shard")
        first = commit_of("a", [(1, 1), (1, 2), (2, 0)], seen=7.5)
        second = commit_of("a", [(3, 0)], seen=8.0)
        await journal.commit(claim, first)
        await journal.commit(claim, second)
        entries = await journal.read(0, 100)
        segments = [segment for entry in entries for segment in entry.segments]
        given = [commit.segment for commit in (first, second) if commit.segment is not None]
        assert rows_of(entries) == rows_of([Entry(0, tuple(given))])
        assert [(one.read_at, one.through) for one in segments] == [
            (one.read_at, one.through) for one in given
        ]
        assert all(event.source is one.source for one in segments for event in one.events)

    async def test_numbers_keep_every_digit(self, open_journal: OpenJournal) -> None:
        """Fractions, negative numbers and whole numbers of any length come back as they were, with type."""
        journal = await open_journal()
        claim = await journal.claim("shard")
        keys: list[Key] = [(-5, 0), (0.1, -3), (1, 2**53 + 1), (1, 2**64), (1.5, 0.25), (2**70, 10**30)]
        await journal.commit(claim, commit_of("a", keys))
        read = [event.key for entry in await journal.read(0, 100) for event in entry.segments[0].events]
        assert read == keys
        assert [(type(t), type(n)) for t, n in read] == [(type(t), type(n)) for t, n in keys]
        assert await keys_of(journal, claim, "a") == set(keys)

    async def test_the_head_is_one_past_the_last_event(self, open_journal: OpenJournal) -> None:
        """When a commit returns, the head lies past its events and an entry ends there."""
        journal = await open_journal()
        claim = await journal.claim("shard")
        for t in range(3):
            before = journal.head
            await journal.commit(claim, commit_of("a", [(t, 0), (t, 1)]))
            assert journal.head >= before + 2
            assert (await journal.read(journal.head - 1, 1))[-1].end == journal.head

    async def test_a_checkpoint_is_stored_with_its_events(self, open_journal: OpenJournal) -> None:
        """A loaded connector has its last checkpoint and the keys of its events."""
        journal = await open_journal()
        claim = await journal.claim("shard")
        gaps = (Gap(3, 5, "refused"),)
        last = commit_of("a", [(20, 1)])._replace(checkpoint=checkpoint(0.0, through=9.0, gaps=gaps))
        await journal.commit(claim, commit_of("a", [(10, 1), (10, 2)]))
        await journal.commit(claim, last)
        stored = await journal.load(claim)
        assert list(stored) == [(ACCOUNT, "a")]
        assert stored[ACCOUNT, "a"].checkpoint == last.checkpoint
        assert await keys_of(journal, claim, "a") == {(10, 1), (10, 2), (20, 1)}

    async def test_a_checkpoint_without_events_is_durable_after_flush(
        self, open_journal: OpenJournal
    ) -> None:
        """A commit without a segment leaves the head alone; ``flush`` and ``load`` see the latest of them."""
        journal = await open_journal()
        claim = await journal.claim("shard")
        await journal.commit(claim, Commit(ACCOUNT, "a", checkpoint(through=1.0)))
        await journal.commit(claim, Commit(ACCOUNT, "a", checkpoint(through=2.0)))
        await journal.flush()
        assert journal.head == 0
        assert (await journal.load(claim))[ACCOUNT, "a"].checkpoint.through == 2.0

    async def test_events_supersede_a_checkpoint_that_waits(self, open_journal: OpenJournal) -> None:
        """A commit with events that follows one without is what is stored in the end."""
        journal = await open_journal()
        claim = await journal.claim("shard")
        await journal.commit(claim, Commit(ACCOUNT, "a", checkpoint(through=1.0)))
        await journal.commit(claim, commit_of("a", [(1, 1)])._replace(checkpoint=checkpoint(through=2.0)))
        await journal.flush()
        assert (await journal.load(claim))[ACCOUNT, "a"].checkpoint.through == 2.0

    async def test_shards_are_apart(self, open_journal: OpenJournal) -> None:
        """A claim loads its own shard's connectors and leaves other shards' claims alone."""
        journal = await open_journal()
        one, other = await journal.claim("one"), await journal.claim("other")
        await journal.commit(one, commit_of("a", [(1, 1)]))
        await journal.commit(other, commit_of("b", [(1, 1)]))
        assert list(await journal.load(one)) == [(ACCOUNT, "a")]
        assert list(await journal.load(other)) == [(ACCOUNT, "b")]

    async def test_a_later_claim_fences_the_earlier(self, open_journal: OpenJournal) -> None:
        """After a second claim the first can neither commit nor load; what it had stored is there."""
        journal = await open_journal()
        old = await journal.claim("shard")
        await journal.commit(old, commit_of("a", [(1, 1)]))
        new = await journal.claim("shard")
        assert new.epoch > old.epoch
        for commit in (commit_of("a", [(2, 2)]), Commit(ACCOUNT, "a", checkpoint(through=5.0))):
            with pytest.raises(FencedError):
                await journal.commit(old, commit)
        with pytest.raises(FencedError):
            await journal.load(old)
        await journal.flush()
        stored = (await journal.load(new))[ACCOUNT, "a"]
        assert stored.checkpoint == checkpoint()
        assert set(stored.keys.within(0, 10)) == {(1, 1)}
        assert len(numbers_of(await journal.read(0, 10))) == 1

    async def test_load_is_a_write_barrier(self, open_journal: OpenJournal) -> None:
        """What an earlier owner has in flight is in what the new owner loads, or it is refused."""
        journal = await open_journal()
        old = await journal.claim("shard")
        tasks = [asyncio.create_task(journal.commit(old, commit_of(f"c{i}", [(1, 1)]))) for i in range(8)]
        await asyncio.sleep(0)
        new = await journal.claim("shard")
        stored = await journal.load(new)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(one) for one in outcomes} <= {type(None), FencedError}
        accepted = {(ACCOUNT, f"c{number}") for number, one in enumerate(outcomes) if one is None}
        assert set(stored) == accepted
        assert {(ACCOUNT, row[0]) for row in rows_of(await journal.read(0, 100))} == accepted

    async def test_a_fenced_commit_spoils_no_other(self, open_journal: OpenJournal) -> None:
        """Commits of a good and of an ended claim at the same moment: the good ones are stored, only they."""
        journal = await open_journal()
        good, old = await journal.claim("good"), await journal.claim("bad")
        calls = [
            journal.commit(claim, commit_of(f"{claim.shard}{number}", [(1, 1)]))
            for number in range(4)
            for claim in (good, old)
        ]
        tasks = [asyncio.create_task(call) for call in calls]
        await asyncio.sleep(0)
        new = await journal.claim("bad")
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert outcomes[::2] == [None] * 4
        assert {type(one) for one in outcomes[1::2]} <= {type(None), FencedError}
        assert len(await journal.load(good)) == 4
        assert len(await journal.load(new)) == outcomes[1::2].count(None)

    async def test_a_released_claim_has_ended(self, open_journal: OpenJournal) -> None:
        """A released claim can't commit; a fenced one is released silently and disturbs nobody."""
        journal = await open_journal()
        old = await journal.claim("shard")
        new = await journal.claim("shard")
        await journal.release(old)
        await journal.commit(new, commit_of("a", [(1, 1)]))
        await journal.release(new)
        with pytest.raises(FencedError):
            await journal.commit(new, commit_of("a", [(2, 2)]))
        assert (await journal.claim("shard")).epoch > new.epoch

    async def test_concurrent_commits_keep_apart(self, open_journal: OpenJournal) -> None:
        """Many connectors' commits at once: each event is there once and no number is used twice."""
        journal = await open_journal()
        claim = await journal.claim("shard")

        async def poll(connector: str) -> None:
            for t in range(5):
                await journal.commit(claim, commit_of(connector, [(t, n) for n in range(t + 1)]))

        await asyncio.gather(*(poll(f"c{number}") for number in range(10)))
        entries = await journal.read(0, 10_000)
        events = [(row[0], row[4], row[5]) for row in rows_of(entries)]
        assert len(events) == len(set(events)) == 150
        numbers = numbers_of(entries)
        assert len(numbers) == len(set(numbers)) == 150
        assert numbers == sorted(numbers)
        for number in range(10):
            mine = [event[1:] for event in events if event[0] == f"c{number}"]
            assert mine == sorted(mine)

    async def test_reading_goes_by_whole_entries(self, open_journal: OpenJournal) -> None:
        """Read from any number: the entry that holds it comes first; one at most passes the bound."""
        journal = await open_journal()
        claim = await journal.claim("shard")
        for t in range(6):
            await journal.commit(claim, commit_of("a", [(t, n) for n in range(3)]))
        everything = numbers_of(await journal.read(0, 100))
        assert len(everything) == 18
        for offset in everything:
            for bound in (1, 3, 4, 18):
                entries = await journal.read(offset, bound)
                numbers = numbers_of(entries)
                assert entries[0].offset <= offset < entries[0].end
                assert len(numbers) >= min(bound, 18 - everything.index(numbers[0]))
                assert len(numbers) - len(entries[-1].segments[0].events) < bound
                assert numbers == [one for one in everything if one >= numbers[0]][: len(numbers)]
        assert await journal.read(journal.head, 10) == []

    async def test_a_readers_state_comes_back(self, open_journal: OpenJournal) -> None:
        """A reader finds its last offset, spans and sink state, and the highest keys of all its commits."""
        journal = await open_journal()
        await journal.commit_reader(
            "r", ReaderState(highest={"x/1": (1, 2**70), "x/2": (0.5, 1)}, sink=b"one")
        )
        last = ReaderState(offset=5, above=Spans(((7, 9), (11, 12))), highest={"x/1": (2, 1.5)}, sink=b"two")
        await journal.commit_reader("r", last)
        await journal.commit_reader("other", ReaderState(offset=1))
        state = await journal.load_reader("r")
        assert state is not None
        assert (state.offset, state.above, state.sink) == (5, last.above, b"two")
        assert dict(state.highest) == {"x/1": (2, 1.5), "x/2": (0.5, 1)}

    async def test_retention_spares_what_a_reader_has_not_accepted(self, open_journal: OpenJournal) -> None:
        """However old it is, an event stays until the slowest reader has accepted it."""
        journal = await open_journal()
        claim = await journal.claim("shard")
        await journal.load_reader("slow")
        for t in range(4):
            await journal.commit(claim, commit_of("a", [(t, 0), (t, 1)], seen=float(t)))
        numbers = numbers_of(await journal.read(0, 100))
        await journal.commit_reader("quick", ReaderState(offset=journal.head))
        await journal.retain(100.0)
        assert numbers_of(await journal.read(0, 100)) == numbers
        above = Spans(((numbers[6], numbers[7] + 1),))
        await journal.commit_reader("slow", ReaderState(offset=numbers[3], above=above))
        await journal.retain(100.0)
        assert set(numbers[3:6]) <= set(numbers_of(await journal.read(0, 100)))

    async def test_without_a_reader_nothing_is_dropped(self, open_journal: OpenJournal) -> None:
        """As long as no reader is known, events stay."""
        journal = await open_journal()
        claim = await journal.claim("shard")
        await journal.commit(claim, commit_of("a", [(1, 1)]))
        await journal.retain(100.0)
        assert len(numbers_of(await journal.read(0, 10))) == 1

    async def test_keys_outlive_their_events(self, open_journal: OpenJournal) -> None:
        """After retention the keys at or above the durable floor, or in a gap, are still remembered."""
        journal = await open_journal()
        claim = await journal.claim("shard")
        for t in range(0, 100, 10):
            await journal.commit(claim, commit_of("a", [(t, 1), (t + 0.5, 2**65)]))
        await journal.commit_reader("r", ReaderState(offset=journal.head))
        await journal.retain(100.0)
        assert len(await keys_of(journal, claim, "a")) == 20
        moved = Checkpoint(0.0, 50.0, gaps=(Gap(20, 22, "page cap"),))
        await journal.commit(claim, Commit(ACCOUNT, "a", moved))
        await journal.flush()
        await journal.retain(100.0)
        kept = await keys_of(journal, claim, "a")
        assert {key for key in kept if key[0] >= 50} == {
            key for t in range(50, 100, 10) for key in ((t, 1), (t + 0.5, 2**65))
        }
        assert {(20, 1), (20.5, 2**65)} <= kept

    async def test_what_is_durable_survives(self, open_journal: OpenJournal) -> None:
        """Closed and opened again: events, checkpoints, keys, readers, head are there, old claims are not."""
        journal = await open_journal()
        if not journal.durable:
            pytest.skip("this journal ends with its process")
        claim = await journal.claim("shard")
        await journal.commit(claim, commit_of("a", [(1, 1), (2, 2)]))
        await journal.commit(claim, Commit(ACCOUNT, "b", checkpoint(through=3.0)))
        await journal.commit_reader("r", ReaderState(offset=1, sink=b"state"))
        head, rows = journal.head, rows_of(await journal.read(0, 10))
        await journal.close()
        journal = await open_journal()
        assert (journal.head, rows_of(await journal.read(0, 10))) == (head, rows)
        with pytest.raises(FencedError):
            await journal.commit(claim, commit_of("a", [(3, 3)]))
        new = await journal.claim("shard")
        assert new.epoch > claim.epoch
        assert (await journal.load(new))[ACCOUNT, "b"].checkpoint.through == 3.0
        assert await keys_of(journal, new, "a") == {(1, 1), (2, 2)}
        assert await journal.load_reader("r") == ReaderState(offset=1, sink=b"state")

    async def test_a_principals_spending_is_kept(self, open_journal: OpenJournal) -> None:
        """The latest record counts, each principal has its own, and what is closed has kept them."""
        journal = await open_journal()
        assert await journal.load_spending("one") is None
        journal.keep_spending("one", b"first")
        journal.keep_spending("two", b"other")
        assert await journal.load_spending("one") == b"first"
        journal.keep_spending("one", b"second")
        if journal.durable:
            await journal.close()
            journal = await open_journal()
        assert await journal.load_spending("one") == b"second"
        assert await journal.load_spending("two") == b"other"

    async def test_numbers_are_never_used_again(self, open_journal: OpenJournal) -> None:
        """Even when retention has deleted every event, the next gets a new number, after a restart too."""
        journal = await open_journal()
        if not journal.durable:
            pytest.skip("this journal ends with its process")
        claim = await journal.claim("shard")
        await journal.commit(claim, commit_of("a", [(1, 1), (2, 2)]))
        head = journal.head
        await journal.commit_reader("r", ReaderState(offset=head))
        await journal.retain(100.0)
        assert await journal.read(0, 10) == []
        await journal.close()
        journal = await open_journal()
        assert journal.head >= head
        claim = await journal.claim("shard")
        await journal.commit(claim, commit_of("a", [(3, 3)]))
        assert (await journal.read(0, 10))[0].offset >= head
