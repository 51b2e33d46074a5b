"""The client and its credentials: where they go, where they never go, and how they are renewed."""

import asyncio
import json
import traceback
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web

from tailer.config.credentials import BearerToken, GlobalKey, Secret
from tailer.errors import (
    AuthError,
    ConfigError,
)
from tests.integration.client_desk import (
    PAGE,
    TOKEN,
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


async def test_a_cookie_is_not_returned() -> None:
    """What the server sets as a cookie stays with it."""
    async with AsyncExitStack() as stack:
        url, script = await stack.enter_async_context(serving(page(Set_Cookie="a=1"), page()))
        by_name = url.replace("127.0.0.1", "localhost")  # addresses get no cookies anyway
        desk = await stack.enter_async_context(client_of(by_name))
        await desk.read()
        await desk.read()
    assert "Cookie" not in script.requests[1].headers


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
            for talk in (hang_up, reset, truncate, damage, babble, hang)
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
