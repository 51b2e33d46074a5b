"""Keeps the control socket of a daemon: made, served, and removed at the end."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio

from tailer.app.aside import in_thread
from tailer.app.control.place import listen, remove, socket_of
from tailer.app.control.server import Commands, ControlServer
from tailer.errors import ControlError
from tailer.observe import ControlLost, Observer


async def keep_control(journal: Path, commands: Commands, *, program: str, observe: Observer) -> None:
    """Serve commands until cancelled; returns where that is not possible, for it is no reason to stop.

    Args:
        journal: The journal's path; its lock is ours.
        commands: By name.
        program: Version of this program.
        observe: Told of commands that failed unexpectedly, and if there is no socket.
    """
    try:
        path = await in_thread(partial(socket_of, journal))
        listener = await in_thread(partial(listen, path))
    except ControlError as error:
        observe(ControlLost(str(error)))
        return
    with listener:
        try:
            await ControlServer(listener, commands, program=program, observe=observe).serve()
        finally:
            with anyio.CancelScope(shield=True):
                await in_thread(partial(remove, path))
