"""Listens for commands, one task a connection; whatever a client does, the daemon and the others go on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Generic, NamedTuple, TypeVar

import anyio
import msgspec

from tailer.app.control.protocol import (
    MAX_REQUEST_BYTES,
    Request,
    decode_request,
    encode_answer,
    encode_failure,
)
from tailer.config.words import nearest_of, quoted
from tailer.core.durations import Seconds
from tailer.errors import ControlError, TailerError
from tailer.observe import CommandFailed, Observer

PATIENCE: Seconds = 10.0
"""Longest wait for a request, and for an answer to be taken; a client on this machine needs none of it."""

MAX_CLIENTS = 32
"""Connections served at once; more wait in the kernel's queue."""

_REST_AFTER_ERROR: Seconds = 1.0  # no file descriptor left, say: others give some back

Arguments = TypeVar("Arguments", bound=msgspec.Struct)


class NoArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a command takes that takes nothing."""


class Command(NamedTuple, Generic[Arguments]):
    """One thing that a daemon can be asked to do.

    Attributes:
        arguments: What it takes; a struct that forbids unknown fields.
        handle: Does it; several may run at once. Its value is the result, anything that msgspec encodes; a
            `TailerError` is told to the client as it is.
    """

    arguments: type[Arguments]
    handle: Callable[[Arguments], Awaitable[object]]


Commands = Mapping[str, Command[Any]]


class ControlServer:
    """Answers requests on a listening socket.

    Args:
        listener: As `tailer.app.control.place.listen` made it; stays the caller's.
        commands: By name.
        program: Version of this program.
        observe: Told of commands that failed unexpectedly.
    """

    def __init__(
        self, listener: socket.socket, commands: Commands, *, program: str, observe: Observer
    ) -> None:
        self._listener = listener
        self._commands = commands
        self._program = program
        self._observe = observe
        self._places = anyio.Semaphore(MAX_CLIENTS)

    async def serve(self) -> None:
        """Serve for ever; cancelled, it breaks off what clients still wait for."""
        async with anyio.create_task_group() as group:
            while True:
                await self._places.acquire()
                connection = await self._accept()
                group.start_soon(self._attend, connection)

    async def answer(self, line: bytes) -> bytes:
        """Do what a request asks for; return the line of its answer."""
        try:
            request = decode_request(line, self._program)
            return encode_answer(await self._do(request), self._program)
        except TailerError as error:
            return encode_failure(error, self._program)

    async def _accept(self) -> socket.socket:
        while True:
            try:
                connection, _ = await asyncio.get_running_loop().sock_accept(self._listener)
            except OSError:
                await anyio.sleep(_REST_AFTER_ERROR)
            else:
                return connection

    async def _attend(self, connection: socket.socket) -> None:
        """Serve one client."""
        try:
            with connection, suppress(OSError):  # it is gone: nobody is left to be told
                with anyio.move_on_after(PATIENCE) as waiting:
                    line = await _receive(connection)
                if waiting.cancelled_caught or not line:
                    return
                answer = await self.answer(line)
                with anyio.move_on_after(PATIENCE):
                    await asyncio.get_running_loop().sock_sendall(connection, answer)
        finally:
            self._places.release()

    async def _do(self, request: Request) -> object:
        name = request.command
        command = self._commands.get(name)
        if command is None:
            hint = nearest_of(name, sorted(self._commands))
            raise ControlError(f"this daemon (tailer {self._program}) has no command {quoted(name)}; {hint}")
        try:
            arguments = msgspec.convert(request.arguments, command.arguments)
        except msgspec.ValidationError as error:
            raise ControlError(f"{name}: {error}") from error
        try:
            return await command.handle(arguments)
        except TailerError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            self._observe(CommandFailed(name, reason))
            raise ControlError(f"{name}: this is a bug in the daemon: {reason}; please report it") from error


async def _receive(connection: socket.socket) -> bytes:
    """Read a request's line; the rest of what a client sends is left alone."""
    loop = asyncio.get_running_loop()
    received = bytearray()
    while b"\n" not in received and len(received) <= MAX_REQUEST_BYTES:
        chunk = await loop.sock_recv(connection, MAX_REQUEST_BYTES)
        if not chunk:
            break
        received += chunk
    return bytes(received.split(b"\n", 1)[0])
