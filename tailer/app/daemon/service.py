"""What the daemon shows over HTTP, to be read only: /healthz, /readyz, /status and /metrics.

Rules:

1. GET and HEAD; nothing that a client sends changes anything.
2. No client harms another or the daemon: connections are few, and each is for one request and ends after
   `CONNECTION_LIMIT`, whoever is slow.
3. The socket is taken before anything is polled, and stays open while the configuration is read anew.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from aiohttp import web

from tailer.app.status.facts import Status
from tailer.app.status.metrics import CONTENT_TYPE, exposition
from tailer.config.addresses import Address
from tailer.core.durations import Seconds
from tailer.errors import ConfigError
from tailer.observe import Observer, Report

MAX_CONNECTIONS = 32
"""At once; then the oldest has to go, so that whoever holds theirs keeps no probe out. A Prometheus and a few
probes need three."""

CONNECTION_LIMIT: Seconds = 10.0
"""From connecting to the last byte; Prometheus waits as long for an answer by default."""

CLOSING_LIMIT: Seconds = 0.5
"""For answers that are under way at the end; 0 would mean for ever."""

_HEADERS = {"Cache-Control": "no-store", "Server": "tailer", "X-Content-Type-Options": "nosniff"}

_REASONS = {
    errno.EADDRINUSE: "another program has this port; stop it, or choose another port",
    errno.EACCES: "this user may not take a port below 1024; choose a higher one",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}

_SILENT = logging.getLogger("tailer.service")
"""For aiohttp, which would print a traceback for every client that speaks no HTTP."""
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


class PageFailed(Report, frozen=True):
    """A page of the service met a mistake of the program."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"Page {self.path} of the service failed, which is a bug: {self.reason}"


class Shown(Protocol):
    """What is shown; asked anew by every request."""

    def ailment(self) -> str | None:
        """Say why the daemon is not alive; ``None`` when it is."""

    def obstacles(self) -> list[str]:
        """Say what keeps it from being ready; nothing when it is."""

    def status(self) -> Status | None:
        """Tell all that is known; ``None`` while that is nothing."""


class Service:
    """Listens, and answers.

    Args:
        address: Where.
        shown: What; replaced when another run begins.
        observe: Is told of mistakes.
    """

    def __init__(self, address: Address, shown: Shown, observe: Observer) -> None:
        self.shown = shown
        self._address = address
        self._observe = observe
        self._pages: dict[str, Callable[[], web.Response]] = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/status": self._status,
            "/metrics": self._metrics,
        }
        self._listener: asyncio.Server | None = None
        self._server: _GuardedServer | None = None

    async def open(self) -> Address:
        """Begin to listen; return where, with the port that the system chose if it was asked to.

        Raises:
            ConfigError: It can't listen there.
        """
        address = self._address
        # One address, or a port could be free on one of localhost's addresses and taken on the other.
        host = "127.0.0.1" if address.host == "localhost" else address.host
        self._server = _GuardedServer(
            self._answer, access_log=None, logger=_SILENT, lingering_time=0.0, keepalive_timeout=0.0
        )
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(self._server, host, address.port, backlog=64)
        except OSError as error:
            reason = _REASONS.get(error.errno or 0) or error.strerror
            raise ConfigError(f"service.listen: can't listen on {address}: {reason}") from error
        port: int = self._listener.sockets[0].getsockname()[1]
        return Address(address.host, port)

    async def close(self) -> None:
        """Stop listening and let go of every client."""
        if self._listener is not None:
            self._listener.close()
        if self._server is not None:
            self._server.pre_shutdown()
            await self._server.shutdown(CLOSING_LIMIT)
        self._listener = self._server = None

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; the connection ends with it."""
        response = self._choose(request.method, request.path)
        response.headers.update(_HEADERS)
        response.force_close()
        return response

    def _choose(self, method: str, path: str) -> web.Response:
        page = self._pages.get(path)
        if page is None:
            return _json(404, {"error": "no such page", "pages": list(self._pages)})
        if method not in {"GET", "HEAD"}:
            refusal = _json(405, {"error": "this service is only read: GET or HEAD"})
            refusal.headers["Allow"] = "GET, HEAD"
            return refusal
        try:
            return page()
        except Exception as error:  # noqa: BLE001 - a page that fails harms nothing else
            reason = f"{type(error).__name__}: {error}"
            self._observe(PageFailed(path, reason))
            return _json(500, {"error": "this is a bug; the daemon's log says more"})

    def _healthz(self) -> web.Response:
        ailment = self.shown.ailment()
        if ailment is None:
            return _json(200, {"alive": True})
        return _json(503, {"alive": False, "reasons": [ailment]})

    def _readyz(self) -> web.Response:
        obstacles = self.shown.obstacles()
        if not obstacles:
            return _json(200, {"ready": True})
        return _json(503, {"ready": False, "reasons": obstacles})

    def _status(self) -> web.Response:
        status = self.shown.status()
        return _json(503, {"error": "it is starting"}) if status is None else _json(200, status)

    def _metrics(self) -> web.Response:
        body = exposition(self.shown.status(), is_ready=not self.shown.obstacles())
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})


class _GuardedServer(web.Server):
    """Bounds the number of connections and how long each lasts (rule 2)."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._deadlines: dict[web.RequestHandler, tuple[asyncio.Transport, asyncio.TimerHandle]] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Give a connection its time; the oldest makes room for one too many."""
        super().connection_made(handler, transport)
        if len(self._deadlines) >= MAX_CONNECTIONS:
            oldest = next(iter(self._deadlines))
            self._deadlines[oldest][0].abort()
            self._forget(oldest)
        deadline = asyncio.get_running_loop().call_later(CONNECTION_LIMIT, transport.abort)
        self._deadlines[handler] = (transport, deadline)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Take note of an end."""
        super().connection_lost(handler, exc)
        self._forget(handler)

    def _forget(self, handler: web.RequestHandler) -> None:
        if handler in self._deadlines:
            self._deadlines.pop(handler)[1].cancel()


def _json(status: int, value: object) -> web.Response:
    body = msgspec.json.encode(value) + b"\n"
    return web.Response(status=status, body=body, content_type="application/json")
