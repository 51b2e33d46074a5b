"""The program and the simulator as processes of their own, as users run them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import tailer

DEADLINE = 30.0
"""Seconds within which everything that is waited for has to happen; far more than it takes."""

_LOOK_EVERY = 0.05
_CHECKOUT = Path(tailer.__file__).parents[1]


def clean_environment() -> dict[str, str]:
    """Give the environment without what a user has set for the real API; our own package comes first."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("CLOUDFLARE_", "TAILER_"))
    }
    return {**kept, "PYTHONPATH": str(_CHECKOUT)}


class Process:
    """A running command whose output goes to files; leave the context to be sure that it is gone.

    Args:
        folder: Where it runs and its output goes.
        name: Begins the names of the files with its output.
        arguments: After ``tailer``.
        environment: Variables beside the usual ones.
        stdout: Where its standard output goes instead of a file.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        stdout: int | None = None,
    ) -> None:
        self.stdout = folder / f"{name}.out"
        self.stderr = folder / f"{name}.err"
        with self.stdout.open("ab") as output, self.stderr.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tailer", *arguments],
                cwd=folder,
                env={**clean_environment(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output if stdout is None else stdout,
                stderr=errors,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Its exit code, ``None`` while it runs."""
        return self._process.poll()

    @property
    def words(self) -> str:
        """What it has said on stderr so far."""
        return self.stderr.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it without giving it a chance to do anything."""
        self._process.kill()
        self._process.wait(DEADLINE)

    def wait(self) -> int:
        """Wait for its end; return the exit code.

        Raises:
            AssertionError: It did not end in time.
        """
        try:
            return self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end within {DEADLINE:.0f}s; it said\n{self.words}") from None

    def stop(self) -> int:
        """Ask it to end, and wait for it; return the exit code."""
        self.send(signal.SIGTERM)
        return self.wait()


class Simulator(Process):
    """`tailer simulate`, listening; started again with the same folder it adds to the same truth.

    Args:
        folder: Where the truth goes.
        options: Of the command, beside the truth and a quota that nothing exhausts.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.truth = folder / "truth.jsonl"
        folder.joinpath("simulator.out").unlink(missing_ok=True)
        always = ("--truth", str(self.truth), "--quota", "1000000")
        super().__init__(folder, "simulator", "simulate", *always, *options)
        try:
            wait_until(lambda: b"\n" in self.stdout.read_bytes(), "the simulator listens", self)
        except BaseException:
            self.kill()
            raise
        told = json.loads(self.stdout.read_text())
        self.base_url: str = told["base_url"]
        self.account: str = told["account"]
        self.token: str = told["token"]

    @property
    def environment(self) -> dict[str, str]:
        """Give the variables by which the program finds it."""
        return {
            "CLOUDFLARE_BASE_URL": self.base_url,
            "CLOUDFLARE_ACCOUNT_ID": self.account,
            "CLOUDFLARE_API_TOKEN": self.token,
        }

    @property
    def port(self) -> str:
        """Give its port, for one that takes its place."""
        return self.base_url.split(":")[2].split("/")[0]

    @property
    def stats(self) -> dict[str, Any]:
        """Ask it what it was asked."""
        address = f"http://127.0.0.1:{self.port}/simulator/stats"
        with urllib.request.urlopen(address, timeout=DEADLINE) as answer:
            stats: dict[str, Any] = json.load(answer)
        return stats


class Setup:
    """A configuration file, and the ways to start the program with it.

    Args:
        folder: Where everything lies.
        simulator: Whom to ask.
        start: Where the first run begins.
        order: Of the file sink.
        options: Further lines, by table: ``polling={"settle": "500ms"}``.
    """

    def __init__(
        self,
        folder: Path,
        simulator: Simulator,
        *,
        start: str = "now",
        order: str = "connector",
        **options: Mapping[str, str],
    ) -> None:
        self.folder = folder
        self.path = folder / "tailer.toml"
        self.events = folder / "events.jsonl"
        self.simulator = simulator
        polling = {"interval": "200ms", "settle": "500ms", "start": start, **options.pop("polling", {})}
        tables = {"polling": polling, "journal": {"path": "tailer.db"}, **options}
        text = f'[[accounts]]\nid = "{simulator.account}"\n'
        for table, values in tables.items():
            text += f"\n[{table}]\n" + "".join(f'{name} = "{value}"\n' for name, value in values.items())
        text += f'\n[[sinks]]\ntype = "file"\npath = "{self.events.name}"\norder = "{order}"\n'
        self.path.write_text(text)

    def run(self, *flags: str) -> Process:
        """Start the daemon."""
        return self._start("run", "run", "-c", str(self.path), *flags)

    def tail(self, *flags: str, stdout: int | None = None) -> Process:
        """Start a tail of JSON Lines."""
        command = ("tail", "-c", str(self.path), "-o", "jsonl", *flags)
        return self._start("tail", *command, stdout=stdout)

    def beside(self, command: str, *flags: str) -> Process:
        """Start a command that looks for the daemon, or for what it has left."""
        self.folder.joinpath(f"{command}.out").unlink(missing_ok=True)
        return self._start(command, command, "-c", str(self.path), *flags)

    def _start(self, name: str, *command: str, stdout: int | None = None) -> Process:
        return Process(self.folder, name, *command, environment=self.simulator.environment, stdout=stdout)


def wait_until(
    condition: Callable[[], bool], what: str, *processes: Process, within: float = DEADLINE
) -> None:
    """Wait for a state.

    Args:
        condition: Tells whether it is there.
        what: The state in words.
        processes: Those that have to be alive for it.
        within: Seconds after which it will not come any more.

    Raises:
        AssertionError: It did not come, or a process ended before.
    """
    deadline = time.monotonic() + within
    while not condition():
        for process in processes:
            if process.exit_code is not None and not condition():
                raise AssertionError(f"ended with {process.exit_code} before {what}:\n{process.words}")
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:.0f}s: {what}\n{_all_words(processes)}")
        time.sleep(_LOOK_EVERY)


def _all_words(processes: Iterable[Process]) -> str:
    return "\n".join(process.words[-4000:] for process in processes)
