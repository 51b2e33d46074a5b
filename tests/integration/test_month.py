"""A daemon that runs for long: what it keeps in memory and on the disk has its bounds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
import psutil
import pytest

from tailer.app.run import run
from tailer.app.run.run import Run
from tailer.errors import RequestRefusedError, ServerError
from tailer.journal.sqlite import SqliteJournal
from tailer.pipeline import reader
from tailer.testing.scripted_source import Row
from tests.flow.stage import START, Stage
from tests.integration.desk import Desk
from tests.integration.stepped_loop import SteppedLoop

HOUR = 3600
DAY = 24 * HOUR
CONNECTORS = ("c0", "c1", "c2")
EVERY = 300
"""Seconds between two events of a connector."""

KEPT_FILES = 5


class Midnight(NamedTuple):
    """What a daemon holds at the end of a day."""

    keys: int
    gaps: int
    journal_bytes: int
    file_count: int
    rss: int


class Life:
    """Some days of a daemon: events come and some come late, a connector fails, another is refused.

    Args:
        folder: For journal and files.
        days: How long, without the half day at the end in which the last late events come.
    """

    def __init__(self, folder: Path, days: int) -> None:
        self.events = 0
        self.nights: list[Midnight] = []
        self._folder = folder
        self._days = days
        self._random = Random(days)

    async def live(self) -> Run:
        """Let them pass; return the run, for its figures."""
        journal = SqliteJournal(self._folder / "j.db")
        stage = Stage(
            {one: [] for one in CONNECTORS}, journal=journal, polling={"interval": 600.0, "discover": DAY}
        )
        options = msgspec.structs.replace(stage.config.journal, retain=float(DAY))
        stage.config = msgspec.structs.replace(stage.config, journal=options)
        self._let_fail(stage)
        desk = Desk(
            self._folder, stage.clock, rotate_every=float(DAY), keep_files=KEPT_FILES, compress="gzip"
        )
        daemon = stage.run()
        async with daemon:
            daemon.deliver(desk.sink(), await daemon.open_reader("file", "connector"))
            days = asyncio.create_task(self._pass(stage, daemon))
            await daemon.serve()
            await days
        return daemon

    def _let_fail(self, stage: Stage) -> None:
        for day in range(self._days):
            morning = START + day * DAY + 8 * HOUR
            away, refused = ServerError("away", status=500), RequestRefusedError("no", status=400)
            stage.source.trouble(away, connector="c1", start=morning, end=morning + 2 * HOUR)
            stage.source.trouble(refused, connector="c2", start=morning, end=morning + HOUR)

    async def _pass(self, stage: Stage, daemon: Run) -> None:
        for day in range(self._days):
            for hour in range(24):
                self._happen(stage, START + day * DAY + hour * HOUR)
                await stage.clock.sleep(HOUR)
                stage.source.expire(stage.source.now() - 3 * DAY)
                stage.source.asked.clear()
                stage.reports.clear()
            self.nights.append(self._look(daemon))
        await stage.clock.sleep(DAY / 2)
        daemon.drain()

    def _happen(self, stage: Stage, start: int) -> None:
        """Let the events of an hour happen, one in ten of them visible hours late."""
        for connector in CONNECTORS:
            rows: list[Row] = []
            for t in range(start, start + HOUR, EVERY):
                late = self._random.uniform(0, 8 * HOUR) if self._random.random() < 0.1 else 0.0
                rows.append(Row(t, self.events + len(rows), visible_at=t + late))
            stage.source.add(connector, rows)
            self.events += len(rows)

    def _look(self, daemon: Run) -> Midnight:
        return Midnight(
            keys=sum(len(poller.book.keys) for poller in daemon.pollers),
            gaps=sum(len(poller.checkpoint.gaps) for poller in daemon.pollers),
            journal_bytes=daemon.journal.used_bytes or 0,
            file_count=sum(1 for _ in self._folder.glob("events*")),
            rss=psutil.Process().memory_info().rss,
        )


def _live(folder: Path, days: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Life, Run]:
    # What is looked after every minute or second would be nearly all that there is to do in a month.
    monkeypatch.setattr(reader, "LOOK_UP", 60.0)
    monkeypatch.setattr(run, "RETAIN_EVERY", 1800.0)
    life = Life(folder, days)

    async def main() -> Run:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SteppedLoop)
        loop.watch(monkeypatch)
        return await life.live()

    with asyncio.Runner(loop_factory=SteppedLoop) as runner:
        return life, runner.run(main())


@pytest.mark.long
def test_a_day_of_a_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every event is delivered once, be it late or after failures, and midnight brings a new file."""
    life, daemon = _live(tmp_path, 1, monkeypatch)
    assert daemon.deliveries[0].delivered == daemon.tally.events == life.events == DAY // EVERY * 3
    assert daemon.tally.late > 0
    assert daemon.tally.failed_polls > 5
    assert len(list(tmp_path.glob("events*.gz"))) >= 1


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_month_of_a_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once two days and a half are over, nothing grows any more: keys, gaps, journal, files, memory."""
    life, daemon = _live(tmp_path, 30, monkeypatch)
    assert daemon.deliveries[0].delivered == daemon.tally.events == life.events == 30 * DAY // EVERY * 3
    settled = life.nights[4:10]
    for night in life.nights[10:]:
        assert night.keys <= 1.2 * max(one.keys for one in settled) <= 3 * DAY // EVERY * 3
        assert night.gaps <= max(one.gaps for one in settled) + 2
        assert night.journal_bytes <= 1.2 * max(one.journal_bytes for one in settled)
        assert night.file_count <= KEPT_FILES + 2
        assert night.rss <= max(one.rss for one in settled) + 10 * 2**20
