"""A key set behaves as a plain dictionary of all keys would."""

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tailer.core.keys import PADDING, KeyRow, KeySet, kind_mark, stamp_of
from tailer.core.spans import Spans
from tailer.model import Event, Key

TIMES = st.one_of(
    st.integers(0, 60),
    st.integers(0, 120).map(lambda half: half // 2 if half % 2 == 0 else half / 2),
    st.sampled_from([-3, 0.1, 2**53, 2**53 + 1, 2**60 + 1, -(2**53) - 1, 2**80]),
)
NUMBERS = st.one_of(
    st.integers(0, 5),
    st.sampled_from([-1, 0.5, 2**53 + 1, 2**63, 2**64 - 1, 2**64, 2**64 + 1, 10**30]),
)
KINDS = st.sampled_from(["Init", "Leave", "Reconcile"])
EVENTS = st.lists(st.tuples(TIMES, NUMBERS, TIMES, KINDS), max_size=12)
SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 8)), max_size=3).map(
    lambda pairs: Spans().update((start, start + width) for start, width in pairs)
)


class KeySetMachine(RuleBasedStateMachine):
    """Does the same to a key set and to a dictionary of (stamp, mark) by key."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = KeySet()
        self.model: dict[Key, tuple[int, int]] = {}

    def _new(self, rows: list[tuple[float, float, float, str]]) -> list[Event]:
        events = {(t, n): Event(t, n, k, a) for t, n, a, k in rows if (t, n) not in self.model}
        return [events[key] for key in sorted(events)]

    def _may_go(self, key: Key, floor: float, spared: Spans) -> bool:
        stamp = self.model[key][0]
        padded = Spans().update((start - PADDING, end + PADDING) for start, end in spared)
        return stamp < floor and key[0] not in padded and stamp not in padded

    @rule(rows=EVENTS, read_at=st.integers(0, 80))
    def add(self, rows: list[tuple[float, float, float, str]], read_at: int) -> None:
        """Add the events of a poll, early or late."""
        events = self._new(rows)
        self.keys.add(events, read_at)
        for event in events:
            self.model[event.key] = (stamp_of(event.t, event.a, read_at), kind_mark(event.k))

    @rule(start=st.integers(0, 60), count=st.integers(100, 200), number=st.integers(6, 9))
    def add_many(self, start: int, count: int, number: int) -> None:
        """Add so many at once that the arrays are rebuilt."""
        rows = [(start + part / 256, number, start + 1, "Init") for part in range(count)]
        self.add([(t if t % 1 else int(t), n, a, k) for t, n, a, k in rows], 70)

    @rule(rows=EVENTS)
    def add_rows(self, rows: list[tuple[float, float, float, str]]) -> None:
        """Add rows in reverse."""
        events = self._new(rows)
        new: list[KeyRow] = [(event.t, event.n, stamp_of(event.t, event.a, 90), 5) for event in events]
        self.keys.add_rows(new[::-1])
        self.model.update({(t, n): (stamp, mark) for t, n, stamp, mark in new})

    @rule(rows=EVENTS)
    def restore(self, rows: list[tuple[float, float, float, str]]) -> None:
        """Restore a block that shares keys with the set."""
        other = KeySet()
        unique = {(t, n): Event(t, n, k, a) for t, n, a, k in rows}
        events = [unique[key] for key in sorted(unique)]
        other.add(events, 50)
        self.keys.restore(other.block())
        for event in events:
            self.model.setdefault(event.key, (stamp_of(event.t, event.a, 50), kind_mark(event.k)))

    @rule()
    def pack(self) -> None:
        """Go on with a restored copy."""
        block = self.keys.block()
        self.keys = KeySet()
        self.keys.restore(block)

    @rule(floor=st.integers(0, 70), spared=SPANS)
    def forget_at_once(self, floor: int, spared: Spans) -> None:
        """Forget exactly what may go."""
        gone = {key for key in self.model if self._may_go(key, floor, spared)}
        assert self.keys.forget(floor, spared, at_once=True) == len(gone)
        self.model = {key: value for key, value in self.model.items() if key not in gone}

    @rule(floor=st.integers(0, 70), spared=SPANS)
    def forget_some_time(self, floor: int, spared: Spans) -> None:
        """Forget all that may go, or nothing yet."""
        gone = {key for key in self.model if self._may_go(key, floor, spared)}
        count = self.keys.forget(floor, spared)
        assert count in {0, len(gone)}
        if count:
            self.model = {key: value for key, value in self.model.items() if key not in gone}

    @invariant()
    def same_keys(self) -> None:
        """Both hold the same keys with the same marks, packed ones in order, and count them alike."""
        found = self.keys.within(-math.inf, math.inf)
        assert found == {key: mark for key, (_, mark) in self.model.items()}
        assert len(self.keys) == len(self.model)
        assert self.keys.within(10, 20) == {key: mark for key, mark in found.items() if 10 <= key[0] <= 20}
        assert self.keys.block().newest_stamp == max((stamp for stamp, _ in self.model.values()), default=0)


TestKeySet = KeySetMachine.TestCase
TestKeySet.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)
