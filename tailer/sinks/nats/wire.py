"""The bytes' way to a NATS server, as nats-py asks for it, for what its own leaves open.

Rules:

1. Where TLS is asked for, nothing goes out before it, whatever the server says: the client itself would send
   its password in the clear to whoever answers in the server's place and claims to know no TLS.
2. A server that can't be reached is told as what it is, after one try: the client itself tries for ever, or
   counts its tries and says only that there are no servers.
3. It can be cut at any instant: the client's own way to close waits until a server that hangs has read all.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from urllib.parse import ParseResult

from nats.aio.client import Client
from nats.aio.transport import Transport


class WireError(ConnectionError):
    """The connection can't be used, or has ended; the message is a reason for people."""


class Wire(Transport):
    """A way over TCP.

    Args:
        is_secret: Whether TLS is asked for.
    """

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter

    def __init__(self, *, is_secret: bool) -> None:
        self._must_encrypt = is_secret
        self._is_connected = False
        self._is_cut = False
        self.fault: Exception | None = None

    def __bool__(self) -> bool:
        """Whether the client is to use it: always, or it would make one of its own."""
        return True

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        """Reach the server; what is wrong is kept as `fault`, and raised again to a second try."""
        if self.fault is not None:
            raise self.fault
        try:
            async with asyncio.timeout(connect_timeout):
                opened = await asyncio.open_connection(uri.hostname, uri.port, limit=buffer_size)
        except OSError as error:
            self.fault = error
            raise
        self._reader, self._writer = opened
        self._is_connected = True

    async def connect_tls(
        self,
        uri: str | ParseResult,
        ssl_context: ssl.SSLContext,
        buffer_size: int,  # noqa: ARG002 - as the client calls it; the reader stays the same
        connect_timeout: int,
    ) -> None:
        """Encrypt what follows, as the server wants it."""
        if not self._must_encrypt:
            raise WireError("it asks for TLS; write tls:// instead of nats:// in servers")
        name = uri if isinstance(uri, str) else uri.hostname
        async with asyncio.timeout(connect_timeout):
            await self._writer.start_tls(ssl_context, server_hostname=name)
        self._must_encrypt = False

    def write(self, payload: bytes) -> None:
        """Send bytes."""
        self.writelines([payload])

    def writelines(self, payload: Sequence[bytes]) -> None:
        """Send bytes; nothing once it is cut."""
        if self._must_encrypt:
            raise WireError("it does not offer TLS, so nothing was sent; set it up there, or write nats://")
        if not self._is_cut:
            self._writer.writelines(payload)

    async def drain(self) -> None:
        """Wait until there is room for more; not once it is cut."""
        if not self._is_cut:
            await self._writer.drain()

    async def read(self, buffer_size: int) -> bytes:
        """Read what there is, at most so many bytes; empty: the end."""
        return await self._reader.read(buffer_size)

    async def readline(self) -> bytes:
        """Read one line."""
        return await self._reader.readline()

    def at_eof(self) -> bool:
        """Tell whether all was read."""
        return self._reader.at_eof()

    def close(self) -> None:
        """Close it when all is sent."""
        if self._is_connected:
            self._writer.close()

    async def wait_closed(self) -> None:
        """Wait until it is closed."""
        if self._is_connected:
            await self._writer.wait_closed()

    def cut(self) -> None:
        """Close it at once; what was not sent yet never is."""
        self._is_cut = True
        if self._is_connected:
            self._writer.transport.abort()


class WiredClient(Client):
    """A client that goes a way of ours.

    Args:
        wire: The way.
    """

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._transport = wire
