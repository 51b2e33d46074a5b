"""The program as a user has it: a process of its own, and a simulator that it can ask."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

import tailer
from tailer.cli.main import main

TOKEN = "planted-token-that-must-never-be-shown"


class Ended(NamedTuple):
    """How a process ended."""

    code: int
    stdout: str
    stderr: str


def environment(**variables: str) -> dict[str, str]:
    """The tests' environment without what a user may have set, and with `variables`.

    The process imports the same `tailer` as the tests do, installed or not.
    """
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("CLOUDFLARE_", "TAILER_"))
    }
    home = str(Path(tailer.__file__).parents[1])
    return {**own, "TZ": "UTC", "PYTHONPATH": home, **variables}


def command(*arguments: str) -> list[str]:
    """The command line of the program under test."""
    return [sys.executable, "-m", "tailer", *arguments]


def run(arguments: Sequence[str], variables: Mapping[str, str], folder: Path, limit: float = 50.0) -> Ended:
    """Run the program to its end, with nothing on stdin."""
    done = subprocess.run(
        command(*arguments),
        env=environment(**variables),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def run_here(arguments: Sequence[str], variables: Mapping[str, str], folder: Path) -> Ended:
    """Run the program to its end within this process: the same entry point and streams, without the start.

    For what is told about input, by the dozen. What depends on a process (pipes, signals, what is left
    behind) wants `run`.
    """
    output, words = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    on_sigterm = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - environment(**variables).keys():
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["tailer", *arguments])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        patch.chdir(folder)
        try:
            with redirect_stdout(output), redirect_stderr(words), pytest.raises(SystemExit) as ended:
                main()
        finally:
            signal.signal(signal.SIGTERM, on_sigterm)
    return Ended(int(ended.value.code or 0), _text(output), _text(words))


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


@contextmanager
def started(
    arguments: Sequence[str], variables: Mapping[str, str], folder: Path
) -> Iterator[subprocess.Popen[str]]:
    """Start the program with pipes for stdout and stderr; kill it at the end if it still runs."""
    with subprocess.Popen(
        command(*arguments),
        env=environment(**variables),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def simulator(folder: Path, *options: str) -> Iterator[dict[str, str]]:
    """Run ``tailer simulate`` and give the variables that a client needs."""
    arguments = command("simulate", "--token", TOKEN, *options)
    with subprocess.Popen(
        arguments, env=environment(), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            facts = json.loads(process.stdout.readline())
            yield {
                "CLOUDFLARE_BASE_URL": facts["base_url"],
                "CLOUDFLARE_ACCOUNT_ID": facts["account"],
                "CLOUDFLARE_API_TOKEN": TOKEN,
            }
        finally:
            process.kill()
