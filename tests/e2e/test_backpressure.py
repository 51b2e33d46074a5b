from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import psutil

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact, wait_for_truth
from tests.e2e.processes import Process, Setup, wait_until

MIB = 2**20


class Pipe:
    """A pipe into which a program writes, and a reader that begins when it is told to."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._reads, self.writes = os.pipe()
        self._reader = Thread(target=self._copy)

    def start(self) -> None:
        """Begin to read, into a file, until nobody can write any more."""
        self._reader.start()

    def close(self) -> None:
        """Wait until all has been read."""
        self._reader.join(timeout=30)
        assert not self._reader.is_alive()

    def _copy(self) -> None:
        with os.fdopen(self._reads, "rb") as source, self._output.open("wb", buffering=0) as target:
            shutil.copyfileobj(source, target, 65536)


@contextmanager
def stalled_tail(setup: Setup, pipe: Pipe, *flags: str) -> Iterator[Process]:
    """Start a tail into a pipe that is not read yet; ours is no end of it that is written to."""
    with setup.tail(*flags, stdout=pipe.writes) as tail:
        os.close(pipe.writes)
        yield tail


def test_a_reader_that_stalls_loses_nothing(tmp_path: Path, simulate: Simulate) -> None:
    """A tail into a pipe that nobody empties waits, and takes no memory for it; then everything comes."""
    history = ("--history", "1h", "--history-events", "1000")
    simulator = simulate("--connectors", "10", "--rate", "30", *history)
    setup = Setup(tmp_path, simulator)
    pipe = Pipe(tmp_path / "read.jsonl")
    with stalled_tail(setup, pipe, "-f", "--since", "2h") as tail:
        wait_until(
            lambda: simulator.stats["requests"] > 100, "the history was read, and more", simulator, tail
        )
        assert psutil.Process(tail.pid).memory_info().rss < 150 * MIB
        pipe.start()
        required = wait_for_truth(tmp_path / "read.jsonl", simulator, tail, news=30)
        assert tail.stop() == 0, tail.words
        pipe.close()

    assert_exact(tmp_path / "read.jsonl", simulator, required=required)
