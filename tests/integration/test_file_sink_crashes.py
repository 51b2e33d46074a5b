"""The file sink holds every event exactly once, wherever the process dies."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from tailer.interfaces import Resume
from tailer.observe import ignore
from tailer.sinks import appended
from tailer.sinks.file import FileSink
from tailer.sinks.options import SinkContext
from tailer.testing.sink_contract import deliver, ids_of, make_batch

BATCHES = [make_batch(1, 2), make_batch(3, 40), make_batch(41, 41), make_batch(42, 60), make_batch(61, 62)]


class Killed(BaseException):
    """The process was killed: no handler of the program's runs."""


class Kernel:
    """Stands in for `os` in the sink: dies at the call whose turn it is, and half-way through a write.

    Args:
        turn: Number of the call, from 0, that does not come back.
    """

    def __init__(self, turn: int) -> None:
        self._turn = turn
        self._open: set[int] = set()
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        """Give a function of `os` that counts its calls, and everything else as it is."""
        real = getattr(os, name)
        if name not in {"open", "close", "write", "fsync", "ftruncate", "fstat", "pread", "scandir"}:
            return real

        def call(*arguments: Any) -> Any:
            if self.calls == self._turn:
                if name == "write":
                    os.write(arguments[0], arguments[1][: len(arguments[1]) // 2])
                self.die()
            self.calls += 1
            result = real(*arguments)
            if name == "open":
                self._open.add(result)
            elif name == "close":
                self._open.discard(arguments[0])
            return result

        return call

    def die(self) -> None:
        """Let go of all files, as the end of a process does."""
        for number in self._open:
            os.close(number)
        self._open.clear()
        raise Killed


async def _live(path: Path, committed: SimpleNamespace, rename: Callable[[int], None]) -> None:
    """Live one life of the process: open, then write and commit what is not committed yet."""
    with open(os.devnull, "wb") as nowhere:  # noqa: ASYNC230, PTH123 - a stream that is not written to
        sink = FileSink(FileSink.Config(path=path), SinkContext("log", nowhere, {}, ignore))
    committed.state = await sink.open(Resume(committed.count, committed.state))
    while committed.count < len(BATCHES):
        await anyio.to_thread.run_sync(rename, committed.count)
        state = await deliver(sink, BATCHES[committed.count], partial(setattr, committed, "state"))
        committed.state, committed.count = state, committed.count + 1
    await sink.close()


def _ids_in(folder: Path) -> list[str]:
    """Read all files of a folder, the oldest first: events.jsonl.0, .1 and so on, then the live one."""
    paths = sorted(folder.glob("events.jsonl*"), key=lambda path: (path.suffix == ".jsonl", path.name))
    return [json.loads(line)["id"] for path in paths for line in path.read_text().splitlines()]


def _die_and_go_on(folder: Path, turn: int, renamed_before: int | None, patch: pytest.MonkeyPatch) -> bool:
    """Die at a call, and once more while going on; then live to the end. Tell whether the first life died."""
    path = folder / "events.jsonl"

    def rename(count: int) -> None:
        if count == renamed_before and not path.with_suffix(".jsonl.0").exists():
            path.rename(path.with_suffix(".jsonl.0"))

    committed = SimpleNamespace(state=None, count=0)
    died = []
    for last_call in (turn, turn % 13, sys.maxsize):
        patch.setattr(appended, "os", Kernel(last_call))
        try:
            anyio.run(_live, path, committed, rename)
            died.append(False)
        except Killed:
            died.append(True)
    return died[0]


@pytest.mark.parametrize("renamed_before", [None, 1, 2, 4])
def test_death_at_every_system_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renamed_before: int | None
) -> None:
    """Dying at any system call, half-way through a write too and with a rotation around it, costs nothing."""
    for turn in range(1000):
        folder = tmp_path / str(turn)
        folder.mkdir()
        died = _die_and_go_on(folder, turn, renamed_before, monkeypatch)
        assert _ids_in(folder) == ids_of(*BATCHES), f"died at call {turn}"
        if not died:
            assert turn > 20
            return
    pytest.fail("a life never came to its end")


WRITER = """
import os, sys
from pathlib import Path
import anyio
from tailer.interfaces import Resume
from tailer.sinks.file import FileSink
from tailer.sinks.options import SinkContext
from tailer.model import Batch, Event, Source
from tailer.testing.sink_contract import deliver

folder, last = Path(sys.argv[1]), int(sys.argv[2])
journal = folder / "journal"

def commit(count, state):
    journal.with_name("new").write_bytes(b"%d " % count + state)
    journal.with_name("new").replace(journal)

source = Source("a", "c", "name", "serial", 0.0)

async def main():
    count, _, state = journal.read_bytes().partition(b" ") if journal.exists() else (b"0", b"", b"")
    count = int(count)
    context = SinkContext("log", sys.stdout.buffer, {}, print)
    sink = FileSink(FileSink.Config(path=folder / "events.jsonl"), context)
    commit(count, await sink.open(Resume(count, state or None)))
    print("writing", flush=True)
    while count < last:
        events = [Event(t=t, n=0, k="Init", a=t, source=source) for t in range(count, count + 50)]
        state = await deliver(sink, Batch(events), lambda state: commit(count, state))
        count += 50
        commit(count, state)
    await sink.close()

anyio.run(main)
"""


def _start(folder: Path, last: int) -> "subprocess.Popen[bytes]":
    """Start a writer and wait until it writes."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(last)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"writing\n"
    return process


def test_kill_9_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """A process that is killed again and again, its file renamed under it, writes every event once."""
    chance = random.Random(1)
    for round_ in range(5):
        process = _start(tmp_path, 10**9)
        time.sleep(chance.uniform(0, 0.05))
        if round_ % 2:
            (tmp_path / "events.jsonl").rename(tmp_path / f"events.jsonl.{round_}")
            time.sleep(chance.uniform(0, 0.02))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    committed = int((tmp_path / "journal").read_bytes().partition(b" ")[0])
    process = _start(tmp_path, committed + 500)
    said, _ = process.communicate()
    assert (process.returncode, said) == (0, b"")
    assert _ids_in(tmp_path) == [f"a/c/{t}.0" for t in range(committed + 500)]
