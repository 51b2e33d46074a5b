"""What the service manager is told: systemd's notification protocol, a datagram a message.

Rules:

1. Without NOTIFY_SOCKET every method does nothing, so callers need not ask.
2. The variables are taken out of the environment: a child process must not speak for this one.
3. Telling never blocks and never fails: a manager that does not listen is no reason to stop collecting.

Source: sd_notify(3) and sd_watchdog_enabled(3).
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping
from contextlib import suppress

from tailer.core.durations import Seconds

ADDRESS_VARIABLE = "NOTIFY_SOCKET"
WATCHDOG_VARIABLE = "WATCHDOG_USEC"
WATCHDOG_PID_VARIABLE = "WATCHDOG_PID"

_LONGEST_STATUS = 500
"""Characters; it is one line of ``systemctl status``."""


class Notifier:
    """Speaks to the service manager that started this process, if one did.

    Args:
        address: Path of its socket; one that begins with ``@`` is in Linux's abstract name space. Empty:
            nobody listens.
        watchdog: Seconds within which it wants to be pinged; ``None``: it does not.
    """

    def __init__(self, address: str = "", watchdog: Seconds | None = None) -> None:
        self.watchdog = watchdog if address else None
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._status = ""

    @property
    def is_heard(self) -> bool:
        """Whether there is a manager that wanted to be told."""
        return bool(self._address)

    @property
    def ping_every(self) -> Seconds | None:
        """Seconds between two pings, half of what is allowed; ``None``: no pings are wanted."""
        return None if self.watchdog is None else self.watchdog / 2

    def ready(self) -> None:
        """Say that the start, or a reload, is over."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Say that the configuration is being applied; `ready` ends it, whatever came of it."""
        # The manager compares with its own clock, to tell this reload from an earlier one.
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._send("STOPPING=1")

    def ping(self) -> None:
        """Say that all is alive."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Show a line of text; nothing is sent while it stays the same."""
        line = " ".join(text.split())[:_LONGEST_STATUS]
        if line != self._status:
            self._status = line
            self._send(f"STATUS={line}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with (
            suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
        ):
            sender.setblocking(False)
            sender.connect(self._address)
            sender.send(message.encode())


def take_notifier(environ: MutableMapping[str, str]) -> Notifier:
    """Make the notifier that the environment asks for, and take its variables out of it.

    Args:
        environ: `os.environ`.
    """
    address = environ.pop(ADDRESS_VARIABLE, "")
    allowed = environ.pop(WATCHDOG_VARIABLE, "")
    pid = environ.pop(WATCHDOG_PID_VARIABLE, "")
    if not address.startswith(("/", "@")):  # vsock and the like are for other machines
        address = ""
    is_meant = pid in {"", str(os.getpid())}  # else it was meant for a parent that passed it on
    watchdog = int(allowed) / 1e6 if is_meant and allowed.isascii() and allowed.isdigit() else 0.0
    return Notifier(address, watchdog or None)
