"""The client and rate limits: quotas, pauses, and the probe that ends one."""

import asyncio

import pytest
from aiohttp import web

from tailer.errors import (
    RateLimitedError,
)
from tailer.observe import PrincipalPaused, PrincipalResumed
from tests.integration.client_desk import REQUEST, client_of, page, serving


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
    assert len(desk.told(PrincipalPaused)) == 1
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
