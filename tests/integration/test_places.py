import io
import os
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from anyio.to_thread import run_sync as in_thread

from tailer.app.check.findings import Finding
from tailer.app.check.places import check_address, check_dead_letters, check_journal, check_sink
from tailer.app.exitcode import ExitCode
from tailer.config.addresses import Address
from tailer.errors import SinkUnavailableError
from tailer.interfaces import DeadLetter, Resume
from tailer.journal.sqlite import SqliteJournal
from tailer.model import Batch, Event, Source
from tailer.sinks.dead_letters import DeadLetterFile
from tailer.sinks.options import SinkContext, SinkOptions
from tailer.sinks.registry import SinkPlan, plan


class Mute:
    """A third party's sink that can't be checked."""

    class Config(msgspec.Struct):
        """No options."""

    def __init__(self, config: Config, context: SinkContext) -> None:
        self.name = context.name

    async def open(self, resume: Resume) -> bytes | None:
        """Never called."""
        raise AssertionError

    async def write(self, batch: Batch) -> bytes | None:
        """Never called."""
        raise AssertionError

    async def close(self) -> None:
        """Never called."""
        raise AssertionError


class Away(Mute):
    """One whose counterpart is away."""

    async def check(self) -> str:
        """Say so."""
        raise SinkUnavailableError("Sink 'x' finds nobody; start it")


class Broken(Mute):
    """One with a mistake in it."""

    async def check(self) -> str:
        """Fail."""
        raise KeyError("oops")


class Silent(Mute):
    """One that never comes to an end."""

    async def check(self) -> str:
        """Wait for ever."""
        await anyio.sleep_forever()
        return ""


async def look(sink: Any) -> Finding:
    """Check such a sink."""
    wanted = SinkPlan("x", SinkOptions(type="mute"), Mute.Config(), sink)
    return await check_sink(wanted, io.BytesIO(), {})


async def file_sink(folder: Path, name: str) -> Finding:
    """Check a file sink."""
    wanted = await in_thread(partial(plan, {"type": "file", "path": name}, "sinks[0]", folder))
    return await check_sink(wanted, io.BytesIO(), {})


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(file.name for file in folder.iterdir())


async def test_file_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    """A look leaves no file behind."""
    found = await file_sink(tmp_path, "e.jsonl")
    assert (found.state, names(tmp_path)) == ("ok", [])
    assert "is made when it is needed" in found.text


async def test_file_that_exists_is_not_touched(tmp_path: Path) -> None:
    """Its length is told, and stays."""
    file = tmp_path / "e.jsonl"
    file.write_bytes(b"{}\n")
    before = file.stat()
    found = await file_sink(tmp_path, "e.jsonl")
    assert (found.state, file.stat()) == ("ok", before)
    assert "has 3 bytes" in found.text


@pytest.mark.parametrize(("name", "words"), [("no/e.jsonl", "folder does not exist"), (".", "is a folder")])
async def test_file_that_can_t_be_is_an_error(tmp_path: Path, name: str, words: str) -> None:
    """What would keep a run from delivering is said now, with what to do."""
    found = await file_sink(tmp_path, name)
    assert (found.state, found.code) == ("error", ExitCode.FAILED)
    assert words in found.text


async def test_sink_that_can_t_be_checked_says_so() -> None:
    """A third party need not have a check; then nothing is claimed."""
    found = await look(Mute)
    assert (found.state, found.code) == ("warning", ExitCode.DONE)
    assert "not checked" in found.text


@pytest.mark.parametrize(
    ("sink", "words"),
    [(Away, "finds nobody"), (Broken, "KeyError"), (Silent, "no answer within")],
)
async def test_sink_that_fails_is_an_error_and_no_more(
    sink: type[Mute], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a sink's check does, the others are still looked at."""
    monkeypatch.setattr("tailer.app.check.places.PATIENCE", 0.01)
    found = await look(sink)
    assert (found.state, found.code) == ("error", ExitCode.FAILED)
    assert words in found.text


async def test_journal_in_use_is_told_and_left_alone(tmp_path: Path) -> None:
    """Beside an owner at work a look names it, and the owner goes on."""
    path = tmp_path / "tailer.db"
    journal = SqliteJournal(path)
    await journal.open()
    try:
        before = names(tmp_path)
        found = await check_journal(path)
        assert found.state == "ok"
        assert f"process {os.getpid()} on " in found.text
        assert names(tmp_path) == before
        await journal.release(await journal.claim("acc"))
    finally:
        await journal.close()
    assert "nobody is running with it" in (await check_journal(path)).text


async def test_journal_that_is_none_is_an_error(tmp_path: Path) -> None:
    """A file that is no journal is named and stays what it is."""
    path = tmp_path / "tailer.db"
    path.write_text("a diary" * 200)
    found = await check_journal(path)
    assert (found.state, found.code) == ("error", ExitCode.FAILED)
    assert path.read_text() == "a diary" * 200


@pytest.mark.parametrize("path", [None, ":memory:"])
async def test_journal_in_memory_needs_nothing(path: None) -> None:
    """Without a file there is nothing that could be in the way."""
    assert (await check_journal(path)).state == "ok"


async def test_journal_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    """A folder to make it in is enough; without one it is an error."""
    assert (await check_journal(tmp_path / "tailer.db")).state == "ok"
    assert (await check_journal(tmp_path / "no" / "tailer.db")).state == "error"
    assert names(tmp_path) == []


@pytest.fixture
def taken() -> Iterator[Address]:
    """An address where somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Address("127.0.0.1", listener.getsockname()[1])


async def test_address_that_is_taken_is_the_daemon_s_or_an_error(taken: Address, tmp_path: Path) -> None:
    """Whoever listens there is the daemon if one is running with the journal; else it is in the way."""
    path = tmp_path / "tailer.db"
    found = await check_address(taken, path)
    assert (found.state, found.code) == ("error", ExitCode.MISUSED)
    journal = SqliteJournal(path)
    await journal.open()
    try:
        assert (await check_address(taken, path)).state == "ok"
    finally:
        await journal.close()
    assert (await check_address(taken, ":memory:")).state == "error"


async def test_address_that_is_free_stays_free(taken: Address) -> None:
    """Nothing is bound by the look; an address that others can reach is warned about."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert (await check_address(Address("127.0.0.1", port), None)).state == "ok"
    assert (await check_address(Address("0.0.0.0", port), None)).state == "warning"  # noqa: S104 - not bound
    with socket.create_server(("127.0.0.1", port)):
        pass


async def test_dead_letters_that_wait_are_told(tmp_path: Path) -> None:
    """Nothing to tell is no line; events that wait are a warning, a place that can take none is an error."""
    path = tmp_path / "tailer.dead.jsonl"
    assert await check_dead_letters(None) is None
    assert await check_dead_letters(path) is None
    event = Event(5, 1, "Leave", 6, Source("acc", "con", "gw", "", 7.0))
    await DeadLetterFile(path).add([DeadLetter("siem", event, "too long", 8.0)])
    waiting = await check_dead_letters(path)
    assert waiting is not None
    assert (waiting.state, waiting.text.split(" rejected")[0]) == ("warning", "1 event was")
    for place in (tmp_path / "no" / "dead.jsonl", tmp_path):
        found = await check_dead_letters(place)
        assert found is not None
        assert (found.state, found.code) == ("error", ExitCode.FAILED)
