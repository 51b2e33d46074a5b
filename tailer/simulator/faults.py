"""How single answers go wrong: a table from a fault's name to what it does to the true answer.

A new fault is one more name in `rules.FaultKind` and one more row here.
"""

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeAlias

import msgspec
from aiohttp import web

from tailer.simulator import answers
from tailer.simulator.answers import Answer, http_date
from tailer.simulator.rules import FaultKind, FaultRule


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What a fault has at hand.

    Attributes:
        request: The request that is struck.
        truth: The answer it would have got.
        headers: Headers that every answer carries.
        stopping: Set when the server ends; nothing may wait beyond it.
        rng: Source of choices.
    """

    request: web.BaseRequest
    truth: Answer
    headers: Mapping[str, str]
    stopping: asyncio.Event
    rng: random.Random


Strike: TypeAlias = Callable[[Scene], Awaitable[Answer | web.StreamResponse]]


class Faults:
    """Decides which requests are struck, by the rules in their order."""

    def __init__(self, rules: tuple[FaultRule, ...], seed: int) -> None:
        self.rng = random.Random(f"{seed}/faults")
        self._rules = rules

    def choose(self, elapsed: float, place: int | None) -> FaultKind | None:
        """Choose what strikes a request, or ``None``.

        Args:
            elapsed: Seconds since the server's start.
            place: Place of the connector that the request is about, if any.
        """
        for rule in self._rules:
            is_meant = rule.connector is None or rule.connector == place
            if is_meant and rule.start <= elapsed < rule.end and self.rng.random() < rule.probability:
                return rule.kind
        return None


def _instead(make: Callable[[Scene], Answer]) -> Strike:
    """A fault that merely gives another answer, with the true one's rate headers."""

    async def strike(scene: Scene) -> Answer:
        answer = make(scene)
        return msgspec.structs.replace(answer, headers={**scene.truth.headers, **answer.headers})

    return strike


def _status(status: int, code: int, message: str, **headers: str) -> Strike:
    return _instead(lambda _: answers.failure(status, code, message, **headers))


def _wrong_shape(scene: Scene) -> Answer:
    """Valid JSON, ``success``, and a result that is not what it should be."""
    row: dict[str, object] = {"a": "yesterday", "k": None, "n": {}, "t": []}
    shapes: tuple[object, ...] = (
        None,
        "ok",
        {"count": 0},
        {"count": 1, "items": None},
        {"count": 1, "items": [row]},
        {"count": 1, "items": {"0": row}},
        [["a", "k", "n", "t"]],
    )
    return answers.success(scene.rng.choice(shapes))


def _echo(scene: Scene) -> Answer:
    """A failure that quotes all that was sent, the credentials included, as careless proxies do."""
    sent = "; ".join(f"{name}: {value}" for name, value in scene.request.headers.items())
    chain = answers.Problem(answers.PLAIN_REFUSAL, sent)
    return answers.failure(HTTPStatus.INTERNAL_SERVER_ERROR, answers.PLAIN_REFUSAL, sent, chain)


def _not_json(_: Scene) -> Answer:
    return Answer(body=b"upstream connect error or disconnect/reset before headers")


async def _close(scene: Scene) -> Answer:
    """The true answer, after which the connection is not kept."""
    return msgspec.structs.replace(scene.truth, headers={**scene.truth.headers, "Connection": "close"})


async def _reset(scene: Scene) -> web.StreamResponse:
    """The connection is torn down, by a TCP reset, where the answer should come."""
    transport = scene.request.transport
    if transport is not None:
        # A lingering time of zero makes the kernel send a reset instead of an orderly end.
        lingering = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering)
        transport.abort()
    return web.Response()


async def _down(scene: Scene) -> web.StreamResponse:
    """The connection is closed in good order, without an answer."""
    if scene.request.transport is not None:
        scene.request.transport.close()
    return web.Response()


async def _hang(scene: Scene) -> web.StreamResponse:
    """Nothing comes; the client has to give up (or the server ends)."""
    await scene.stopping.wait()
    return await _reset(scene)


async def _begin(scene: Scene) -> web.StreamResponse:
    """Send the head of the true answer, which promises its whole length."""
    response = web.StreamResponse(status=scene.truth.status, headers={**scene.headers, **scene.truth.headers})
    response.content_type = scene.truth.content_type
    response.content_length = len(scene.truth.body)
    await response.prepare(scene.request)
    return response


async def _truncated(scene: Scene) -> web.StreamResponse:
    """Half of the body, then the connection ends."""
    response = await _begin(scene)
    await response.write(scene.truth.body[: len(scene.truth.body) // 2])
    await _down(scene)
    return response


async def _drip(scene: Scene) -> web.StreamResponse:
    """The true body in ten pieces, a fifth of a second apart: slow, but never silent."""
    response = await _begin(scene)
    size = max(1, len(scene.truth.body) // 10)
    for start in range(0, len(scene.truth.body), size):
        await response.write(scene.truth.body[start : start + size])
        try:
            await asyncio.wait_for(scene.stopping.wait(), 0.2)
        except TimeoutError:
            continue
        return await _reset(scene)
    await response.write_eof()
    return response


def _too_many_until(scene: Scene) -> Answer:
    """A 429 that gives the end of the wait as a date, five seconds ahead; HTTP allows both forms."""
    ends_at = parsedate_to_datetime(scene.headers["Date"]).timestamp() + 5
    return answers.failure(
        HTTPStatus.TOO_MANY_REQUESTS, answers.RATE_LIMITED, "Rate limited", Retry_After=http_date(ends_at)
    )


FAULTS: Mapping[FaultKind, Strike] = {
    "400": _status(HTTPStatus.BAD_REQUEST, answers.PLAIN_REFUSAL, "bad request"),
    "401": _status(HTTPStatus.UNAUTHORIZED, answers.AUTHENTICATION_ERROR, "Authentication error"),
    "403": _status(HTTPStatus.FORBIDDEN, answers.AUTHENTICATION_ERROR, "Authentication error"),
    "403-9109": _status(
        HTTPStatus.FORBIDDEN, answers.TOKEN_NOT_ALLOWED, "Unauthorized to access requested resource"
    ),
    "404": _instead(lambda scene: answers.unroutable(scene.request.path)),
    "429": _status(HTTPStatus.TOO_MANY_REQUESTS, answers.RATE_LIMITED, "Rate limited", Retry_After="1"),
    "429-bare": _status(HTTPStatus.TOO_MANY_REQUESTS, answers.RATE_LIMITED, "Rate limited"),
    "429-date": _instead(_too_many_until),
    "429-huge": _status(
        HTTPStatus.TOO_MANY_REQUESTS, answers.RATE_LIMITED, "Rate limited", Retry_After="86400"
    ),
    "429-zero": _status(HTTPStatus.TOO_MANY_REQUESTS, answers.RATE_LIMITED, "Rate limited", Retry_After="0"),
    "500": _status(HTTPStatus.INTERNAL_SERVER_ERROR, answers.PLAIN_REFUSAL, "internal server error"),
    "500-echo": _instead(_echo),
    "500-final": _status(
        HTTPStatus.INTERNAL_SERVER_ERROR, answers.PLAIN_REFUSAL, "not retryable", x_should_retry="false"
    ),
    "502-html": _instead(lambda _: answers.page(HTTPStatus.BAD_GATEWAY, "502 Bad Gateway")),
    "520": _instead(lambda _: answers.page(520, "520: Web server is returning an unknown error")),
    "close": _close,
    "code-971": _status(HTTPStatus.OK, answers.SLOW_DOWN, answers.SLOW_DOWN_MESSAGE),
    "code-971-403": _status(HTTPStatus.FORBIDDEN, answers.SLOW_DOWN, answers.SLOW_DOWN_MESSAGE),
    "down": _down,
    "drip": _drip,
    "hang": _hang,
    "html-200": _instead(lambda _: answers.page(HTTPStatus.OK, "Just a moment...")),
    "not-json": _instead(_not_json),
    "reset": _reset,
    "success-false": _status(HTTPStatus.OK, answers.PLAIN_REFUSAL, "something went wrong"),
    "truncated": _truncated,
    "wrong-shape": _instead(_wrong_shape),
}
