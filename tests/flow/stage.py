"""A stage for the pipeline: an API made of a list, a journal in memory, time that passes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import anyio
import msgspec
import pytest

from tailer.app.run.ask import Ask
from tailer.app.run.run import Run
from tailer.config.credentials import BearerToken, Secret
from tailer.config.options import Account, Config, PollingOptions
from tailer.core.ladder import Ladder
from tailer.core.ordering import Order
from tailer.core.progress import Checkpoint
from tailer.core.quirks import Quirks
from tailer.core.tempo import Pace
from tailer.core.windows import Pacing
from tailer.errors import JournalError, JournalFullError
from tailer.interfaces import Claim, Commit, Journal, ReaderState
from tailer.journal.memory import MemoryJournal
from tailer.model import Event, Segment, Source
from tailer.observe import Report
from tailer.pipeline.board import Board
from tailer.pipeline.context import PollContext
from tailer.pipeline.room import Room
from tailer.pipeline.tally import Tally
from tailer.testing.fake_clock import FakeClock
from tailer.testing.recording_sink import RecordingSink
from tailer.testing.scripted_source import Row, ScriptedSource

FAKE_TIME = pytest.mark.looptime(noop_cycles=1, resolution=1e-9)
"""Time passes at once, for nothing here waits for anything else. With looptime's own resolution of a
microsecond the loop turns for ever before a timer that is less than half of one away."""

START = int(FakeClock.START)
"""API time at which every test begins."""


class KeptJournal(MemoryJournal):
    """A journal in memory that outlives the runs of a test, as a file outlives processes.

    Attributes:
        commit_errors: Raised by the next commits with events, before anything is stored.
        ambiguous_errors: Raised by the next commits with events, after they were stored.
        reader_errors: Raised by the next commits of readers, before anything is stored.
        flushes: How often `flush` was asked for.
    """

    def __init__(self, *, max_events: int = 100_000) -> None:
        super().__init__(max_events=max_events)
        self.commit_errors: list[JournalError] = []
        self.ambiguous_errors: list[JournalError] = []
        self.reader_errors: list[JournalError] = []
        self.flushes = 0

    @property
    def durable(self) -> bool:
        """What is committed outlives the run."""
        return True

    async def commit(self, claim: Claim, commit: Commit) -> None:
        """Store, or fail as scripted."""
        if commit.segment is not None and self.commit_errors:
            raise self.commit_errors.pop(0)
        await super().commit(claim, commit)
        if commit.segment is not None and self.ambiguous_errors:
            raise self.ambiguous_errors.pop(0)

    async def commit_reader(self, name: str, state: ReaderState) -> None:
        """Store, or fail as scripted; the very first commit, which makes a reader known, always works."""
        if self.reader_errors and state.offset:
            raise self.reader_errors.pop(0)
        await super().commit_reader(name, state)

    async def flush(self) -> None:
        """Count."""
        self.flushes += 1


class FullJournal(KeptJournal):
    """A journal that can be full."""

    is_full = False

    async def commit(self, claim: Claim, commit: Commit) -> None:
        """Store, if there is room."""
        if self.is_full and commit.segment is not None:
            raise JournalFullError("no room")
        await super().commit(claim, commit)

    async def flush(self) -> None:
        """Store as well."""
        if self.is_full:
            raise JournalFullError("no room")


class Stage:
    """What the runs of one test have in common.

    Args:
        rows: By connector id.
        journal: ``None``: an ordinary one in memory.
        polling: Changes to the ``[polling]`` table.
        kinds: Kinds that are delivered.
        connectors: Patterns.
        source: Options of the source.
    """

    def __init__(
        self,
        rows: Mapping[str, Iterable[Row]] | None = None,
        *,
        journal: Journal | None = None,
        polling: Mapping[str, Any] | None = None,
        kinds: tuple[str, ...] = (),
        connectors: tuple[str, ...] = ("*",),
        **source: Any,
    ) -> None:
        self.clock = FakeClock()
        self.source = ScriptedSource(self.clock, rows or {}, **source)
        self.journal = journal or MemoryJournal()
        self.reports: list[Report] = []
        account = Account(
            id="account",
            connectors=connectors,
            kinds=kinds,
            credentials=BearerToken(secret=Secret("secret"), origin="a test"),
            principal="principal",
        )
        options = msgspec.structs.replace(PollingOptions(), **(polling or {}))
        self.config = Config(accounts=(account,), polling=options, folder=Path())
        self.sources: dict[str, ScriptedSource] = {}

    def add_account(self, name: str, rows: Mapping[str, Iterable[Row]], **source: Any) -> ScriptedSource:
        """Add another account, with credentials and a budget of its own."""
        account = Account(
            id=name, credentials=BearerToken(secret=Secret(name), origin="a test"), principal=name
        )
        self.config = msgspec.structs.replace(self.config, accounts=(*self.config.accounts, account))
        self.sources[name] = ScriptedSource(self.clock, rows, account=name, **source)
        return self.sources[name]

    def run(
        self, start: str = "now", *, until: str | None = None, follow: bool = True, **options: Any
    ) -> Run:
        """Make a run."""
        return Run(
            self.config,
            Ask(start=start, until=until, follow=follow),
            journal=self.journal,
            observe=self.reports.append,
            clock=self.clock,
            connect=lambda _, account, *__: self.sources.get(account.id, self.source),
            **options,
        )

    async def serve(
        self,
        *sinks: RecordingSink,
        seconds: float,
        start: str = "now",
        order: Order = "connector",
        crash: bool = False,
        **reading: Any,
    ) -> Run:
        """Let a run deliver for a while; then drain it, or kill it."""
        run = self.run(start)
        async with run:
            for number, sink in enumerate(sinks):
                run.deliver(sink, await run.open_reader(f"sink {number}", order, **reading))
            if crash:
                with anyio.move_on_after(seconds):
                    await run.serve()
            else:
                asyncio.get_running_loop().call_later(seconds, run.drain)
                await run.serve()
        return run

    async def finish(
        self, *sinks: RecordingSink, start: str = "1h", order: Order = "connector", **reading: Any
    ) -> Run:
        """Let a run deliver until it ends by itself."""
        run = self.run(start, follow=False)
        async with run:
            for number, sink in enumerate(sinks):
                run.deliver(sink, await run.open_reader(f"sink {number}", order, **reading))
            await run.serve()
        return run

    def said(self, kind: type[Report]) -> list[Any]:
        """List the reports of one kind."""
        return [report for report in self.reports if isinstance(report, kind)]

    async def poll_context(self, *, interval: float = 5.0, tries: int = 3, **options: Any) -> PollContext:
        """Make what a poller needs."""
        ladder = Ladder(interval, 3600.0)
        defaults: dict[str, Any] = {
            "room": Room(self.clock, self.reports.append),
            "client": self.source,
            "journal": self.journal,
            "claim": await self.journal.claim("principal"),
            "quirks": Quirks(),
            "pacing": Pacing(ladder, interval, None),
            "pace": Pace(interval, interval),
            "settle": 2.0,
            "limit": 1000,
            "kind": None,
            "tries": tries,
            "clock": self.clock,
            "board": Board(),
            "tally": Tally(),
            "observe": self.reports.append,
            "random": lambda: 0.5,
        }
        return PollContext(**{**defaults, **options})


def keys(events: Iterable[Event]) -> list[tuple[str, float, float]]:
    """Give what tells events apart, in their order."""
    return [(event.connector, event.t, event.n) for event in events]


def keys_of(rows: Mapping[str, Iterable[Row]]) -> list[tuple[str, float, float]]:
    """Give what tells rows apart, sorted."""
    return sorted((connector, row.t, row.n) for connector, known in rows.items() for row in known)


def steady(count: int, *, every: float = 1, start: float = 0, n: int = 0) -> list[Row]:
    """Make rows at regular times after `START`, visible at once."""
    return [Row(START + start + index * every, n) for index in range(count)]


def unruly(random: Random, connectors: int, count: int, *, span: int, latest: int) -> dict[str, list[Row]]:
    """Make rows at random times of `span` seconds after `START`; some become visible up to `latest` late."""
    rows: dict[str, list[Row]] = {}
    for number in range(connectors):
        known: dict[tuple[int, int], Row] = {}
        for _ in range(count):
            t, n = START + random.randrange(span), random.randrange(3)
            late = random.choice([0, 0, random.uniform(0, 8), random.uniform(0, latest)])
            known[t, n] = Row(t, n, visible_at=t + late)
        rows[f"c{number}"] = list(known.values())
    return rows


def segment(
    events: Iterable[tuple[float, float]],
    *,
    connector: str = "c1",
    read_at: float = START,
    through: float = START,
    kind: str = "Init",
) -> Segment:
    """Make a segment as a poll would."""
    source = Source("account", connector, connector, "", read_at)
    made = [Event(t=t, n=n, k=kind, a=t, source=source) for t, n in sorted(events)]
    return Segment(source, made, read_at, through)


def commit(new: Segment) -> Commit:
    """Make a commit of a segment; its checkpoint claims nothing."""
    return Commit(new.source.account, new.source.connector, Checkpoint(origin=0.0, floor=0.0), new)


def asked_at(stage: Stage, connector: str, since: float = 0) -> list[float]:
    """Tell when polls of a connector began, in seconds after the start."""
    return [
        one.at - START
        for one in stage.source.asked
        if one.connector == connector and one.request.cursor is None and one.at - START >= since
    ]


def longest_wait(times: list[float]) -> float:
    """Give the longest time between two."""
    return max(later - earlier for earlier, later in pairwise(times))
