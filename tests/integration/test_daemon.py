from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from tailer.app.daemon.daemon import Daemon
from tailer.app.daemon.front import Front
from tailer.app.daemon.setup import Setup, read_setup
from tailer.app.run.run import Run
from tailer.app.status.facts import Phase
from tailer.config.addresses import Address
from tailer.errors import ApiError, AuthError, ConfigError, ControlError, JournalLockedError, TailerError
from tailer.journal.sqlite import SqliteJournal
from tailer.observe import ConnectorFound, Report
from tailer.simulator.options import SimulatorOptions
from tailer.simulator.server import Server, serve
from tailer.sinks import registry

PATIENCE = 20.0
"""Seconds for what takes a fraction of one."""

CONFIG = """
[[accounts]]
id = "{account}"
token_file = "token"
connectors = {connectors}
[polling]
interval = "{interval}"
settle = "200ms"
start = "5m"
[journal]
path = "{journal}"
{more}
[[sinks]]
type = "file"
path = "events.jsonl"
"""

SECOND = '[[sinks]]\ntype = "file"\nname = "second"\npath = "second.jsonl"\n'


class Heard:
    """A herald that remembers.

    Attributes:
        words: What it was told, in order.
    """

    def __init__(self) -> None:
        self.words: list[Any] = []

    def serves(self, run: Run, setup: Setup) -> None:
        """See `tailer.app.daemon.daemon.Herald`, as for all of them."""
        self.words.append(("serves", [plan.name for plan in setup.plans]))

    def ends(self) -> None:
        """It ends."""
        self.words.append("ends")

    def reloads(self) -> None:
        """It reloads."""
        self.words.append("reloads")

    def reloaded(self, changed: Sequence[str]) -> None:
        """It has reloaded."""
        self.words.append(("reloaded", *changed))

    def refused(self, error: TailerError) -> None:
        """It has not."""
        self.words.append(("refused", type(error)))


class Staged:
    """A daemon in this very process, asked by a test.

    Args:
        folder: Where its files lie.
        server: Whom it asks.
    """

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.server = server
        self.herald = Heard()
        self.reports: list[Report] = []
        self.listened: list[Address] = []
        self.environ = {"CLOUDFLARE_BASE_URL": server.base_url}
        self.events = folder / "events.jsonl"
        self.daemon: Daemon

    async def write(self, *, token: str | None = None, **changes: str) -> None:
        """Write the configuration and the token file."""
        values = {
            "account": self.server.account,
            "connectors": '["*"]',
            "interval": "100ms",
            "journal": "tailer.db",
            "more": "",
            **changes,
        }
        await in_thread(partial((self.folder / "token").write_text, token or self.server.token))
        await in_thread(partial((self.folder / "tailer.toml").write_text, CONFIG.format(**values)))

    @asynccontextmanager
    async def running(self, *, once: bool = False) -> AsyncIterator[Daemon]:
        """Run a daemon; at the end of the context it is ended, and must end without an error."""
        file = self.folder / "tailer.toml"
        setup = await in_thread(partial(read_setup, file, self.environ))
        self.daemon = daemon = Daemon(
            file,
            setup,
            self.environ,
            once=once,
            herald=self.herald,
            observe=self.reports.append,
            front=Front(self.reports.append, self.listened.append),
        )
        task = asyncio.create_task(daemon.live())
        try:
            yield daemon
        finally:
            daemon.end()
            await asyncio.wait_for(task, PATIENCE)

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait for a state."""
        with anyio.fail_after(PATIENCE):
            while not condition():  # noqa: ASYNC110 - what is looked at tells nobody when it changes
                await asyncio.sleep(0.01)

    async def phase(self, wanted: Phase) -> None:
        """Wait for a phase."""
        await self.wait_for(lambda: self.daemon.phase == wanted)

    async def delivered(self, *, file: str = "events.jsonl", more_than: int = 0) -> list[str]:
        """Wait until enough is delivered; list the ids."""
        path = self.folder / file

        found: list[str]

        def read() -> list[str]:
            text = path.read_bytes() if path.exists() else b""
            whole = text[: text.rfind(b"\n") + 1]  # the last line may be under way
            return [json.loads(line)["id"] for line in whole.splitlines()]

        with anyio.fail_after(PATIENCE):
            while len(found := await in_thread(read)) <= more_than:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
        return found


async def in_thread(function: Callable[[], Any]) -> Any:
    """Call what blocks."""
    return await asyncio.get_running_loop().run_in_executor(None, function)


@pytest.fixture
async def staged(tmp_path: Path) -> AsyncIterator[Staged]:
    """Give a daemon's surroundings: a simulator with some history, and a good configuration."""
    async with serve(SimulatorOptions(connectors=3, history=300.0, rate=5.0), time.time) as server:
        made = Staged(tmp_path, server)
        await made.write()
        yield made


async def test_what_has_not_changed_is_left_alone(staged: Staged) -> None:
    """A reload of the same file says so, and the run goes on as it was."""
    async with staged.running() as daemon:
        await staged.phase("running")
        run = daemon.run

        reloaded = await daemon.reload()

        assert reloaded.changed == ()
        assert daemon.run is run
    assert staged.herald.words == [("serves", ["file"]), "reloads", ("reloaded",), "ends"]


async def test_a_changed_file_is_applied(staged: Staged) -> None:
    """Sinks and polling are what the file says when `reload` returns; counters and budgets go on."""
    async with staged.running() as daemon:
        before = len(await staged.delivered(more_than=20))
        requests, events = daemon.run.requests, daemon.run.tally.events
        budget = daemon.run.fleets[0].crowd.budget
        await staged.write(interval="150ms", more=SECOND)

        reloaded = await daemon.reload()

        assert reloaded.changed == ("polling", "sinks")
        assert daemon.run.fleets[0].pacing.shortest == pytest.approx(0.15)
        assert daemon.run.fleets[0].crowd.budget is budget
        assert daemon.run.requests > requests
        assert daemon.run.tally.events >= events
        assert daemon.run.delivered["file"] >= before
        first = await staged.delivered(more_than=before)
        second = await staged.delivered(file="second.jsonl", more_than=before)
        assert len(set(first)) == len(first)
        assert len(set(second)) == len(second)
    found = [one.connector for one in staged.reports if isinstance(one, ConnectorFound)]
    assert len(found) == len(set(found)) == 3


@pytest.mark.parametrize(
    ("changes", "kind", "told"),
    [
        ({"interval": "1 fortnight"}, ConfigError, "polling.interval"),
        ({"journal": "other.db"}, ConfigError, "journal.path: a running daemon keeps its journal"),
        ({"token": "refused"}, AuthError, "refused"),
        ({"account": "f" * 32}, AuthError, "f" * 32),
    ],
)
async def test_what_can_not_be_applied_changes_nothing(
    staged: Staged, changes: dict[str, str], kind: type[TailerError], told: str
) -> None:
    """A bad file, another journal, a token that is refused: the run goes on without an interruption."""
    async with staged.running() as daemon:
        await staged.phase("running")
        run = daemon.run
        await staged.write(**changes)

        with pytest.raises(kind, match=told):
            await daemon.reload()

        assert daemon.run is run
        assert daemon.phase == "running"
        count = len(await staged.delivered())
        await staged.delivered(more_than=count)
    assert staged.herald.words[-2][0] == "refused"


class BrittleSink:
    """A sink that can't be made."""

    class Config(msgspec.Struct, frozen=True):
        """It takes nothing."""

    def __init__(self, config: Config, context: object) -> None:
        raise ZeroDivisionError("a mistake of its authors")


async def test_a_run_that_can_not_begin_is_given_up(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found wrong only after the old run has ended brings the old configuration back."""
    known = registry.find
    brittle: Any = BrittleSink
    monkeypatch.setattr(
        registry, "find", lambda name, path: brittle if name == "brittle" else known(name, path)
    )
    async with staged.running() as daemon:
        await staged.phase("running")
        count = len(await staged.delivered())
        await staged.write(interval="150ms", more='[[sinks]]\ntype = "brittle"\n')

        with pytest.raises(ConfigError, match="a mistake of its authors"):
            await daemon.reload()

        await staged.phase("running")
        assert daemon.run.fleets[0].pacing.shortest == pytest.approx(0.1)
        first = await staged.delivered(more_than=count)
        assert len(set(first)) == len(first)
    assert staged.herald.words[-3:] == [("refused", ConfigError), ("serves", ["file"]), "ends"]


async def test_the_end_outranks_a_reload(staged: Staged) -> None:
    """A daemon that is asked to end while it reloads ends, whatever the reload has come to."""
    async with staged.running() as daemon:
        await staged.phase("running")
        await staged.write(interval="150ms")
        reload = asyncio.create_task(daemon.reload())
        await staged.wait_for(lambda: "reloads" in staged.herald.words)
        await asyncio.sleep(0)
        daemon.end()
        with pytest.raises(ControlError, match="is ending"):
            await reload
        with pytest.raises(ControlError, match="is ending"):
            await daemon.reload()
    assert staged.herald.words[-1] == ("refused", ControlError)


@pytest.mark.parametrize("moment", ["old run drains", "new run begins"])
async def test_the_end_comes_in_the_middle_of_a_reload(
    staged: Staged, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two runs as well the end is the end, and leaves nothing behind."""
    drained = Run.drain
    entered = Run.__aenter__

    async def enter(run: Run) -> Run:
        if moment == "new run begins":
            staged.daemon.end()
        return await entered(run)

    def drain(run: Run) -> None:
        drained(run)
        if moment == "old run drains":
            staged.daemon.end()

    async with staged.running() as daemon:
        await staged.phase("running")
        monkeypatch.setattr(Run, "drain", drain)
        monkeypatch.setattr(Run, "__aenter__", enter)
        await staged.write(interval="150ms")
        with pytest.raises(ControlError, match="is ending"):
            await daemon.reload()
    assert [word for word in staged.herald.words if word[0] == "serves"] == [("serves", ["file"])]


async def test_reloads_wait_for_each_other(staged: Staged) -> None:
    """Of two at once the second reads the file once more, and finds it applied."""
    async with staged.running() as daemon:
        await staged.phase("running")
        await staged.write(interval="150ms")

        changed = await asyncio.gather(daemon.reload(), daemon.reload())

        assert [one.changed for one in changed] == [("polling",), ()]


async def test_hanging_up_reloads(staged: Staged) -> None:
    """SIGHUP has no one to answer to: the herald hears what came of it, bad or good."""
    async with staged.running() as daemon:
        await staged.phase("running")
        await staged.write(interval="nonsense")
        daemon.hang_up()
        await staged.wait_for(lambda: ("refused", ConfigError) in staged.herald.words)
        await staged.write(interval="150ms")
        daemon.hang_up()
        await staged.wait_for(lambda: ("reloaded", "polling") in staged.herald.words)


async def test_a_run_that_waits_for_the_api_can_be_told_another_way(staged: Staged) -> None:
    """A daemon whose API never answered takes a better address; it does not have to be restarted."""
    good = staged.environ["CLOUDFLARE_BASE_URL"]
    staged.environ["CLOUDFLARE_BASE_URL"] = "http://127.0.0.1:9/nothing"
    async with staged.running() as daemon:
        await staged.wait_for(lambda: bool(staged.reports))
        assert daemon.phase == "starting"
        staged.environ["CLOUDFLARE_BASE_URL"] = good

        reloaded = await daemon.reload()

        assert reloaded.changed == ("api",)
        await staged.phase("running")


async def test_a_daemon_that_runs_once_keeps_its_configuration(staged: Staged) -> None:
    """It ends by itself; what is changed meanwhile is for the next."""
    async with staged.running(once=True) as daemon:
        await staged.write(interval="150ms")
        with pytest.raises(ControlError, match="runs once"):
            await daemon.reload()


async def test_other_bounds_of_the_journal_are_applied(staged: Staged) -> None:
    """The journal is opened with them; nobody else gets it in between, and nothing in it is lost."""
    async with staged.running() as daemon:
        before = await staged.delivered(more_than=20)
        await staged.write(more='max_size = "100MiB"')

        assert (await daemon.reload()).changed == ("journal",)

        after = await staged.delivered(more_than=len(before))
        assert len(set(after)) == len(after)
        other = Daemon(
            staged.folder / "tailer.toml",
            await in_thread(partial(read_setup, staged.folder / "tailer.toml", staged.environ)),
            staged.environ,
            once=False,
            herald=Heard(),
            observe=staged.reports.append,
            front=Front(staged.reports.append, staged.listened.append),
        )
        with pytest.raises(JournalLockedError):
            await other.live()


async def test_a_journal_in_memory_is_handed_over(staged: Staged) -> None:
    """What a sink has taken is not read again, though nothing of it is on the disk."""
    await staged.write(journal=":memory:")
    async with staged.running() as daemon:
        before = await staged.delivered(more_than=20)
        await staged.write(journal=":memory:", more=SECOND)

        assert (await daemon.reload()).changed == ("sinks",)

        after = await staged.delivered(more_than=len(before))
        assert len(set(after)) == len(after)
        new = await staged.delivered(file="second.jsonl")
        assert not {*new} & {*before}
        await staged.write(journal=":memory:")
        assert (await daemon.reload()).changed == ("sinks",)
        assert daemon.run.journal.readers == ["file", "second"]


async def is_heard(address: Address) -> bool:
    """Ask a service for its health."""
    try:
        reader, writer = await asyncio.open_connection(address.host, address.port)
    except OSError:
        return False
    writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.startswith(b"HTTP/1.1 503")  # nothing is shown in these tests


async def test_the_service_moves_with_the_file(staged: Staged) -> None:
    """Another address is listened on, the former one is left; without one there is no service."""
    await staged.write(more='[service]\nlisten = "127.0.0.1:0"')
    async with staged.running() as daemon:
        await staged.phase("running")
        assert await is_heard(staged.listened[0])
        await staged.write(interval="150ms", more='[service]\nlisten = "127.0.0.1:0"')
        await daemon.reload()
        assert await is_heard(staged.listened[0])
        await staged.write(more='[service]\nlisten = "localhost:0"')
        await daemon.reload()
        assert not await is_heard(staged.listened[0])
        assert await is_heard(staged.listened[1])
        await staged.write()
        assert (await daemon.reload()).changed == ("service",)
        assert not await is_heard(staged.listened[1])


async def test_a_port_that_is_taken_changes_nothing(staged: Staged) -> None:
    """The service goes on where it was, and the run as well."""
    await staged.write(more='[service]\nlisten = "127.0.0.1:0"')
    async with staged.running() as daemon:
        await staged.phase("running")
        run = daemon.run
        taken = staged.server.base_url.split("/")[2]
        await staged.write(interval="150ms", more=f'[service]\nlisten = "{taken}"')
        with pytest.raises(ConfigError, match="another program has this port"):
            await daemon.reload()
        assert daemon.run is run
        assert await is_heard(staged.listened[-1])


async def test_a_budget_that_is_paused_is_waited_for_elsewhere(staged: Staged) -> None:
    """Delivery is not interrupted for a run that could not begin for minutes; it is said when it could."""
    async with staged.running() as daemon:
        await staged.phase("running")
        run = daemon.run
        run.fleets[0].crowd.budget.pause(240.0, run.clock.monotonic())
        await staged.write(more=SECOND)

        with pytest.raises(ControlError, match="lets nothing out for another 4m"):
            await daemon.reload()

        assert daemon.run is run


async def test_an_api_that_is_away_changes_nothing(staged: Staged) -> None:
    """So it is with an API that does not answer: what is journaled goes on being delivered."""
    async with staged.running() as daemon:
        await staged.phase("running")
        run = daemon.run
        staged.environ["CLOUDFLARE_BASE_URL"] = "http://127.0.0.1:9/nothing"

        with pytest.raises(ApiError):
            await daemon.reload()

        assert daemon.run is run
        assert daemon.phase == "running"


async def test_a_journal_that_was_taken_in_between_ends_the_daemon(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened with other bounds, it may be lost to another process; then nothing is left to be done."""
    reopened: list[bool] = []

    async def lose(journal: SqliteJournal) -> None:
        reopened.append(True)
        raise JournalLockedError("somebody was quick")

    async def reload() -> None:
        async with staged.running() as daemon:
            await staged.phase("running")
            monkeypatch.setattr(SqliteJournal, "open", lose)
            await staged.write(more='max_size = "100MiB"')
            with pytest.raises(JournalLockedError):
                await daemon.reload()
            await staged.wait_for(lambda: len(reopened) > 1)

    with pytest.raises(JournalLockedError, match="somebody was quick"):
        await reload()
