"""One reader's order under any arrival of segments, any marks, crashes and slow sinks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tailer.core.keys import PADDING
from tailer.core.ordering import Order, Ordering
from tailer.core.released import Chunk, Released
from tailer.core.spans import Spans
from tailer.model import Event, Key, Segment, Source

HOLD = 7
MAX_HELD = 12
ORDERS = st.sampled_from(["arrival", "connector", "global"])


@dataclass(frozen=True)
class Step:
    """One moment: what a poll brought, how far marks rose, how much the sink takes."""

    connector: str
    times: list[int]
    read_at: int
    settle: int
    passes: int
    takes: int
    crash: bool


STEPS = st.lists(
    st.builds(
        Step,
        connector=st.sampled_from("abc"),
        times=st.lists(st.integers(0, 40), max_size=6),
        read_at=st.integers(0, 30),
        settle=st.integers(0, 3),
        passes=st.integers(0, 4),
        takes=st.integers(0, 8),
        crash=st.booleans(),
    ),
    max_size=25,
)


class Run:
    """A journal, a reader with its committed state, and a sink that remembers what it was given."""

    def __init__(self, order: Order) -> None:
        self.order: Order = order
        self.journal: list[tuple[int, Segment]] = []
        self.count = 0
        self.now = 0
        self.api_now = 0
        self.marks: dict[str, float] = {}
        self.accepted = Spans()
        self.highest: dict[str, Key] = {}
        self.given: list[Event] = []
        self.read_at: dict[str, int] = {}
        self.numbers: dict[str, int] = {}
        self.start()

    def start(self) -> None:
        """Begin anew from the committed state and the journal, as after a crash."""
        self.ordering = Ordering(
            self.order, hold=HOLD, max_held=MAX_HELD, highest=self.highest, now=self.api_now
        )
        self.ready: list[tuple[Event, Chunk]] = []
        self.released: list[Event] = [*self.given]
        self.position = 0

    def poll(self, step: Step) -> None:
        """Append what a poll brought to the journal."""
        self.api_now = max(self.api_now, step.read_at)
        ref = f"account/{step.connector}"
        mark = max(self.marks.get(ref, -math.inf), step.read_at - step.settle)
        self.marks[ref] = mark
        if not step.times:
            return
        source = Source("account", step.connector, "", "", 0.0)
        first = self.count
        self.count += len(step.times)
        keys = sorted((t, first + index) for index, t in enumerate(step.times))
        events = [Event(t, n, "Init", t, source) for t, n in keys]
        for number, event in enumerate(events, first):
            self.numbers[event.id] = number
            self.read_at[event.id] = step.read_at
        self.journal.append((first, Segment(source, events, step.read_at, mark)))

    def read(self) -> None:
        """Take what is new in the journal, release, and check what was released."""
        for first, segment in self.journal[self.position :]:
            self.ordering.take(segment, first, self.accepted, self.now)
        self.position = len(self.journal)
        for ref, mark in self.marks.items():
            self.ordering.advance(ref, mark)
        fleet_mark = min(self.marks.values(), default=-math.inf)
        self.check_run(self.ordering.release(self.now, fleet_mark=fleet_mark))
        assert self.ordering.held <= MAX_HELD

    def check_run(self, released: Released) -> None:
        """Check each event of a run against all that were released before it."""
        events, chunks = released
        assert len(events) == len(chunks)
        for event in events:
            assert event.late == self.is_late(event), event.id
            self.released.append(event)
        self.ready += zip(events, chunks, strict=True)

    def is_late(self, event: Event) -> bool:
        """Tell by the rule, event by event, whether one comes too late."""
        for other in self.released:
            if other.connector == event.connector and event.key < other.key:
                return True
            is_ahead = other.t > self.read_at[other.id] + PADDING
            if self.order == "global" and not is_ahead and place(event) < place(other):
                return True
        return False

    def accept(self, count: int) -> None:
        """Let the sink take a batch, and commit it."""
        batch, self.ready = self.ready[:count], self.ready[count:]
        spans, highest = self.ordering.accept([chunk for _, chunk in batch])
        numbers = {self.numbers[event.id] for event, _ in batch}
        assert sorted(number for span in spans for number in range(*span)) == sorted(numbers)
        before = self.accepted.size
        self.accepted = self.accepted.update(spans)
        assert self.accepted.size == before + len(batch)
        self.highest.update({ref: max(key, self.highest.get(ref, key)) for ref, key in highest.items()})
        self.given += [event for event, _ in batch]


def place(event: Event) -> tuple[float, str, float]:
    """Give where an event sorts among those of all connectors."""
    return (event.t, event.connector, event.n)


def check_sorted(run: Run) -> None:
    """Check that all but late events went out in order."""
    if run.order == "arrival":
        return
    punctual = [event for event in run.given if not event.late]
    for connector in "abc":
        keys = [event.key for event in punctual if event.connector == connector]
        assert keys == sorted(keys)
    if run.order == "global":
        places = [place(e) for e in punctual if e.t <= run.read_at[e.id] + PADDING]
        assert places == sorted(places)


@given(ORDERS, STEPS)
def test_all_that_is_taken_is_released_once_and_in_order(order: Order, steps: list[Step]) -> None:
    """Each event goes out exactly once, sorted but for late ones, which are exactly those marked late."""
    run = Run(order)
    for step in steps:
        run.now += step.passes
        run.poll(step)
        run.read()
        run.accept(step.takes)
    run.check_run(run.ordering.release_all())
    run.accept(len(run.ready))
    assert run.ordering.held == 0
    assert sorted(run.numbers[event.id] for event in run.given) == list(range(run.count))
    assert run.accepted == Spans().add(0, run.count)
    check_sorted(run)


@given(ORDERS, STEPS)
def test_a_crash_neither_loses_nor_repeats_what_was_accepted(order: Order, steps: list[Step]) -> None:
    """Given crashes at any point, the committed spans are enough to go on with exactly the rest."""
    run = Run(order)
    for step in steps:
        run.now += step.passes
        run.poll(step)
        # what was ahead of API time is told from the rest by its time at the crash: let none be ahead
        run.read_at = dict.fromkeys(run.read_at, 100)
        run.journal = [(first, segment._replace(read_at=100)) for first, segment in run.journal]
        run.api_now = 100
        run.read()
        run.accept(step.takes)
        if step.crash:
            run.start()
    run.read()
    run.check_run(run.ordering.release_all())
    run.accept(len(run.ready))
    assert sorted(run.numbers[event.id] for event in run.given) == list(range(run.count))


@given(ORDERS, STEPS)
def test_nothing_is_held_for_longer_than_the_hold(order: Order, steps: list[Step]) -> None:
    """Given no marks at all, what was taken `hold` ago is out."""
    ordering = Ordering(order, hold=HOLD, max_held=1000, highest={}, now=0)
    now, number = 0, 0
    taken: dict[int, int] = {}
    out = 0
    for step in steps:
        now += step.passes
        source = Source("account", step.connector, "", "", 0.0)
        if step.times:
            events = [
                Event(t, number + index, "Init", t, source) for index, t in enumerate(sorted(step.times))
            ]
            ordering.take(Segment(source, events, 0, -math.inf), number, Spans(), now)
            number += len(events)
        taken[now] = number
        out += len(ordering.release(now, fleet_mark=-math.inf).events)
        assert out >= max((count for at, count in taken.items() if at <= now - HOLD), default=0)
        assert out + ordering.held == number
