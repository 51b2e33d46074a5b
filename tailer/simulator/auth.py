"""Who may ask: the credentials of a request, checked as Cloudflare's API does."""

from collections.abc import Mapping
from hmac import compare_digest
from http import HTTPStatus

from tailer.core.durations import Seconds
from tailer.simulator import answers
from tailer.simulator.answers import Answer, Problem
from tailer.simulator.options import SimulatorOptions


def check(headers: Mapping[str, str], options: SimulatorOptions, elapsed: Seconds) -> Answer | None:
    """Check the credentials; ``None`` lets the request pass.

    Args:
        headers: The request's, with names that match whatever their case.
        options: What is accepted.
        elapsed: Seconds since the server's start, which tell whether the token was rotated.
    """
    rotate = options.rotate
    accepted = rotate.token if rotate is not None and elapsed >= rotate.offset else options.token
    bearer = headers.get("Authorization")
    email, key = headers.get("X-Auth-Email"), headers.get("X-Auth-Key")
    if bearer is not None and (email is not None or key is not None):
        return _malformed("Only one authentication scheme may be used per request")
    if bearer is not None:
        scheme, _, token = bearer.partition(" ")
        if scheme != "Bearer" or not token:
            return _malformed("Invalid format for Authorization header")
        return None if _same(token, accepted) else _wrong()
    if email is None or key is None:
        return answers.failure(
            HTTPStatus.BAD_REQUEST,
            answers.MISSING_CREDENTIALS,
            "Missing X-Auth-Key, X-Auth-Email or Authorization headers",
        )
    return None if _same(email, options.email) and _same(key, options.key) else _wrong()


def _same(given: str, wanted: str) -> bool:
    return compare_digest(given.encode(errors="replace"), wanted.encode())


def _malformed(message: str) -> Answer:
    chain = Problem(answers.MALFORMED_AUTHORIZATION, message)
    return answers.failure(
        HTTPStatus.BAD_REQUEST, answers.MALFORMED_HEADERS, "Invalid request headers", chain
    )


def _wrong() -> Answer:
    return answers.failure(HTTPStatus.FORBIDDEN, answers.AUTHENTICATION_ERROR, "Authentication error")
