"""The file sink holds every event exactly once, wherever the process dies."""

import io
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

from tailer.core.rotation import Retention
from tailer.interfaces import Resume
from tailer.observe import ignore
from tailer.sinks import appended, archive, compression, filesystem, recovery
from tailer.sinks.file import FileSink
from tailer.sinks.options import SinkContext
from tailer.testing.sink_contract import deliver, ids_of, make_batch
from tests.integration.desk import ids_in

BATCHES = [make_batch(1, 2), make_batch(3, 40), make_batch(41, 41), make_batch(42, 60), make_batch(61, 62)]


class Killed(BaseException):
    """The process was killed: no handler of the program's runs."""


class Kernel:
    """Stands in for `os` in the sink: dies at the call whose turn it is, and half-way through a write.

    Args:
        turn: Number of the call, from 0, that does not come back.
    """

    CALLS = frozenset(
        {"open", "close", "write", "fsync", "ftruncate", "fstat", "pread", "scandir"}
        | {"rename", "unlink", "fchmod", "fdopen", "utime"}
    )

    def __init__(self, turn: int) -> None:
        self._turn = turn
        self._open: set[int] = set()
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        """Give a function of `os` that counts its calls, and everything else as it is."""
        real = getattr(os, name)
        if name not in self.CALLS:
            return real

        def call(*arguments: Any, **options: Any) -> Any:
            if self.calls == self._turn:
                if name == "write":
                    os.write(arguments[0], arguments[1][: len(arguments[1]) // 2])
                self.die()
            self.calls += 1
            result = real(*arguments, **options)
            if name == "open":
                self._open.add(result)
            elif name in {"close", "fdopen"}:  # a file object closes by itself
                self._open.discard(arguments[0])
            return result

        return call

    def die(self) -> None:
        """Let go of all files, as the end of a process does."""
        for number in self._open:
            os.close(number)
        self._open.clear()
        raise Killed

    def rule(self, patch: pytest.MonkeyPatch) -> None:
        """Take the place of `os`."""
        for module in (appended, archive, compression, filesystem, recovery):
            patch.setattr(module, "os", self)


async def _live(
    path: Path, committed: SimpleNamespace, rename: Callable[[int], None], options: dict[str, Any]
) -> None:
    """Live one life of the process: open, then write and commit what is not committed yet."""
    context = SinkContext("log", io.BytesIO(), {}, ignore)
    sink = FileSink(FileSink.Config(path=path, **options), context)
    committed.state = await sink.open(Resume(committed.count, committed.state))
    while committed.count < len(BATCHES):
        await anyio.to_thread.run_sync(rename, committed.count)
        state = await deliver(sink, BATCHES[committed.count], partial(setattr, committed, "state"))
        committed.state, committed.count = state, committed.count + 1
    await sink.close()


def _ids_in(folder: Path) -> list[str]:
    """Read all files of a folder that don't hide, the live one last."""
    paths = sorted(folder.glob("events*"), key=lambda path: (path.name == "events.jsonl", path.name))
    return [one for path in paths for one in ids_in(path)]


def _die_and_go_on(
    folder: Path, turn: int, patch: pytest.MonkeyPatch, *, renamed_before: int | None, **options: Any
) -> bool:
    """Die at a call, and once more while going on; then live to the end. Tell whether the first life died."""
    path = folder / "events.jsonl"

    def rename(count: int) -> None:
        if count == renamed_before and not path.with_suffix(".jsonl.0").exists():
            path.rename(path.with_suffix(".jsonl.0"))

    committed = SimpleNamespace(state=None, count=0)
    died = []
    for last_call in (turn, turn % 13, sys.maxsize):
        Kernel(last_call).rule(patch)
        try:
            anyio.run(_live, path, committed, rename, options)
            died.append(False)
        except Killed:
            died.append(True)
    return died[0]


@pytest.mark.parametrize(
    ("renamed_before", "rotate_size"),
    [
        *((renamed_before, None) for renamed_before in (None, 1, 2, 4)),
        *((renamed_before, 8000) for renamed_before in (None, 2)),
        *(
            pytest.param(renamed_before, rotate_size, marks=pytest.mark.long)
            for renamed_before in (None, 1, 2, 4)
            for rotate_size in (1, 2000)
        ),
    ],
)
def test_death_at_every_system_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renamed_before: int | None, rotate_size: int | None
) -> None:
    """Dying at any system call, half-way through a write too and with rotations around it, costs nothing."""
    for turn in range(1000):
        folder = tmp_path / str(turn)
        folder.mkdir()
        died = _die_and_go_on(
            folder, turn, monkeypatch, renamed_before=renamed_before, rotate_size=rotate_size
        )
        told = _ids_in(folder)
        if rotate_size is None:
            assert told == ids_of(*BATCHES), f"died at call {turn}"
        assert sorted(told) == sorted(ids_of(*BATCHES)), f"died at call {turn}"
        assert not list(folder.glob(".*"))
        if not died:
            assert turn > 20
            return
    pytest.fail("a life never came to its end")


def test_death_at_every_call_of_the_upkeep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dying at any system call of compression and deletion leaves every event of what is kept, once."""
    kept = {f"events-2026112{day}T000000Z.jsonl": ids_of(make_batch(10 * day, 11 * day)) for day in (1, 2, 3)}
    for turn in range(1000):
        folder = tmp_path / str(turn)
        folder.mkdir()
        (folder / "events-20261120T000000Z.jsonl").write_text("too old\n")
        for name, ids in kept.items():
            (folder / name).write_text("".join(f'{{"id":"{one}"}}\n' for one in ids))
        care = archive.Archive(folder / "events.jsonl", compressing=True, retention=Retention(3))
        died = False
        for last_call in (turn, turn % 17):
            Kernel(last_call).rule(monkeypatch)
            try:
                care.tidy(0.0, lambda: False)
            except Killed:
                died = True
        monkeypatch.undo()
        for name, ids in kept.items():
            assert [ids_in(path) for path in folder.glob(f"{name}*")] in ([ids], [ids, ids]), (
                f"died at call {turn}"
            )
        assert care.tidy(0.0, lambda: False).failed == []
        assert sorted(path.name for path in folder.iterdir()) == [f"{name}.gz" for name in kept]
        assert _ids_in(folder) == [one for ids in kept.values() for one in ids]
        if not died:
            assert turn > 30
            return
    pytest.fail("the upkeep never came to its end")


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
