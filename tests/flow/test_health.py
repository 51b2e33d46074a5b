"""When a run counts as alive and ready, and what the service manager is told of it."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from tailer.app.daemon.health import BEAT, Health
from tailer.app.daemon.notify import Notifier
from tailer.app.daemon.snapshot import count_connectors
from tailer.app.daemon.view import FRESH_FOR, View
from tailer.app.daemon.vigil import Vigil
from tailer.app.run.run import Run
from tailer.app.status.facts import FleetStatus, Phase, ProcessStatus
from tailer.app.status.survey import headline
from tailer.core.purpose import Purpose
from tailer.errors import AuthError, JournalFullError, TransportError
from tailer.model import EventsRequest, Page
from tests.flow.stage import FAKE_TIME, START, KeptJournal, Stage, steady

pytestmark = FAKE_TIME


class HeardNotifier(Notifier):
    """Remembers what it would have sent."""

    def __init__(self, watchdog: float) -> None:
        super().__init__("@nobody", watchdog)
        self.sent: list[str] = []

    def _send(self, message: str) -> None:
        self.sent.append(message)


class Watched:
    """A run under watch.

    Args:
        run: Entered.
    """

    def __init__(self, run: Run) -> None:
        self.phase: Phase = "running"
        self.notifier = HeardNotifier(60.0)
        self.told: list[str] = []
        self.health = Health(run, lambda: self.phase)
        self.vigil = Vigil(self.health, self.notifier, lambda: count_connectors(run), self.told.append)

    @property
    def pings(self) -> int:
        """How often the manager was told that all is alive."""
        return self.notifier.sent.count("WATCHDOG=1")


@asynccontextmanager
async def watched(stage: Stage) -> AsyncIterator[Watched]:
    """Poll with a vigil beside."""
    async with stage.run() as run, anyio.create_task_group() as group:
        one = Watched(run)
        group.start_soon(one.vigil.keep)
        group.start_soon(run.serve)
        yield one
        group.cancel_scope.cancel()


async def test_a_run_that_polls_is_alive_and_ready() -> None:
    """An hour of ordinary polling: pinged all the time, and nothing in the way."""
    stage = Stage({"c1": steady(10)})
    async with watched(stage) as one:
        await anyio.sleep(3600)
        assert one.health.ailment() is None
        assert one.health.obstacles() == []
        assert one.pings >= 3600 / BEAT
    assert one.told == []


@pytest.mark.parametrize(
    "error",
    [TransportError("can't connect"), TransportError("timed out", timed_out=True)],
    ids=["refused", "timed out"],
)
async def test_an_api_that_is_away_is_no_reason_to_be_killed(error: TransportError) -> None:
    """Hours of outage leave the run alive and ready: a new process would fare no better."""
    stage = Stage({"c1": [], "c2": []})
    stage.source.trouble(error, start=START + 10, delay=30.0)
    async with watched(stage) as one:
        for _ in range(100):
            await anyio.sleep(300)
            assert one.health.ailment() is None
            assert one.health.obstacles() == []
        assert one.pings >= 30_000 / BEAT


async def test_a_principal_that_is_paused_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was told to wait for an hour does so, with polls under way, and is not killed for it."""
    stage = Stage({"c1": [], "c2": []})
    source, clock = stage.source, stage.clock
    ask = source.list_events

    async def ask_within_budget(
        account: str,
        connector: str,
        request: EventsRequest,
        purpose: Purpose = Purpose.LIVE,
        until: float = math.inf,
    ) -> Page:
        while delay := source.budget.wait(clock.monotonic()):
            await clock.sleep(delay)
        return await ask(account, connector, request, purpose, until)

    monkeypatch.setattr(source, "list_events", ask_within_budget)
    async with watched(stage) as one:
        await anyio.sleep(60)
        source.budget.pause(3600.0, clock.monotonic())
        for _ in range(59):
            await anyio.sleep(60)
            assert one.health.ailment() is None
        assert one.pings >= 3600 / BEAT


async def test_a_full_journal_is_alive_but_not_ready() -> None:
    """No room in the journal is for people to mend: probes are told, nobody is killed."""
    journal = KeptJournal()
    journal.commit_errors = [JournalFullError("no space left")] * 100_000
    stage = Stage({"c1": steady(1000)}, journal=journal)
    async with watched(stage) as one:
        await anyio.sleep(600)
        assert one.health.ailment() is None
        assert "journal" in " ".join(one.health.obstacles())
        assert one.pings >= 600 / BEAT
        journal.commit_errors.clear()
        await anyio.sleep(60)
        assert one.health.obstacles() == []


async def test_a_stopped_account_is_alive_but_not_ready() -> None:
    """Credentials that are refused as a whole are for people to mend: named, and no reason to be killed."""
    stage = Stage({"c1": [], "c2": []})
    stage.source.trouble(AuthError("token refused", status=401), start=START + 10, end=START + 2000)
    async with watched(stage) as one:
        await anyio.sleep(1500)
        assert one.health.ailment() is None
        (obstacle,) = one.health.obstacles()
        assert obstacle.startswith("account account is not read: ")
        await anyio.sleep(1500)
        assert one.health.obstacles() == []
        assert one.pings >= 3000 / BEAT


async def test_polls_that_hang_stop_the_pings() -> None:
    """A request that never ends, past every time limit, is told once and no longer vouched for."""
    stage = Stage({"c1": steady(1000)})
    stage.source.trouble(None, connector="c1", start=START + 10, delay=1e6)
    async with watched(stage) as one:
        await anyio.sleep(1000)
        ailment = one.health.ailment()
        assert ailment is not None
        assert "account" in ailment
        assert ailment in one.health.obstacles()
        assert one.pings < 200 / BEAT
        assert len(one.told) == 1


async def test_phases_are_obstacles() -> None:
    """Before the first listing and while it ends a run is not ready."""
    stage = Stage({"c1": []})
    async with watched(stage) as one:
        one.phase = "starting"
        assert len(one.health.obstacles()) == 1
        one.phase = "draining"
        assert len(one.health.obstacles()) == 1


async def test_manager_sees_a_status_line() -> None:
    """The service manager's status tells how many connectors there are and how far they were read."""
    stage = Stage({"c1": [], "c2": []})
    async with watched(stage) as one:
        await anyio.sleep(120)
        lines = [sent for sent in one.notifier.sent if sent.startswith("STATUS=")]
    assert lines[-1].startswith("STATUS=2 connectors, all well; read through 20")
    assert 3 <= len(lines) <= 5


async def test_a_status_is_taken_once_a_second() -> None:
    """Clients who ask all the time get the same status for a second, then another."""
    stage = Stage({"c1": []})
    process = ProcessStatus(version="1", pid=1, host="h", started_at=0.0)
    async with stage.run() as run:
        view = View(run, process, lambda: "running")
        first = view.status()
        assert first is not None
        assert view.status() is first
        await anyio.sleep(FRESH_FOR)
        assert view.status() is not first


def test_headline_names_the_troubles() -> None:
    """Only what is wrong is counted, and an unknown time is left out."""
    fleet = FleetStatus(connectors=5, well=2, failing=1, parked=2, with_gaps=1)
    assert headline(fleet) == "5 connectors, 1 failing, 2 parked, 1 with gaps"
    assert headline(FleetStatus()) == "no connectors are known yet"
