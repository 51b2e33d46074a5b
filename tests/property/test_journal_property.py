"""Whatever the order of commits, crashes, reader commits and retention, the journal equals a simple model."""

import asyncio
import math
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tailer.core.keys import PADDING, stamp_of
from tailer.core.progress import Checkpoint, Gap
from tailer.core.spans import Spans
from tailer.interfaces import Claim, Commit, ReaderState
from tailer.journal.sqlite import SqliteJournal
from tailer.model import Event, Key, Segment, Source

T = TypeVar("T")
NAMES = ("a", "b", "c")
TIMES = st.one_of(st.integers(0, 40), st.sampled_from([0.5, 10.25, 2**65]))
NUMBERS = st.one_of(st.integers(0, 3), st.sampled_from([2**64, 0.5]))
POLL = st.tuples(
    st.sampled_from(NAMES), st.lists(st.tuples(TIMES, NUMBERS, st.integers(0, 40)), min_size=1, max_size=6)
)


class JournalMachine(RuleBasedStateMachine):
    """Does the same to a journal in a file and to a list of events."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="journal-"))
        self.files = 0
        self.now = 50
        self.events: list[tuple[str, Key]] = []
        self.seen: dict[tuple[str, Key], float] = {}
        self.stamps: dict[str, dict[Key, int]] = {name: {} for name in NAMES}
        self.checkpoints = {name: Checkpoint(0.0, 0.0) for name in NAMES}
        self.accepted = 0
        self.taken = Spans()
        self.head = 0
        self.journal, self.claim = self._run(self._open())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.files}.db"

    async def _open(self) -> tuple[SqliteJournal, Claim]:
        journal = SqliteJournal(self._path, pace=0.0, tail_events=8)
        await journal.open()
        await journal.load_reader("r")
        return journal, await journal.claim("shard")

    @rule(polls=st.lists(POLL, min_size=1, max_size=3, unique_by=lambda poll: poll[0]))
    def commit(self, polls: list[tuple[str, list[tuple[float, float, int]]]]) -> None:
        """Several polls end at once, with events early and late."""
        self.now += 1
        commits, events = [], []
        for name, rows in polls:
            source = Source("x", name, "", "", float(self.now))
            new = {}
            for t, n, a in rows:
                event = Event(t + self.now - 40, n, "Init", a + self.now - 40, source)
                stamp = stamp_of(event.t, event.a, self.now)
                # A read asks for nothing below the floor, and an event never changes.
                if (name, event.key) not in self.seen and stamp >= self.checkpoints[name].floor:
                    new[event.key] = event
            if not new:
                continue
            segment = Segment(source, [new[key] for key in sorted(new)], float(self.now), 0.0)
            commits.append(Commit("x", name, self.checkpoints[name], segment))
            events += [(name, event.key) for event in segment.events]
            for event in segment.events:
                self.stamps[name][event.key] = stamp_of(event.t, event.a, self.now)

        async def all_at_once() -> None:
            await asyncio.gather(*(self.journal.commit(self.claim, commit) for commit in commits))

        self._run(all_at_once())
        self.events += events
        self.seen.update(dict.fromkeys(events, float(self.now)))

    @rule(name=st.sampled_from(NAMES), step=st.integers(0, 10), gap=st.booleans())
    def move_floor(self, name: str, step: int, gap: bool) -> None:
        """A poll without events raises the floor, and may record a gap in what it has read till now."""
        former = int(self.checkpoints[name].floor)
        floor = min(self.now, former + 5 * step)
        low, high = former + PADDING, min(former + 7, floor - PADDING)
        gaps = (Gap(low, high, "page cap"),) if gap and low < high else ()
        self.checkpoints[name] = Checkpoint(0.0, float(floor), gaps=gaps)
        self._run(self.journal.commit(self.claim, Commit("x", name, self.checkpoints[name])))
        self._run(self.journal.flush())
        padded = Spans().update((one.start - PADDING, one.end + PADDING) for one in gaps)
        self.stamps[name] = {
            key: stamp
            for key, stamp in self.stamps[name].items()
            if stamp >= floor or key[0] in padded or stamp in padded
        }

    @rule(part=st.integers(0, 10), above=st.integers(0, 3))
    def accept(self, part: int, above: int) -> None:
        """The reader accepts some of what there is, and some events above."""
        self.accepted = max(self.accepted, self.journal.head * part // 10)
        start = self.accepted + 1
        end = min(start + above, self.journal.head)
        above_it = Spans().add(start, end)
        self._run(self.journal.commit_reader("r", ReaderState(offset=self.accepted, above=above_it)))
        self.taken = above_it.add(0, self.accepted)

    @rule(age=st.integers(0, 5))
    def retain(self, age: int) -> None:
        """Old accepted events are dropped, whole entries of them."""
        before = float(self.now - age)
        left = self._everything()
        self._run(self.journal.retain(before))
        kept = self._everything()
        dropped = [row for row in left if row not in kept]
        assert [row for row in left if row in kept] == kept
        for number, name, key in dropped:
            assert number in self.taken
            assert self.seen[name, key] < before
        gone = {(name, key) for _, name, key in dropped}
        self.events = [event for event in self.events if event not in gone]

    @rule()
    def restart(self) -> None:
        """The journal is closed and opened again."""
        self._run(self.journal.close())
        self.journal, self.claim = self._run(self._open())

    @rule()
    def crash(self) -> None:
        """The journal goes on with copies of the files as they are, without having been closed."""
        former, journal = self._path, self.journal
        self.files += 1
        for ending in ("", "-wal"):
            shutil.copy(f"{former}{ending}", f"{self._path}{ending}")
        self.journal, self.claim = self._run(self._open())
        self._run(journal.close())

    def _everything(self) -> list[tuple[int, str, Key]]:
        rows, offset = [], 0
        while entries := self._run(self.journal.read(offset, 7)):
            for entry in entries:
                events = [event for segment in entry.segments for event in segment.events]
                rows += [(entry.offset + at, one.connector, one.key) for at, one in enumerate(events)]
            offset = entries[-1].end
        return rows

    @invariant()
    def same_events(self) -> None:
        """The journal holds the model's events, none twice, under growing numbers."""
        rows = self._everything()
        numbers = [row[0] for row in rows]
        assert sorted(row[1:] for row in rows) == sorted(self.events)
        assert numbers == sorted(set(numbers))
        assert self.head <= self.journal.head
        self.head = self.journal.head

    @invariant()
    def same_keys(self) -> None:
        """A load brings every checkpoint and all keys that may be met again."""
        stored = self._run(self.journal.load(self.claim))
        for name, expected in self.stamps.items():
            one = stored.get(("x", name))
            if one is None:
                assert not expected
                continue
            assert one.checkpoint == self.checkpoints[name]
            assert set(one.keys.within(-math.inf, math.inf)) == set(expected)

    def teardown(self) -> None:
        """Leave nothing behind."""
        self._run(self.journal.close())
        self.runner.close()
        shutil.rmtree(self.folder)


TestJournal = JournalMachine.TestCase
TestJournal.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
