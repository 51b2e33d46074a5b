"""The way to one counterpart over HTTP: the only module of this room with a socket.

What aiohttp raises quotes requests, credentials included; so its errors never travel on, not even as a cause.
"""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import aiohttp
import anyio.to_thread
from yarl import URL

from tailer.config.credentials import Secret
from tailer.config.product import USER_AGENT
from tailer.config.proxies import find_proxy
from tailer.core.durations import Seconds
from tailer.core.reasons import fault_of
from tailer.errors import ConfigError, SinkUnavailableError
from tailer.sinks.http.answers import Answer
from tailer.sinks.http.target import origin_of

_KEEPALIVE: Seconds = 4.0
"""Shorter than what servers allow (5 s and more): a request on a connection that the server is just closing
has an unknown outcome, and would be repeated."""

_MAX_ANSWER_BYTES = 16 * 2**20  # ten thousand items of _bulk with their errors take some 2 MB
_MAX_INLINE_BYTES = 64 * 1024  # compressing more would hold the event loop up


class Connection:
    """Sends requests to one server; connects when it is needed.

    Args:
        sink: The sink's name, for messages.
        url: Where to.
        tls: Whom to trust; ``None`` for plain HTTP.
        timeout: For one request, from connecting to the last byte of the answer.

    Raises:
        SinkUnavailableError: The environment's proxy can't be used.
    """

    def __init__(self, sink: str, url: URL, tls: ssl.SSLContext | None, timeout: Seconds) -> None:
        self.url = url
        self._who = f"Sink {sink!r}: {origin_of(url)}"
        try:
            proxy = find_proxy(url)
        except ConfigError as error:
            raise SinkUnavailableError(f"Sink {sink!r}: {error}") from error
        self._way: dict[str, Any] = (
            {} if proxy is None else {"proxy": proxy.url, "proxy_headers": proxy.headers}
        )
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls or True, keepalive_timeout=_KEEPALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=timeout),
        )

    def failed(self, reason: str, retry_after: Seconds = 0.0) -> SinkUnavailableError:
        """Make the error of a counterpart that takes nothing now; `reason` goes on after its address."""
        return SinkUnavailableError(f"{self._who} {reason}", retry_after=retry_after)

    async def send(
        self,
        method: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        compress: bool = False,
        path: str | None = None,
        secret: Secret | None = None,
    ) -> Answer:
        """Send one request and read its whole answer.

        Args:
            method: Such as ``POST``.
            headers: Credentials and the content's type among them.
            body: As is.
            compress: Whether to send it compressed by gzip.
            path: Another one of the same server than the address has.
            secret: Is masked in the answer.

        Raises:
            SinkUnavailableError: No answer came; nobody knows whether the request was obeyed.
        """
        sent = {"User-Agent": USER_AGENT, **headers}
        if body is not None and compress:
            body = await compressed(body)
            sent["Content-Encoding"] = "gzip"
        # Long bytes as they are would go out in one piece, which holds the event loop up.
        data = None if body is None else BytesIO(body)
        url = self.url if path is None else self.url.origin().join(URL(path))
        try:
            async with self._session.request(
                method, url, data=data, headers=sent, allow_redirects=False, **self._way
            ) as response:
                read = await self._read(response)
                return Answer(
                    response.status, response.headers, read if secret is None else secret.masked_in(read)
                )
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            fate = _fate(error)
        raise self.failed(fate)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while chunk := await response.content.readany():
            chunks.append(chunk)
            size += len(chunk)
            if size > _MAX_ANSWER_BYTES:
                raise self.failed("answers at a length that no delivery needs; check url")
        return b"".join(chunks)


async def compressed(body: bytes) -> bytes:
    """Compress a body by gzip, at the level that costs least; a long one in a thread."""
    if len(body) <= _MAX_INLINE_BYTES:
        return gzip.compress(body, 1, mtime=0)
    return await anyio.to_thread.run_sync(_compress, body)


def _compress(body: bytes) -> bytes:
    return gzip.compress(body, 1, mtime=0)


def _fate(error: Exception) -> str:
    """Say what befell a request, going on after the counterpart's address."""
    match error:
        case TimeoutError():
            fate = "did not answer within timeout; raise it if that is how long it takes"
        case aiohttp.ClientSSLError():
            fate = f"fails at TLS ({fault_of(error)}); name its authority in ca_file if it has its own"
        case aiohttp.ClientProxyConnectionError():
            fate = f"can't be reached, for the environment's proxy can't ({fault_of(error)})"
        case aiohttp.ClientHttpProxyError():
            fate = f"can't be reached: the environment's proxy refuses with HTTP {error.status}"
        case aiohttp.ClientConnectorError():
            fate = f"can't be reached ({fault_of(error)}); check the network and url"
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            fate = "answers with what is not HTTP, or breaks off; check url"
        case _:
            fate = f"closed the connection without an answer ({fault_of(error)})"
    return fate
