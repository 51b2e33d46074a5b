"""A client on its desk: servers that do as they are told, and time that leaps."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from tailer.api.client import ApiClient
from tailer.api.gate import Gate
from tailer.clock import SystemClock
from tailer.config.credentials import BearerToken, Secret
from tailer.core.apitime import ApiTime
from tailer.core.budget import Budget
from tailer.errors import (
    ApiError,
)
from tailer.model import EventsRequest, Page
from tailer.observe import Report
from tests.servers.listener import listening

TOKEN = "planted-token-0123456789abcdefghijklmnop"
REQUEST = EventsRequest(1000, 1060, limit=1000)
PAGE = b'{"success":true,"result":{"items":[{"a":5,"k":"Init","n":2,"t":3}],"count":1}}'
QUOTA = {"Ratelimit-Policy": '"default";q=1200;w=300', "Ratelimit": '"default";r=1000;t=30'}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class LeapingClock(SystemClock):
    """The machine's clock, but sleeping takes no time: it leaps."""

    def __init__(self) -> None:
        self.leapt = 0.0
        self.naps: list[float] = []

    def monotonic(self) -> float:
        """Real time and all that was slept."""
        return super().monotonic() + self.leapt

    async def sleep(self, seconds: float) -> None:
        """Leap, and let others run."""
        self.leapt += seconds
        self.naps.append(seconds)
        await asyncio.sleep(0)


@dataclass
class Script:
    """A server that gives its answers in turn, the last one for ever, and notes the requests."""

    answers: list[web.Response | Handler]
    requests: list[web.Request] = field(default_factory=list)
    peers: set[Any] = field(default_factory=set)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Give the next answer."""
        self.requests.append(request)
        assert request.transport is not None
        self.peers.add(request.transport.get_extra_info("peername"))
        turn = min(len(self.requests), len(self.answers)) - 1
        answer = self.answers[turn]
        if callable(answer):
            return await answer(request)
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)


def page(status: int = 200, body: bytes = PAGE, **headers: str) -> web.Response:
    """Write an answer; the quota's headers are on every one."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(status=status, body=body, headers={**QUOTA, **named})


@asynccontextmanager
async def serving(
    *answers: web.Response | Handler, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, Script]]:
    """Run a scripted server; gives its base URL and the script."""
    script = Script(list(answers))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}/client/v4", script
    finally:
        await runner.cleanup()


@asynccontextmanager
async def talking(talk: Talk, until: bytes = b"\r\n\r\n") -> AsyncIterator[str]:
    """Run a server that does with each connection whatever `talk` does after `until`; gives its base URL."""

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(until)
        await talk(reader, writer)

    async with listening(meet) as port:
        yield f"http://127.0.0.1:{port}/client/v4"


@dataclass
class Desk:
    """A client with everything it was given."""

    client: ApiClient
    clock: LeapingClock
    budget: Budget
    reports: list[Report]

    async def read(self) -> Page:
        """Read a page of a certain connector."""
        return await self.client.list_events("acc", "con", REQUEST)

    def told(self, *kinds: type[Report]) -> list[Report]:
        """Return the reports of these kinds; a clock that leaps makes others of its own."""
        return [report for report in self.reports if isinstance(report, kinds)]

    async def fail(self) -> ApiError:
        """Return the error that reading a page ends in."""
        with pytest.raises(ApiError) as caught:
            await self.read()
        return caught.value


@asynccontextmanager
async def client_of(base_url: str, **options: Any) -> AsyncIterator[Desk]:
    """Open a client whose jitter is none and whose sleep takes no time."""
    clock = LeapingClock()
    budget = Budget(share=0.8, reserve=0.1)
    reports: list[Report] = []
    client = ApiClient(
        "noc",
        options.pop("credentials", BearerToken(secret=Secret(TOKEN), origin="a test")),
        Gate(budget),
        ApiTime(clock.wall(), clock.monotonic()),
        clock,
        base_url=base_url,
        observer=reports.append,
        random=lambda: 0.5,
        **options,
    )
    async with client:
        yield Desk(client, clock, budget, reports)


async def hang_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Hang up without a word."""


async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send the beginning of an answer and reset the connection."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    await writer.drain()
    writer.transport.abort()


async def truncate(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Promise more bytes than are sent."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + PAGE)
    await writer.drain()


async def damage(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send what is not what it says to be."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain")
    await writer.drain()


async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak another protocol, and quote the token in it."""
    writer.write(f"-ERR unknown command {TOKEN}\r\n\r\n".encode())
    await writer.drain()


async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await reader.read()
