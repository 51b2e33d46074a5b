"""The client against real HTTP on loopback: well-behaved servers, and the others."""

import asyncio
import gzip
import json
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from aiohttp import web

from tailer.api.client import ApiClient
from tailer.clock import SystemClock
from tailer.config.credentials import BearerToken, GlobalKey, Secret
from tailer.core.apitime import ApiTime
from tailer.core.budget import Budget
from tailer.errors import (
    ApiError,
    AuthError,
    ConfigError,
    RateLimitedError,
    ServerError,
    TransportError,
    WireFormatError,
)
from tailer.model import Connector, EventsRequest, Page
from tailer.observe import ClockStepped, PrincipalPaused, PrincipalResumed, Report, RequestRetried

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
        try:
            await reader.readuntil(until)
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(meet, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/client/v4"


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
        budget,
        ApiTime(clock.wall(), clock.monotonic()),
        clock,
        base_url=base_url,
        observer=reports.append,
        random=lambda: 0.5,
        **options,
    )
    async with client:
        yield Desk(client, clock, budget, reports)


async def test_events_are_read() -> None:
    """A page arrives with its date, asked for at the documented path and with the documented headers."""
    async with serving(page()) as (url, script), client_of(url) as desk:
        got = await desk.read()
    assert [(event.t, event.n, event.k, event.a) for event in got.events] == [(3, 2, "Init", 5)]
    assert got.date is not None
    assert got.date == pytest.approx(desk.clock.wall(), abs=60)
    (request,) = script.requests
    assert request.method == "GET"
    assert request.path_qs == (
        "/client/v4/accounts/acc/magic/connectors/con/telemetry/events?from=1000&to=1060&limit=1000"
    )
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["User-Agent"].startswith("cf-tailer")
    assert request.headers["Accept"] == "application/json"
    assert "gzip" in request.headers["Accept-Encoding"]
    assert not {"X-Auth-Key", "X-Auth-Email", "Cookie", "Content-Type"} & set(request.headers)


async def test_connectors_are_listed() -> None:
    """The list of connectors is one request."""
    body = b'{"success":true,"result":[{"id":"c1","notes":"Branch","license_key":"x"}]}'
    async with serving(page(body=body)) as (url, script), client_of(url) as desk:
        assert await desk.client.list_connectors("acc") == [Connector("acc", "c1", "Branch")]
    assert [request.path_qs for request in script.requests] == ["/client/v4/accounts/acc/magic/connectors"]


async def test_the_legacy_pair_goes_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With e-mail and key no bearer token is sent, not even one that a ~/.netrc offers."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    pair = GlobalKey(email="me@example.com", secret=Secret("k" * 37), origin="a test")
    async with serving(page()) as (url, script), client_of(url, credentials=pair) as desk:
        await desk.read()
    (request,) = script.requests
    assert (request.headers["X-Auth-Email"], request.headers["X-Auth-Key"]) == ("me@example.com", "k" * 37)
    assert "Authorization" not in request.headers


async def test_connections_are_kept_alive_and_closed() -> None:
    """Requests one after the other share a connection; none is left when the client is closed."""
    before = asyncio.all_tasks()
    async with serving(page()) as (url, script):
        async with client_of(url) as desk:
            for _ in range(5):
                await desk.read()
        assert len(script.peers) == 1
        assert desk.client.counters.requests == 5
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_a_cookie_is_not_returned() -> None:
    """What the server sets as a cookie stays with it."""
    async with AsyncExitStack() as stack:
        url, script = await stack.enter_async_context(serving(page(Set_Cookie="a=1"), page()))
        by_name = url.replace("127.0.0.1", "localhost")  # addresses get no cookies anyway
        desk = await stack.enter_async_context(client_of(by_name))
        await desk.read()
        await desk.read()
    assert "Cookie" not in script.requests[1].headers


async def test_gzip_is_read() -> None:
    """A compressed page is the same page; what counts are the uncompressed bytes."""
    answer = page(body=gzip.compress(PAGE), Content_Encoding="gzip")
    async with serving(answer) as (url, _), client_of(url) as desk:
        assert len((await desk.read()).events) == 1
    assert desk.client.counters.body_bytes == len(PAGE)


async def test_a_huge_body_is_not_read() -> None:
    """A body beyond the bound, however small on the wire, is refused and not tried again."""
    answer = page(body=gzip.compress(b" " * 5_000_000), Content_Encoding="gzip")
    async with serving(answer) as (url, script), client_of(url, max_body_bytes=100_000) as desk:
        error = await desk.fail()
    assert isinstance(error, WireFormatError)
    assert "longer than 100000 bytes" in str(error)
    assert len(script.requests) == 1


async def test_a_passing_failure_is_tried_again() -> None:
    """After two failures the third attempt's page is returned; both retries are told and counted."""
    async with serving(page(503, b""), page(502, b"<html>"), page()) as (url, script), client_of(url) as desk:
        assert (await desk.read()).count == 1
    assert len(script.requests) == 3
    assert desk.clock.naps == [0.5, 1.0]
    assert (desk.client.counters.requests, desk.client.counters.retries) == (3, 2)
    first, second = desk.reports
    assert isinstance(first, RequestRetried)
    assert isinstance(second, RequestRetried)
    assert (first.attempt, first.delay, second.attempt, second.delay) == (1, 0.5, 2, 1.0)
    assert "HTTP 503" in first.reason


async def test_three_failures_are_the_end() -> None:
    """The third failure leaves the client as it is."""
    async with serving(page(503, b"")) as (url, script), client_of(url) as desk:
        error = await desk.fail()
    assert isinstance(error, ServerError)
    assert len(script.requests) == 3


@pytest.mark.parametrize(
    ("answer", "requests"),
    [
        (page(401, b""), 1),
        (page(403, b""), 1),
        (page(404, b""), 1),
        (page(400, b""), 1),
        (page(302, b"", Location="/elsewhere"), 1),
        (page(405, b""), 1),
        (page(200, b"{}"), 1),
        (page(503, b"", x_should_retry="false"), 1),
        (page(403, b"", x_should_retry="true"), 3),
        (page(408, b""), 3),
        (page(500, b"<html>"), 3),
        (page(200, b'{"success":false}'), 3),
        (page(200, PAGE[:40]), 3),
        (page(503, b"", Retry_After="6"), 2),
        (page(503, b"", Retry_After="11"), 1),
        (page(503, b"", Retry_After="9999"), 3),
    ],
)
async def test_only_what_passes_is_tried_again(answer: web.Response, requests: int) -> None:
    """Refusals are final, failures get three attempts, and Retry-After is kept or makes us give up."""
    async with serving(answer) as (url, script), client_of(url) as desk:
        await desk.fail()
    assert len(script.requests) == requests
    assert desk.clock.leapt <= 10


async def test_retry_after_is_a_floor() -> None:
    """The next attempt comes later than the API asked, by a jitter."""
    async with serving(page(503, b"", Retry_After="3"), page()) as (url, _), client_of(url) as desk:
        await desk.read()
    assert desk.clock.naps == [3.5]


async def test_a_redirect_is_not_followed() -> None:
    """A redirect sends our credentials nowhere; it is an error that says so."""
    async with serving(page()) as (other, elsewhere):
        redirect = page(307, b"", Location=other)
        async with serving(redirect) as (url, _), client_of(url) as desk:
            error = await desk.fail()
    assert "redirects are not followed" in str(error)
    assert elsewhere.requests == []


async def test_a_rate_limit_pauses_the_principal() -> None:
    """After a 429 nothing is sent before Retry-After has passed; then one probe, then all again."""
    async with serving(page(429, b"", Retry_After="20"), page()) as (url, script), client_of(url) as desk:
        error = await desk.fail()
        assert isinstance(error, RateLimitedError)
        assert desk.clock.leapt == 0
        pages = await asyncio.gather(*(desk.read() for _ in range(8)))
    assert len(pages) == 8
    assert len(script.requests) == 9
    assert desk.clock.naps[0] == pytest.approx(20, abs=5)
    assert desk.client.counters.throttled == 1
    paused, resumed = desk.told(PrincipalPaused, PrincipalResumed)
    assert isinstance(paused, PrincipalPaused)
    assert isinstance(resumed, PrincipalResumed)
    assert (paused.principal, paused.reason) == ("noc", "the API asked to slow down")
    assert paused.delay == pytest.approx(20, abs=1)


async def test_refusals_at_once_are_one_pause() -> None:
    """Several requests in flight that are all refused make one report, and one pause."""
    barrier = asyncio.Barrier(4)

    async def refuse(_request: web.Request) -> web.Response:
        await barrier.wait()
        return page(429, b"", Retry_After="20")

    async with serving(refuse) as (url, _), client_of(url) as desk:
        await asyncio.gather(*(desk.fail() for _ in range(4)))
        assert desk.budget.wait(desk.clock.monotonic()) == pytest.approx(20, abs=5)
    assert len(desk.reports) == 1
    assert desk.client.counters.throttled == 4


async def test_one_probe_goes_alone() -> None:
    """While the probe after a pause is under way, nobody else sends."""
    in_flight = most = 0

    async def hold(_request: web.Request) -> web.Response:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        looked_up = len(desk.clock.naps)
        for _ in range(200):  # until those behind have looked up some times, if there are any
            if len(desk.clock.naps) >= looked_up + 10:
                break
            await asyncio.sleep(0)
        in_flight -= 1
        return page(429, b"", Retry_After="1")

    async with serving(page(429, b"", Retry_After="20"), hold) as (url, script), client_of(url) as desk:
        await desk.fail()
        await asyncio.gather(*(desk.fail() for _ in range(3)))
    assert len(script.requests) == 4
    assert most == 1


@pytest.mark.parametrize(
    ("answer", "delay"),
    [
        (page(429, b"", Retry_After="99999"), 300),
        (page(429, b"", Retry_After="soon"), 300),
        (page(429, b""), 30),
        (page(429, b"", Ratelimit='"default";r=0;t=40'), 300),
        (page(200, b'{"success":false,"errors":[{"code":971,"message":""}]}', Retry_After="7"), 7),
    ],
)
async def test_a_vague_rate_limit_still_pauses(answer: web.Response, delay: float) -> None:
    """A malformed Retry-After is five minutes, a missing one depends on what remains, 971 is a rate limit."""
    async with serving(answer) as (url, script), client_of(url) as desk:
        assert isinstance(await desk.fail(), RateLimitedError)
        assert desk.budget.wait(desk.clock.monotonic()) == pytest.approx(delay, abs=5)
    assert len(script.requests) == 1


async def test_the_quota_comes_from_the_headers() -> None:
    """What the headers say of the quota holds at once, and at the reserve the principal stops."""
    told = page(Ratelimit_Policy='"x";q=600;w=60', Ratelimit='"x";r=400;t=10')
    last = page(Ratelimit_Policy='"x";q=600;w=60', Ratelimit='"x";r=60;t=10')
    async with serving(told, last, page()) as (url, _), client_of(url) as desk:
        await desk.read()
        assert (desk.budget.quota, desk.budget.window, desk.budget.reason) == (600, 60, None)
        await desk.read()
        assert desk.budget.wait(desk.clock.monotonic()) == pytest.approx(10, abs=5)
        await desk.read()
    assert sum(desk.clock.naps) == pytest.approx(10, abs=5)
    paused, resumed = desk.told(PrincipalPaused, PrincipalResumed)
    assert isinstance(paused, PrincipalPaused)
    assert isinstance(resumed, PrincipalResumed)


async def test_a_spent_share_is_waited_for() -> None:
    """Requests beyond the share go out when the window has room, and all of them do."""
    small = page(Ratelimit_Policy='"x";q=10;w=60', Ratelimit='"x";r=9;t=10')
    async with serving(small) as (url, script), client_of(url) as desk:
        for _ in range(20):
            await desk.read()
    assert len(script.requests) == 20
    assert desk.clock.leapt >= 60 * 2 - 5


async def test_api_time_follows_the_date_header() -> None:
    """A server whose clock differs moves API time, and the step is told; a 500 does not."""
    ahead = page(Date="Sun, 01 Aug 2066 12:00:00 GMT")
    broken = page(500, b"", Date="Thu, 01 Jan 1970 00:00:00 GMT", x_should_retry="false")
    async with serving(ahead, broken) as (url, _), client_of(url) as desk:
        await desk.read()
        noon_2066 = 3_047_889_600.0
        assert desk.client.api_time.now(desk.clock.monotonic()) == pytest.approx(noon_2066, abs=60)
        await desk.fail()
        assert desk.client.api_time.now(desk.clock.monotonic()) == pytest.approx(noon_2066, abs=60)
    (report,) = desk.reports
    assert isinstance(report, ClockStepped)
    assert report.step > 0


async def _close(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Hang up without a word."""


async def _reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send the beginning of an answer and reset the connection."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    await writer.drain()
    writer.transport.abort()


async def _truncate(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Promise more bytes than are sent."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + PAGE)
    await writer.drain()


async def _damage(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send what is not what it says to be."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain")
    await writer.drain()


async def _babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak another protocol, and quote the token in it."""
    writer.write(f"-ERR unknown command {TOKEN}\r\n\r\n".encode())
    await writer.drain()


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (_close, "the connection broke"),
        (_reset, "broke"),
        (_truncate, "it broke off"),
        (_damage, "its encoding is damaged"),
        (_babble, "what came is not HTTP"),
    ],
)
async def test_a_broken_answer_passes(talk: Talk, words: str) -> None:
    """However a connection breaks, it is a transport error that is tried three times."""
    async with talking(talk) as url, client_of(url) as desk:
        error = await desk.fail()
    assert isinstance(error, TransportError)
    assert not error.timed_out
    assert words in str(error)
    assert "connector con (account acc)" in str(error)
    assert desk.client.counters.requests == 3


async def _hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await reader.read()


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer so slowly that it never ends, until the other side has had enough."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    gone = asyncio.ensure_future(reader.read())
    while not gone.done():
        writer.write(b" ")
        await asyncio.wait([gone], timeout=0.01)


@pytest.mark.parametrize("talk", [_hang, _drip])
async def test_a_hang_ends_with_the_timeout(talk: Talk) -> None:
    """An answer that does not come, or does not end, is given up after the timeout and marked as such."""
    async with talking(talk) as url, client_of(url, timeout=0.1) as desk:
        error = await desk.fail()
    assert isinstance(error, TransportError)
    assert error.timed_out
    assert "[api] timeout" in str(error)


async def test_a_lost_probe_lets_another_go() -> None:
    """A probe that is cancelled in flight does not keep the principal paused."""
    arrived, released = asyncio.Event(), asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        arrived.set()
        await released.wait()
        return page()

    async with serving(page(429, b"", Retry_After="20"), hang, page()) as (url, _), client_of(url) as desk:
        await desk.fail()
        probe = asyncio.create_task(desk.read())
        await arrived.wait()
        assert desk.budget.wait(desk.clock.monotonic()) > 0
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
        assert desk.budget.wait(desk.clock.monotonic()) == 0
        await desk.read()
        assert desk.budget.reason is None
        released.set()


async def test_an_unreachable_api_says_where() -> None:
    """Nobody listening: the error names the place and the option to check."""
    async with talking(_close) as url:
        pass
    async with client_of(url) as desk:
        error = await desk.fail()
    assert isinstance(error, TransportError)
    assert isinstance(error.__cause__, OSError)
    assert "127.0.0.1:" in str(error)
    assert "check the network and [api] base_url" in str(error)


async def test_a_tls_failure_names_the_option() -> None:
    """A failed handshake points to [api] ca_file."""
    async with talking(_babble, until=b"\x16") as url, client_of(url.replace("http:", "https:")) as desk:
        error = await desk.fail()
    assert isinstance(error, TransportError)
    assert "TLS failed" in str(error)
    assert "[api] ca_file" in str(error)


async def test_a_proxy_never_sees_our_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's proxy is asked to connect, with its own password and nothing of ours."""
    seen: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    monkeypatch.setenv("no_proxy", "")
    async with talking(refuse, until=b"CONNECT ") as url:
        monkeypatch.setenv("https_proxy", url.replace("http://", "http://me:hunter2-hunter2@"))
        async with client_of("https://127.0.0.1:9/client/v4") as desk:
            error = await desk.fail()
    assert "proxy refused with HTTP 407" in str(error)
    for text in seen:
        assert text.startswith(b"127.0.0.1:9 HTTP/1.1\r\n")
        assert b"Proxy-Authorization: Basic bWU6aHVudGVyMi1odW50ZXIy\r\n" in text
        assert TOKEN.encode() not in text
    async with client_of("https://127.0.0.1:9/client/v4") as desk:
        error = await desk.fail()
    assert "proxy can't be reached" in str(error)
    assert "hunter2" not in _shown(error)


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_a_bad_ca_file_is_refused(tmp_path: Path, text: str | None) -> None:
    """A ca_file that is missing or holds no certificate is a mistake of the configuration."""
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    clock = LeapingClock()
    with pytest.raises(ConfigError, match=r"^\[api\] ca_file: .*ca\.pem"):
        ApiClient(
            "noc",
            BearerToken(secret=Secret(TOKEN), origin="a test"),
            Budget(share=0.8, reserve=0.1),
            ApiTime(0, 0),
            clock,
            ca_file=str(path),
        )


async def test_a_closed_client_says_so() -> None:
    """Outside of its context a client does not send."""
    async with client_of("http://127.0.0.1:9") as desk:
        pass
    with pytest.raises(RuntimeError, match="async with"):
        await desk.read()


async def _answer_and_leave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Give a page, promise to stay, and go."""
    head = f"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: {len(PAGE)}\r\n\r\n"
    writer.write(head.encode() + PAGE)
    await writer.drain()


async def test_a_connection_closed_by_the_server_is_replaced() -> None:
    """A server that drops kept connections, and sends no header of its own, costs neither page nor retry."""
    async with talking(_answer_and_leave) as url, client_of(url) as desk:
        for _ in range(3):
            got = await desk.read()
            assert (got.count, got.date) == (1, None)
    assert desk.reports == []


@pytest.mark.skipif(which("openssl") is None, reason="makes its certificate with openssl")
async def test_ca_file_is_trusted(tmp_path: Path) -> None:
    """A server whose authority only ca_file names is refused without it and read with it."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *(
            "-keyout",
            key,
            "-out",
            cert,
            "-days",
            "2",
            "-subj",
            "/CN=test",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await made.wait() == 0
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    async with serving(page(), tls=context) as (url, _):
        async with client_of(url) as desk:
            error = await desk.fail()
        assert "self-signed certificate" in str(error)
        assert "[api] ca_file" in str(error)
        async with client_of(url, ca_file=str(cert)) as desk:
            assert (await desk.read()).count == 1


def _shown(error: BaseException) -> str:
    """Return everything that an error, its causes and contexts would ever show."""
    chain: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        link = todo.pop()
        if link is not None and link not in chain:
            chain.append(link)
            todo += [link.__cause__, link.__context__]
    texts = [repr(link) + str(link) + repr(link.args) + repr(vars(link)) for link in chain]
    return "".join([*texts, *traceback.format_exception(error)])


async def test_no_error_and_no_report_holds_the_token() -> None:
    """Whatever goes wrong, and even if the server repeats our token, neither error nor report holds it."""
    echo = json.dumps(
        {"success": False, "errors": [{"code": 1, "message": f"{'x' * 180} {TOKEN}"}], "result": TOKEN}
    ).encode()
    statuses = [200, 302, 400, 401, 403, 404, 418, 429, 500, 503]
    answers = [page(status, echo, Cf_Ray=TOKEN[:30]) for status in statuses]
    bodies = [
        b"<p>" + TOKEN.encode(),
        TOKEN.encode(),
        b"[" + PAGE,
        b'{"success":true,"result":"%b"}' % TOKEN.encode(),
    ]
    answers += [page(200, body) for body in bodies]
    async with AsyncExitStack() as stack:
        urls = [(await stack.enter_async_context(serving(answer)))[0] for answer in answers]
        urls += [
            await stack.enter_async_context(talking(talk))
            for talk in (_close, _reset, _truncate, _damage, _babble, _hang)
        ]
        urls += ["http://127.0.0.1:9"]
        for url in urls:
            async with client_of(url, timeout=0.2) as desk:
                error = await desk.fail()
            assert TOKEN[:20] not in _shown(error), url
            assert not [report for report in desk.reports if TOKEN[:20] in repr(report) + str(report)], url
            assert TOKEN not in repr(desk.client)
            assert not isinstance(error, AuthError) or error.status in (401, 403)


def token_in(file: Path) -> BearerToken:
    """Give the usual token as one that was read from a file."""
    return BearerToken(secret=Secret(TOKEN), origin=f"file {file}", file=file)


async def test_a_renewed_token_is_sent_and_masked(tmp_path: Path) -> None:
    """The file is read again on request; then its token goes out, and neither comes back in a text."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    newer = TOKEN[::-1]

    async def echo(request: web.Request) -> web.StreamResponse:
        told = request.headers["Authorization"]
        body = json.dumps({"success": False, "errors": [{"code": 10000, "message": told}]})
        return web.Response(status=403, text=body)

    async with serving(echo) as (url, script), client_of(url, credentials=token_in(file)) as desk:
        assert not await desk.client.renew()
        first = await desk.fail()
        file.write_text(newer)
        assert await desk.client.renew()
        assert not await desk.client.renew()
        second = await desk.fail()

    sent = [request.headers["Authorization"] for request in script.requests]
    assert sent == [f"Bearer {TOKEN}", f"Bearer {newer}"]
    for error in (first, second):
        assert "[redacted]" in str(error)
        assert TOKEN not in str(error)
        assert newer not in str(error)


async def test_an_answer_that_comes_after_a_renewal_is_masked_too(tmp_path: Path) -> None:
    """What echoes the token that was sent is not told apart by the one that is sent now."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    asked, renewed = asyncio.Event(), asyncio.Event()

    async def echo(request: web.Request) -> web.StreamResponse:
        asked.set()
        await renewed.wait()
        body = json.dumps({"success": False, "errors": [{"message": request.headers["Authorization"]}]})
        return web.Response(status=403, text=body)

    async with serving(echo) as (url, _), client_of(url, credentials=token_in(file)) as desk:
        failing = asyncio.create_task(desk.fail())
        await asked.wait()
        file.write_text(TOKEN[::-1])
        assert await desk.client.renew()
        renewed.set()
        assert TOKEN not in str(await failing)


async def test_a_token_that_can_not_be_read_leaves_the_old_one(tmp_path: Path) -> None:
    """A file that is away in mid-rotation is an error and changes nothing; a variable is not read again."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    async with serving(page()) as (url, script), client_of(url, credentials=token_in(file)) as desk:
        file.unlink()
        with pytest.raises(ConfigError, match="can't be read"):
            await desk.client.renew()
        await desk.read()
    assert script.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"
    async with serving(page()) as (url, _), client_of(url) as desk:
        assert not await desk.client.renew()


async def test_a_connector_with_a_limit_of_its_own_pauses_the_others_once() -> None:
    """Its first 429 pauses the principal; the next ones, with quota left, are known to be its own."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return page(429, b"{}", Retry_After="30") if "/bad/" in request.path else page()

    async with serving(answer) as (url, _), client_of(url) as desk:
        owned = []
        for _ in range(4):
            with pytest.raises(RateLimitedError) as caught:
                await desk.client.list_events("acc", "bad", REQUEST)
            owned.append(caught.value.is_own)
            await desk.read()
    assert owned == [False, True, True, True]
    assert sum(desk.clock.naps) == pytest.approx(30, abs=1)
    assert len(desk.told(PrincipalPaused)) == len(desk.told(PrincipalResumed)) == 1
