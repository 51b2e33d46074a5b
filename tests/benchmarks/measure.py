"""Run programs against a simulator and tell what they cost; shared by the benchmarks, no benchmark itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    """What one run of a program took.

    Attributes:
        seconds: Wall time.
        cpu: Seconds of CPU, user and system.
        peak_mib: Highest resident memory.
    """

    seconds: float
    cpu: float
    peak_mib: float


class Server(NamedTuple):
    """A simulator that listens."""

    base_url: str
    account: str
    token: str

    def environ(self) -> dict[str, str]:
        """Give the environment in which `tailer` finds it."""
        return {
            **os.environ,
            "CLOUDFLARE_BASE_URL": self.base_url,
            "CLOUDFLARE_ACCOUNT_ID": self.account,
            "CLOUDFLARE_API_TOKEN": self.token,
        }


@contextmanager
def simulator(*options: str) -> Iterator[Server]:
    """Run `tailer simulate` with `options` for as long as the context lasts."""
    command = [sys.executable, "-m", "tailer", "simulate", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield Server(told["base_url"], told["account"], told["token"])
        finally:
            process.terminate()


def measured(command: Sequence[str], environ: dict[str, str], output: Path) -> Cost:
    """Run a command to its end, its standard output in a file, and tell its cost.

    Raises:
        RuntimeError: It did not exit with 0.
    """
    started = time.perf_counter()
    with output.open("wb") as stream:
        process = subprocess.Popen(command, env=environ, stdout=stream, stderr=subprocess.PIPE)
        assert process.stderr is not None
        words = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[:4]} exited with {process.returncode}: {words.decode()[-2000:]}")
    return Cost(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def show(name: str, cost: Cost, events: int, plain: Cost | None = None) -> None:
    """Print one line: speed, microseconds of CPU an event, memory, and ratios to the plain program."""
    line = (
        f"{name:<24} {events / cost.seconds:>9,.0f} events/s  {cost.cpu / events * 1e6:>6.2f} us CPU/event  "
        f"{cost.peak_mib:>7,.0f} MiB"
    )
    if plain is not None:
        line += f"   {plain.seconds / cost.seconds:.2f} times the plain program's speed"
        line += f", {cost.cpu / plain.cpu:.2f} of its CPU"
    print(line, flush=True)
