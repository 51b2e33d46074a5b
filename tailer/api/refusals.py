"""Which error an answer is that brought no page: status first, then Cloudflare's codes.

1. 429, or code 971 under any status: we are too fast.
2. ``x-should-retry: true`` outranks all that follows: the failure is a passing one.
3. 401 and 403 are about credentials, 404 about the connector or event, whatever the codes: codes are reused.
4. 400 and other refusals, and 200 with ``success: false``, are told apart by the codes.
5. What is left of 400 is a plain refusal of the request; all the rest passes.

Source: Cloudflare's API reference and error codes, and what its users report of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from tailer.api.headers import Headers, ray_id, retry_after, should_retry
from tailer.errors import (
    ApiError,
    AuthError,
    ConnectorGoneError,
    EventGoneError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
)

SLOW_DOWN = 971
_CREDENTIAL_CODES = frozenset({10000, 9109, 9106, 9103, 6003, 6111, 6103})
_ROUTE_CODES = frozenset({7003, 7000})  # wrong account or connector id
_PASSING_STATUSES = frozenset({408, 425})
_REFUSAL_STATUSES = frozenset({400, 413, 414, 416, 422})
_MAX_TEXT = 200
_MAX_ERRORS = 20
_DEPTH = 3  # errors, their chain, and one more for the unforeseen


class Subject(NamedTuple):
    """What was asked for; ``connector`` is ``None`` where an account's connectors are listed.

    Single events of a connector are another subject than its events: who is refused one may read the other.
    """

    account: str
    connector: str | None = None
    is_single: bool = False

    def __str__(self) -> str:
        if self.connector is None:
            return f"connectors of account {printable(self.account)}"
        what = "details of an event" if self.is_single else "events"
        return f"{what} of connector {printable(self.connector)} (account {printable(self.account)})"


def printable(text: str) -> str:
    """Return `text` with all that is not printable escaped, cut to 200 characters."""
    text = text[:_MAX_TEXT]
    if not text.isprintable():
        text = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
        )
    return text[:_MAX_TEXT]


def refusal(status: int, headers: Headers, body: bytes, subject: Subject) -> ApiError:
    """Return the error that an answer without a page is.

    Args:
        status: HTTP status: not 2xx, or 2xx with ``success: false``.
        headers: Of the answer.
        body: Whole and uncompressed; JSON, HTML, text or nothing.
        subject: What was asked for.
    """
    errors = list(_errors(body))
    codes = tuple(code for code, _ in errors if code is not None)
    judged = _judge(status, codes, subject)
    if judged.kind is not RateLimitedError and should_retry(headers):
        judged = _Verdict(
            ServerError, f"The API can't give the {subject} now", "it says that trying again helps"
        )
    ray = ray_id(headers)
    message = _sentence(judged, status, codes, ray, "; ".join(text for _, text in errors if text))
    if judged.kind is RateLimitedError:
        return RateLimitedError(
            message, retry_after=retry_after(headers), status=status, ray_id=ray, codes=codes
        )
    if judged.kind is ServerError:
        return ServerError(
            message,
            should_retry=should_retry(headers),
            retry_after=retry_after(headers),
            status=status,
            ray_id=ray,
            codes=codes,
        )
    return judged.kind(message, status=status, ray_id=ray, codes=codes)


class _Verdict(NamedTuple):
    kind: type[ApiError]
    what: str
    hint: str


def _judge(status: int, codes: Sequence[int], subject: Subject) -> _Verdict:
    """Apply rules 1 and 3 to 5."""
    told_by_code = status < 500 and status not in _PASSING_STATUSES
    if status == 429 or SLOW_DOWN in codes:
        judged = _Verdict(RateLimitedError, f"The API asks to slow down reading {subject}", "requests wait")
    elif 300 <= status < 400:
        hint = "redirects are not followed, check [api] base_url"
        judged = _Verdict(ServerError, f"The API redirects the request for {subject}", hint)
    elif status in (401, 403) or (told_by_code and status != 404 and _CREDENTIAL_CODES.intersection(codes)):
        hint = "check the credentials, their permission 'Magic WAN Read' and their IP allow-list"
        judged = _Verdict(AuthError, f"The API refused our credentials for {subject}", hint)
    elif status == 404 or (told_by_code and _ROUTE_CODES.intersection(codes)):
        judged = _unknown(subject)
    elif status in _REFUSAL_STATUSES:
        hint = "it may be the window, the limit or the page cursor"
        if subject.is_single:
            hint = "it may be the event's time or number"
        judged = _Verdict(RequestRefusedError, f"The API refused the request for {subject}", hint)
    else:
        judged = _Verdict(ServerError, f"The API failed to give the {subject}", "usually this passes")
    return judged


def _unknown(subject: Subject) -> _Verdict:
    """Judge that the API does not know something."""
    what = f"The API does not know the {subject}"
    if subject.is_single:
        return _Verdict(EventGoneError, what, "it may keep them no more")
    # Without an account there is nothing to go on with, just as without credentials.
    kind = AuthError if subject.connector is None else ConnectorGoneError
    return _Verdict(kind, what, "check the ids, and that the credentials cover the account")


def _sentence(judged: _Verdict, status: int, codes: Sequence[int], ray: str | None, told: str) -> str:
    facts = [f"HTTP {status}"]
    if codes:
        facts.append(f"code {', '.join(map(str, codes))}")
    if ray is not None:
        facts.append(f"ray {ray}")
    quoted = f' "{printable(told)}"' if told else ""
    return f"{judged.what} ({'; '.join(facts)}){quoted}: {judged.hint}"


def _errors(body: bytes) -> Iterator[tuple[int | None, str]]:
    """Yield code and message of every error in a body, those of a chain after the one they explain."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return
    if isinstance(answer, dict):
        yield from islice(_chain(answer.get("errors"), _DEPTH), _MAX_ERRORS)


def _chain(errors: object, depth: int) -> Iterator[tuple[int | None, str]]:
    if not isinstance(errors, list) or depth == 0:
        return
    for error in errors:
        if isinstance(error, dict):
            code, text = error.get("code"), error.get("message")
            yield _code(code), text if isinstance(text, str) else ""
            yield from _chain(error.get("error_chain"), depth - 1)


def _code(value: object) -> int | None:
    """Return a code however it was written: 971, 971.0, "971"."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
