"""The client against real HTTP on loopback: what is read, and over which connections."""

import asyncio
import gzip

import pytest

from tailer.errors import (
    TransportError,
    WireFormatError,
)
from tailer.model import Connector
from tailer.observe import ClockStepped
from tests.integration.client_desk import PAGE, TOKEN, client_of, hang_up, page, serving, talking


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


async def test_a_redirect_is_not_followed() -> None:
    """A redirect sends our credentials nowhere; it is an error that says so."""
    async with serving(page()) as (other, elsewhere):
        redirect = page(307, b"", Location=other)
        async with serving(redirect) as (url, _), client_of(url) as desk:
            error = await desk.fail()
    assert "redirects are not followed" in str(error)
    assert elsewhere.requests == []


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


async def test_an_unreachable_api_says_where() -> None:
    """Nobody listening: the error names the place and the option to check."""
    async with talking(hang_up) as url:
        pass
    async with client_of(url) as desk:
        error = await desk.fail()
    assert isinstance(error, TransportError)
    assert isinstance(error.__cause__, OSError)
    assert "127.0.0.1:" in str(error)
    assert "check the network and [api] base_url" in str(error)


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
