"""The client and answers that fail or break: what is tried again, and what is not."""

import asyncio

import pytest
from aiohttp import web

from tailer.errors import (
    ServerError,
    TransportError,
)
from tailer.observe import RequestRetried
from tests.integration.client_desk import (
    PAGE,
    Talk,
    babble,
    client_of,
    damage,
    hang,
    hang_up,
    page,
    reset,
    serving,
    talking,
    truncate,
)


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


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (hang_up, "the connection broke"),
        (reset, "broke"),
        (truncate, "it broke off"),
        (damage, "its encoding is damaged"),
        (babble, "what came is not HTTP"),
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


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer so slowly that it never ends, until the other side has had enough."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    gone = asyncio.ensure_future(reader.read())
    while not gone.done():
        writer.write(b" ")
        await asyncio.wait([gone], timeout=0.01)


@pytest.mark.parametrize("talk", [hang, _drip])
async def test_a_hang_ends_with_the_timeout(talk: Talk) -> None:
    """An answer that does not come, or does not end, is given up after the timeout and marked as such."""
    async with talking(talk) as url, client_of(url, timeout=0.1) as desk:
        error = await desk.fail()
    assert isinstance(error, TransportError)
    assert error.timed_out
    assert "[api] timeout" in str(error)
