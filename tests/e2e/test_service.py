"""The daemon as its supervisor sees it."""

from __future__ import annotations

import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.conftest import Simulate
from tests.e2e.processes import DEADLINE, Process, Setup


class Manager:
    """A service manager's end of the notification socket.

    Args:
        folder: Where the socket lies.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self.heard: list[str] = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(DEADLINE)

    def wait_for(self, message: str) -> None:
        """Read messages until one begins so."""
        while not (self.heard and self.heard[-1].startswith(message)):
            self.heard.append(self.socket.recv(4096).decode())


@pytest.fixture
def manager(tmp_path: Path, processes: ExitStack) -> Manager:
    """A service manager that listens."""
    made = Manager(tmp_path)
    processes.callback(made.socket.close)
    return made


def test_service_manager_hears_start_pings_and_end(
    tmp_path: Path, simulate: Simulate, processes: ExitStack, manager: Manager
) -> None:
    """On a real NOTIFY_SOCKET the daemon says READY, then pings and shows its status, then STOPPING."""
    setup = Setup(tmp_path, simulate())
    environment = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "1000000"}
    daemon = processes.enter_context(
        Process(
            tmp_path,
            "run",
            *("run", "-c", str(setup.path)),
            environment={**setup.simulator.environment, **environment},
        )
    )
    manager.wait_for("READY=1")
    for _ in range(3):
        manager.wait_for("WATCHDOG=1")
        manager.heard.append("")
    daemon.send(signal.SIGTERM)
    manager.wait_for("STOPPING=1")
    assert daemon.wait() == 0
    status = [heard for heard in manager.heard if heard.startswith("STATUS=")]
    assert "connectors, all well; read through 20" in status[-1] or "no connectors" in status[-1]
