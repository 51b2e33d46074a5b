"""What befell the ways in: commands, the control socket, the service."""

from __future__ import annotations

from tailer.observe.report import Report


class CommandFailed(Report, frozen=True):
    """A command over the control socket met a mistake of the program."""

    command: str
    reason: str

    def __str__(self) -> str:
        return f"Command {self.command!r} failed, which is a bug: {self.reason}"


class ControlLost(Report, frozen=True):
    """A daemon works, but can't be commanded over a socket."""

    reason: str

    def __str__(self) -> str:
        return f"Commands such as `tailer reload` can't reach this daemon; SIGHUP can: {self.reason}"


class ServiceLost(Report, frozen=True):
    """A daemon works, but shows itself no longer over HTTP."""

    reason: str

    def __str__(self) -> str:
        return f"The service no longer listens until the daemon is restarted: {self.reason}"
