"""A sink that is away for an hour of load while another one works: shared by a test and a benchmark."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import anyio
import psutil

from tailer.clock import SystemClock
from tailer.core.progress import Checkpoint
from tailer.errors import SinkUnavailableError
from tailer.interfaces import Commit, Resume
from tailer.journal.sqlite import SqliteJournal
from tailer.model import Batch, Event, Segment, Source
from tailer.observe import ignore
from tailer.pipeline.board import Board
from tailer.pipeline.delivery import Delivery
from tailer.pipeline.reader import Reader, ReaderOptions
from tailer.pipeline.room import Room
from tailer.pipeline.tally import Tally

CONNECTORS = 20
START = 1_800_000_000
KINDS = ("Reconcile", "RekeyStart", "RekeyAdvance", "RekeyComplete")


class Counting:
    """A sink that counts, and may be away."""

    def __init__(self) -> None:
        self.is_away = False
        self.count = 0
        self.in_order = True
        self._last: dict[str, tuple[float, float]] = {}

    async def open(self, resume: Resume) -> bytes | None:
        """Give back what was committed."""
        return resume.state

    async def write(self, batch: Batch) -> bytes | None:
        """Count, and look at the order."""
        if self.is_away:
            raise SinkUnavailableError("it is away")
        for event in batch.events:
            self.in_order &= event.key > self._last.get(event.connector, (0, 0))
            self._last[event.connector] = event.key
        self.count += len(batch.events)
        return None

    async def close(self) -> None:
        """Let go of nothing."""


@dataclass
class Outage:
    """What was seen.

    Attributes:
        events: How many there were.
        healthy: How many of them the other sink had at the end of the outage.
        held: The most that the dead sink's reader held for order.
        journal_bytes: What the journal took at the end of the outage.
        grown_bytes: By how much the process had grown since the outage's first quarter.
        catch_up: Seconds from the return to the last event.
        in_order: Whether both sinks got each connector's events in order, each once.
    """

    events: int
    healthy: int = 0
    held: int = 0
    journal_bytes: int = 0
    grown_bytes: int = 0
    catch_up: float = 0.0
    in_order: bool = False


async def go_through(path: Path, *, seconds: int, per_second: int) -> Outage:
    """Journal so many seconds of load behind a dead sink, let it come back, and wait until it has all.

    Args:
        path: Of the journal.
        seconds: Of the events' own time, journaled as fast as that goes.
        per_second: Events of the fleet.
    """
    journal, board, tally, clock = SqliteJournal(path), Board(), Tally(), SystemClock()
    outage = Outage(seconds * per_second)
    await journal.open()
    room = Room(clock, ignore)
    deliveries: list[Delivery] = []
    sinks = [Counting(), Counting()]
    for name, sink in zip(("healthy", "dead"), sinks, strict=True):
        options = ReaderOptions(name=name, order="connector", hold=7.0, max_held=1_000_000, max_events=10_000)
        reader = Reader(journal, board, options, clock=clock, api_now=lambda: float(START), tally=tally)
        await reader.open()
        delivery = Delivery(sink, reader, board, clock=clock, observe=ignore, random=lambda: 0.01, room=room)
        deliveries.append(delivery)
    healthy, dead = sinks
    dead.is_away = True
    try:
        async with anyio.create_task_group() as group:
            for delivery in deliveries:
                group.start_soon(delivery.run)
            await _load(journal, board, deliveries[1], outage, seconds=seconds, per_second=per_second)
            with anyio.fail_after(60):
                while healthy.count < outage.events:  # noqa: ASYNC110 - a sink has no bell
                    await anyio.sleep(0.01)
            outage.healthy = healthy.count
            outage.journal_bytes = journal.used_bytes
            outage.held = max(outage.held, deliveries[1].reader.held)
            dead.is_away = False
            back = time.perf_counter()
            while dead.count < outage.events:  # noqa: ASYNC110 - as above
                await anyio.sleep(0.01)
            outage.catch_up = time.perf_counter() - back
            board.finish(all_read=True)
    finally:
        await journal.close()
    outage.in_order = all(sink.in_order and sink.count == outage.events for sink in sinks)
    return outage


async def _load(
    journal: SqliteJournal, board: Board, dead: Delivery, outage: Outage, *, seconds: int, per_second: int
) -> None:
    """Journal what polls of the whole fleet every five seconds would bring."""
    claim = await journal.claim("account")
    process = psutil.Process()
    at_first = process.memory_info().rss
    for begin in range(0, seconds, 5):
        through = START + min(begin + 5, seconds)
        async with anyio.create_task_group() as polls:
            for number in range(CONNECTORS):
                polls.start_soon(journal.commit, claim, _commit(number, begin, through, per_second))
        for number in range(CONNECTORS):
            board.post(f"account/c{number}", through, is_behind=False, now=time.monotonic())
        outage.held = max(outage.held, dead.reader.held)
        if begin * 4 < seconds:
            at_first = process.memory_info().rss
    outage.grown_bytes = process.memory_info().rss - at_first


def _commit(number: int, begin: int, through: int, per_second: int) -> Commit:
    source = Source("account", f"c{number}", f"Branch {number}", f"SN{number}", float(through))
    times = range(START + begin, through)
    events = [
        Event(t, n, KINDS[n % len(KINDS)], t + 1, source)
        for t in times
        for n in range(number, per_second, CONNECTORS)
    ]
    segment = Segment(source, events, float(through), float(through))
    return Commit("account", f"c{number}", Checkpoint(0.0, through - 10.0), segment)
