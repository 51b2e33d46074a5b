"""A server of one process on a free port of loopback: killed, brought back, frozen."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_WITHIN = 30.0
"""Seconds within which a server has to start or end; it takes a fraction of one."""


class ServerProcess:
    """A server; `kill` and `start` as often as you like. It gets SIGKILL, as in a power cut.

    Args:
        folder: Where it runs and writes its log.
        command: What starts it, given the port.
        is_ready: Whether the one on a port takes what it is there for; called until it does.
    """

    def __init__(
        self, folder: Path, command: Callable[[int], Sequence[str]], is_ready: Callable[[int], bool]
    ) -> None:
        self.port = free_port()
        self._folder = folder
        self._command = command
        self._is_ready = is_ready
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and not killed since."""
        return self._process is not None

    def start(self, *more: str) -> None:
        """Start it, and wait until it takes what it is there for.

        Args:
            more: Arguments besides the usual ones.
        """
        log_file = self._folder / "log"
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command(self.port), *more],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _WITHIN
        while not self._is_ready(self.port):
            assert self._process.poll() is None, log_file.read_text()[-4000:]
            assert time.monotonic() < deadline, log_file.read_text()[-4000:]
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once; nothing if it does not run."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(_WITHIN)

    def freeze(self) -> None:
        """Have it answer nobody any more, without a word."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have a frozen one go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
