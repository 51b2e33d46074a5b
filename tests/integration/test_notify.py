"""What a service manager hears, on real sockets."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailer.app.daemon.notify import Notifier, take_notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket that listens as systemd does, and its address as the environment has it."""
    abstract = f"tailer-test-{os.getpid()}-{tmp_path.name}"
    address = f"@{abstract}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{abstract}" if request.param == "abstract" else address)
        listener.settimeout(10)
        yield listener, address


def test_manager_hears_the_whole_life(manager: tuple[socket.socket, str]) -> None:
    """Start, status, ping, reload and end arrive, one datagram each, in order."""
    listener, address = manager
    notifier = Notifier(address, 60.0)
    before = time.monotonic_ns() // 1000
    notifier.ready()
    notifier.status("12 connectors\nwell")
    notifier.ping()
    notifier.reloading()
    notifier.stopping()
    heard = [listener.recv(4096).decode() for _ in range(5)]
    reloading, stamp = heard.pop(3).split("\nMONOTONIC_USEC=")
    assert heard == ["READY=1", "STATUS=12 connectors well", "WATCHDOG=1", "STOPPING=1"]
    assert reloading == "RELOADING=1"
    assert before <= int(stamp) <= time.monotonic_ns() // 1000


def test_same_status_is_told_once(manager: tuple[socket.socket, str]) -> None:
    """A status line that did not change costs nothing."""
    listener, address = manager
    notifier = Notifier(address)
    for text in ("a", "a", "b"):
        notifier.status(text)
    assert [listener.recv(4096) for _ in range(2)] == [b"STATUS=a", b"STATUS=b"]


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@tailer-test-nobody"])
def test_nobody_who_listens_is_no_failure(address: str) -> None:
    """Without a manager, or with one that is gone, telling does nothing."""
    Notifier(address, 1.0).ready()


def test_manager_that_does_not_read_holds_nobody_up(manager: tuple[socket.socket, str]) -> None:
    """A full socket drops messages instead of blocking."""
    _, address = manager
    notifier = Notifier(address)
    for _ in range(2000):  # net.unix.max_dgram_qlen is 10 to 512
        notifier.ping()


def test_environment_is_taken_over_and_cleared() -> None:
    """Children of this process find none of the variables."""
    environ = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}
    notifier = take_notifier(environ)
    assert environ == {}
    assert notifier.ping_every == 30.0


@pytest.mark.parametrize(
    "variables",
    [
        {"WATCHDOG_USEC": "1000000"},
        {"NOTIFY_SOCKET": "vsock:2:1", "WATCHDOG_USEC": "1000000"},
        {"NOTIFY_SOCKET": "/run/notify"},
        {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
    ],
)
def test_no_ping_is_sent_unless_wanted(variables: dict[str, str]) -> None:
    """Pings need a socket, a sensible time, and a process that they are meant for."""
    assert take_notifier(dict(variables)).ping_every is None
