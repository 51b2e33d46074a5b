"""The file sink holds every event exactly once, wherever the process dies."""

import io
import os
import random
import signal
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
from tailer.sinks import appended, filesystem
from tailer.sinks.file import archive, compression, recovery
from tailer.sinks.file import sink as file
from tailer.sinks.file.sink import FileSink
from tailer.sinks.options import SinkContext
from tailer.testing.sink_contract import deliver, ids_of, make_batch
from tests.integration import file_writer
from tests.integration.desk import ids_in

BATCHES = [make_batch(1, 2), make_batch(3, 40), make_batch(41, 41), make_batch(42, 60), make_batch(61, 62)]


LONG = (pytest.mark.long, pytest.mark.timeout(600))


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
    monkeypatch.setattr(file, "SUCCESSOR_PATIENCE", 0.0)  # nobody makes one, hundreds of times
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


ROTATING = {"rotate_size": 300_000, "compress": "gzip"}
"""Compression takes about as long as it takes to fill a file, so that kills meet it."""


def _kill_again_and_again(folder: Path, rounds: int, options: dict[str, Any], *, renaming: bool) -> int:
    """Kill writers at random instants, then let one come to its end; give the number of events."""
    (folder / "logs").mkdir()
    path = folder / "logs" / "events.jsonl"
    chance = random.Random(1)
    for round_ in range(rounds):
        process = file_writer.start(folder, 10**9, options)
        time.sleep(chance.uniform(0, 0.1))
        if renaming and round_ % 2:
            path.rename(path.with_name(f"events.jsonl.{round_:04}"))
            time.sleep(chance.uniform(0, 0.02))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    last = file_writer.committed(folder)[0] + 2000
    process = file_writer.start(folder, last, options)
    process.join()
    assert process.exitcode == 0
    assert not (folder / "told").exists()
    assert not list((folder / "logs").glob(".*"))
    return last


ROUNDS = pytest.mark.parametrize("rounds", [8, pytest.param(200, marks=LONG)])


@ROUNDS
@pytest.mark.parametrize("options", [{}, {"rotate_size": 60_000}], ids=["renamed", "rotated-and-renamed"])
def test_kill_9_around_a_rotation_by_others(tmp_path: Path, rounds: int, options: dict[str, Any]) -> None:
    """Killed again and again while somebody else renames its file, a process writes every event once."""
    last = _kill_again_and_again(tmp_path, rounds, options, renaming=True)
    assert sorted(_ids_in(tmp_path / "logs")) == sorted(f"a/c/{t}.0" for t in range(last))


@ROUNDS
def test_kill_9_around_rotation_and_compression(tmp_path: Path, rounds: int) -> None:
    """Killed again and again while it rotates and compresses, a process writes every event once, in order."""
    last = _kill_again_and_again(tmp_path, rounds, ROTATING, renaming=False)
    assert _ids_in(tmp_path / "logs") == [f"a/c/{t}.0" for t in range(last)]
    assert list((tmp_path / "logs").glob("*.gz"))


@ROUNDS
def test_kill_9_around_retention(tmp_path: Path, rounds: int) -> None:
    """Killed again and again while it deletes what is old, a process keeps the newest events, each once."""
    last = _kill_again_and_again(tmp_path, rounds, {**ROTATING, "keep_files": 3}, renaming=False)
    held = _ids_in(tmp_path / "logs")
    assert held == [f"a/c/{t}.0" for t in range(last - len(held), last)]
    assert 0 < len(list((tmp_path / "logs").glob("events-*"))) <= 3
