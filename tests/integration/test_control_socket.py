from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tailer.app.control import server
from tailer.app.control.client import ask
from tailer.app.control.place import MAX_PATH_BYTES, connect, listen, socket_of
from tailer.app.control.protocol import MAX_REQUEST_BYTES
from tailer.app.control.server import Command, Commands, ControlServer, NoArguments
from tailer.errors import ConfigError, ControlError, NoDaemonError
from tailer.observe import CommandFailed, Report


class Greeting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of a command of the tests."""

    name: str


async def _greet(arguments: Greeting) -> dict[str, str]:
    return {"greeting": f"hello {arguments.name}"}


async def _refuse(_: NoArguments) -> None:
    raise ConfigError(["a mistake", "another"])


async def _break(_: NoArguments) -> None:
    raise LookupError("not there")


async def _large(_: NoArguments) -> str:
    return "x" * 5_000_000


COMMANDS: Commands = {
    "greet": Command(Greeting, _greet),
    "refuse": Command(NoArguments, _refuse),
    "break": Command(NoArguments, _break),
    "large": Command(NoArguments, _large),
}


class Daemon:
    """A served socket; `ask` asks it as the command line does, in a thread.

    Attributes:
        reports: What it was told.
    """

    def __init__(self, journal: Path, path: Path) -> None:
        self.journal = journal
        self.path = path
        self.reports: list[Report] = []

    async def ask(self, command: str, **arguments: Any) -> Any:
        """Ask."""
        return await in_thread(partial(ask, self.journal, command, result=object, **arguments))

    async def raw(self, data: bytes) -> bytes:
        """Send something, and read all that comes."""
        reader, writer = await asyncio.open_unix_connection(os.fspath(self.path))
        writer.write(data)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


async def in_thread(function: Callable[[], Any]) -> Any:
    """Call what blocks."""
    return await asyncio.get_running_loop().run_in_executor(None, function)


@asynccontextmanager
async def daemon(journal: Path, commands: Commands = COMMANDS) -> AsyncIterator[Daemon]:
    """Serve commands beside a journal."""
    started = Daemon(journal, await in_thread(partial(socket_of, journal)))
    listener: socket.socket = await in_thread(partial(listen, started.path))
    with listener:
        control = ControlServer(listener, commands, program="1.0", observe=started.reports.append)
        task = asyncio.create_task(control.serve())
        try:
            yield started
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_command_is_done_and_answered(tmp_path: Path) -> None:
    """Arguments go in, the result comes out."""
    async with daemon(tmp_path / "j.db") as asked:
        assert await asked.ask("greet", name="you") == {"greeting": "hello you"}


async def test_a_large_answer_comes_whole(tmp_path: Path) -> None:
    """A status of thousands of connectors is more than a socket takes at once."""
    async with daemon(tmp_path / "j.db") as asked:
        assert await asked.ask("large") == "x" * 5_000_000


async def test_only_its_user_may_connect(tmp_path: Path) -> None:
    """The socket has mode 0600, whatever the umask; and the umask is as before."""
    before = os.umask(0o000)
    try:
        async with daemon(tmp_path / "j.db") as asked:
            assert stat.S_IMODE(asked.path.stat().st_mode) == 0o600
            assert os.umask(0o000) == 0o000
    finally:
        os.umask(before)


async def test_errors_are_told_to_who_asked(tmp_path: Path) -> None:
    """A refusal keeps its family and all its sentences."""
    async with daemon(tmp_path / "j.db") as asked:
        with pytest.raises(ConfigError) as caught:
            await asked.ask("refuse")
        assert caught.value.mistakes == ("a mistake", "another")


async def test_a_broken_command_breaks_nothing_else(tmp_path: Path) -> None:
    """A mistake of the program is told to the client and to the log, and the next command is served."""
    async with daemon(tmp_path / "j.db") as asked:
        with pytest.raises(ControlError, match="a bug in the daemon: LookupError: not there"):
            await asked.ask("break")
        assert asked.reports == [CommandFailed("break", "LookupError: not there")]
        assert await asked.ask("greet", name="you") == {"greeting": "hello you"}


@pytest.mark.parametrize(
    ("command", "arguments", "told"),
    [
        ("gret", {}, 'has no command "gret"; did you mean "greet"'),
        ("xyz", {}, "known here: break, greet, large, refuse"),
        ("greet", {}, "greet: .*`name`"),
        ("greet", {"name": 5}, "greet: .*`str`"),
        ("greet", {"name": "you", "age": 5}, "greet: .*`age`"),
        ("refuse", {"why": 1}, "refuse: .*`why`"),
    ],
)
async def test_what_can_not_be_done_is_told(
    tmp_path: Path, command: str, arguments: dict[str, Any], told: str
) -> None:
    """An unknown command names the known ones; a wrong argument is named."""
    async with daemon(tmp_path / "j.db") as asked:
        with pytest.raises(ControlError, match=told):
            await asked.ask(command, **arguments)


@pytest.mark.parametrize(
    "data",
    [
        b"hello\n",
        b'{"version": 1, "command": "gre',
        b'{"version": 7, "command": "greet"}\n',
        b"\x00\xff" * 1000,
        b"[" * (MAX_REQUEST_BYTES * 3),
        b"\n",
        b"",
    ],
)
async def test_rubbish_harms_nobody(tmp_path: Path, data: bytes) -> None:
    """It is answered with an error, or not at all, and the next client is served."""
    async with daemon(tmp_path / "j.db") as asked:
        try:
            answer = await asked.raw(data)
        except ConnectionError:
            answer = b""
        assert b'"result":null' in answer or not answer
        assert await asked.ask("greet", name="you") == {"greeting": "hello you"}


async def test_clients_that_hang_delay_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silent ones, half a line, and one that never reads its answer: all are dropped, others are served."""
    monkeypatch.setattr(server, "PATIENCE", 0.3)
    async with daemon(tmp_path / "j.db") as asked:
        silent: list[socket.socket] = []
        for data in (b"", b'{"version": 1, ', b'{"version": 1, "command": "large"}\n') * 5:
            hanging = await in_thread(partial(connect, asked.path, 10.0))
            hanging.sendall(data)
            silent.append(hanging)

        assert await asked.ask("greet", name="you") == {"greeting": "hello you"}
        for hanging in silent[::3]:
            assert await in_thread(partial(hanging.recv, 1)) == b""
        for hanging in silent:
            hanging.close()


async def test_more_clients_than_places_are_all_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who does not fit waits in turn, and hanging ones make room."""
    monkeypatch.setattr(server, "PATIENCE", 0.2)
    monkeypatch.setattr(server, "MAX_CLIENTS", 2)
    async with daemon(tmp_path / "j.db") as asked:
        hanging = [await in_thread(partial(connect, asked.path, 10.0)) for _ in range(4)]
        answers = await asyncio.gather(*(asked.ask("greet", name=str(number)) for number in range(8)))
        for one in hanging:
            one.close()

    assert [answer["greeting"] for answer in answers] == [f"hello {number}" for number in range(8)]


async def test_without_a_daemon_it_is_said_so(tmp_path: Path) -> None:
    """No socket, a stale one, no folder: nobody is there, which is no failure of the connection."""
    journal = tmp_path / "j.db"
    with pytest.raises(NoDaemonError, match="no daemon runs: nobody listens at"):
        await in_thread(partial(ask, journal, "greet", result=object))
    async with daemon(journal):
        pass
    assert await in_thread(journal.with_name("j.db.sock").is_socket)
    with pytest.raises(NoDaemonError):
        await in_thread(partial(ask, journal, "greet", result=object))
    with pytest.raises(NoDaemonError):
        await in_thread(partial(ask, tmp_path / "none" / "j.db", "greet", result=object))


async def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    """What a killed process left behind is in nobody's way."""
    journal = tmp_path / "j.db"
    async with daemon(journal):
        pass
    async with daemon(journal) as asked:
        assert await asked.ask("greet", name="you") == {"greeting": "hello you"}


async def test_a_live_socket_is_left_alone(tmp_path: Path) -> None:
    """Nobody takes the place of a daemon that answers."""
    async with daemon(tmp_path / "j.db") as asked:
        with pytest.raises(ControlError, match="another process listens there"):
            await in_thread(partial(listen, asked.path))
        assert await asked.ask("greet", name="you") == {"greeting": "hello you"}


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    """Somebody's file is not removed for the sake of a socket."""
    path = tmp_path / "j.db.sock"
    path.write_text("precious")

    with pytest.raises(ControlError, match="is no socket"):
        listen(path)
    assert path.read_text() == "precious"


async def test_a_long_path_works(tmp_path: Path) -> None:
    """The kernel takes some hundred bytes; a journal in a deep folder is commanded all the same."""
    folder = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 8)
    await in_thread(partial(folder.mkdir, parents=True))
    assert len(os.fsencode(folder)) > MAX_PATH_BYTES
    async with daemon(folder / "j.db") as asked:
        assert stat.S_ISSOCK(asked.path.lstat().st_mode)
        assert await asked.ask("greet", name="you") == {"greeting": "hello you"}


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    """There is no way round the name itself; the sentence says what to do."""
    path = socket_of(tmp_path / ("x" * 150))

    with pytest.raises(ControlError, match="give the journal a shorter one"):
        listen(path)


async def test_links_lead_to_one_socket(tmp_path: Path) -> None:
    """A daemon is found by every path that leads to its journal."""
    (tmp_path / "real").mkdir()
    journal = tmp_path / "real" / "j.db"
    journal.touch()
    (tmp_path / "link.db").symlink_to(journal)
    async with daemon(journal) as asked:
        asked.journal = tmp_path / "link.db"
        assert await asked.ask("greet", name="you") == {"greeting": "hello you"}


def test_a_daemon_that_does_not_answer_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    """The command line ends with a sentence."""
    journal = tmp_path / "j.db"
    with listen(socket_of(journal)), pytest.raises(ControlError, match=r"has not answered within 0\.1s"):
        ask(journal, "greet", result=object, timeout=0.1)
