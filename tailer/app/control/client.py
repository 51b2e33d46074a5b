"""Asks the daemon that owns a journal; blocks, for the command line."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tailer.app.control.place import connect, socket_of
from tailer.app.control.protocol import MAX_ANSWER_BYTES, decode_answer, encode_request
from tailer.core.durations import Seconds
from tailer.errors import ControlError, NoDaemonError
from tailer.journal.lock import owner_of

T = TypeVar("T")

_CHUNK_BYTES = 1 << 18


def ask(journal: Path, command: str, *, result: type[T], timeout: Seconds = 10.0, **arguments: Any) -> T:
    """Have the daemon that owns a journal do something; return what it says.

    Args:
        journal: The journal's path, as the configuration has it.
        command: Its name.
        result: What its answer is decoded to.
        timeout: Seconds that the daemon may take for it.
        **arguments: The command's.

    Raises:
        NoDaemonError: None runs.
        ControlError: It can't be asked, does not answer in time, or refused.
        TailerError: What went wrong there, as one of the same family.
    """
    path = socket_of(journal)
    with _connect(path, journal, timeout) as connection:
        try:
            connection.sendall(encode_request(command, arguments))
            connection.shutdown(socket.SHUT_WR)
            line = _receive(connection)
        except TimeoutError as error:
            raise ControlError(f"the daemon at {path} has not answered within {timeout:g}s") from error
        except OSError as error:
            raise ControlError(f"the daemon at {path} broke off: {error.strerror or error}") from error
    if not line.endswith(b"\n"):
        raise ControlError(f"the daemon at {path} ended before it had answered")
    try:
        return msgspec.json.decode(decode_answer(line), type=result)
    except msgspec.MsgspecError as error:
        raise ControlError(
            f"the daemon's answer to {command} can't be understood ({error}): use the same tailer for both,"
            " or restart the daemon"
        ) from error


def _connect(path: Path, journal: Path, timeout: Seconds) -> socket.socket:
    """Connect, or say who has the journal instead."""
    try:
        return connect(path, timeout)
    except NoDaemonError:
        with suppress(OSError):
            owner = owner_of(journal.resolve())
            if owner is not None and owner.is_present:
                raise ControlError(
                    f"process {owner.pid} on {owner.host} has the journal {journal}, but takes no commands at"
                    f" {path}"
                ) from None
        raise


def _receive(connection: socket.socket) -> bytes:
    """Read to the end of the answer's line, or of the connection."""
    received = bytearray()
    while not received.endswith(b"\n") and (chunk := connection.recv(_CHUNK_BYTES)):
        received += chunk
        if len(received) > MAX_ANSWER_BYTES:
            raise ControlError(f"the daemon's answer has more than {MAX_ANSWER_BYTES} bytes")
    return bytes(received)
