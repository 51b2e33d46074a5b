"""Requests and answers of the API as plain values: builds URLs, deciphers bodies. No socket, no clock.

Rules of deciphering:

1. 2xx with ``success: true`` and the promised shape is a page. Unknown fields are skipped.
2. 2xx with ``success: false``, and every other status, is an error by `refusals`.
3. 2xx with JSON of another shape, or with HTML, is a `WireFormatError`: never "no events".
4. 2xx whose body is no whole JSON text was cut off under way: a `TransportError`, which passes.
5. Whole numbers become ints, however written. No error keeps a body, but the first bytes of a page of events
   in rule 3; and none has a cause, because the decoder's own errors quote what they failed at.

Source: Cloudflare's OpenAPI document, "List Events", "Get Event" and "List Connectors" of Magic WAN
connectors.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TypeVar
from urllib.parse import quote

import msgspec

from tailer.api.headers import Headers, ray_id
from tailer.api.refusals import Subject, refusal
from tailer.core.httpdates import parse_date
from tailer.errors import ApiError, TransportError, WireFormatError
from tailer.model import Connector, Event, EventsRequest, Key, Page, Payload

_MAX_REPORTED_BYTES = 2000


class _Events(msgspec.Struct):
    items: list[Event]
    count: int | float
    cursor: str | None = None


class _EventsAnswer(msgspec.Struct):
    success: bool
    result: _Events


class _Recorded(msgspec.Struct):
    e: Payload
    t: int | float
    n: int | float


class _EventAnswer(msgspec.Struct):
    success: bool
    result: _Recorded


class _Device(msgspec.Struct):
    serial_number: str | None = None


class _Connector(msgspec.Struct):
    id: str
    notes: str | None = None
    last_heartbeat: str | None = None
    last_seen_version: str | None = None
    activated: bool | None = None
    device: _Device | None = None


class _ConnectorsAnswer(msgspec.Struct):
    success: bool
    result: list[_Connector]


_Answer = TypeVar("_Answer", _EventsAnswer, _EventAnswer, _ConnectorsAnswer)

# One decoder each, straight from bytes into events: 0.3 us a row, a third of what any detour costs.
_EVENTS = msgspec.json.Decoder(_EventsAnswer)
_EVENT = msgspec.json.Decoder(_EventAnswer)
_CONNECTORS = msgspec.json.Decoder(_ConnectorsAnswer)


@lru_cache(maxsize=16_384)
def connectors_url(base_url: str, account: str, connector: str = "") -> str:
    """Return the URL of an account's connectors, or of one of them, already quoted."""
    url = f"{base_url}/accounts/{quote(account, safe='')}/magic/connectors"
    return f"{url}/{quote(connector, safe='')}" if connector else url


def events_url(base_url: str, account: str, connector: str, request: EventsRequest) -> str:
    """Return the URL of List Events, already quoted."""
    url = connectors_url(base_url, account, connector)
    url = f"{url}/telemetry/events?from={request.start}&to={request.end}"
    if request.limit is not None:
        url = f"{url}&limit={request.limit}"
    if request.kind is not None:
        url = f"{url}&k={quote(request.kind, safe='')}"
    if request.cursor is not None:
        url = f"{url}&cursor={quote(request.cursor, safe='')}"
    return url


def event_url(base_url: str, account: str, connector: str, key: Key) -> str:
    """Return the URL of Get Event, already quoted."""
    t, n = key
    return f"{connectors_url(base_url, account, connector)}/telemetry/events/{quote(f'{t}.{n}', safe='')}"


def decipher_events(status: int, headers: Headers, body: bytes, account: str, connector: str) -> Page:
    """Read an answer of List Events.

    Args:
        status: HTTP status.
        headers: Of the answer.
        body: Whole and uncompressed.
        account: Account id, for the messages.
        connector: Connector id, for the messages.

    Raises:
        ApiError: One of its subclasses, by the rules above.
    """
    subject = Subject(account, connector)
    answer = _decode(_EVENTS, status, headers, body, subject)
    result = answer.result
    count = _whole(result.count)
    if not isinstance(count, int):
        raise _wrong_shape("`count` is no whole number", subject, headers, status, body)
    for event in result.items:
        # One chain of comparisons: it runs for every row, and nearly always finds nothing to do.
        if not event.t.__class__ is event.n.__class__ is event.a.__class__ is int:
            event.t, event.n, event.a = _whole(event.t), _whole(event.n), _whole(event.a)
    return Page(result.items, count, result.cursor or None, parse_date(headers.get("Date")))


def decipher_event(
    status: int, headers: Headers, body: bytes, account: str, connector: str, *, key: Key
) -> Payload:
    """Read an answer of Get Event: the event's payload, its kind included.

    Args:
        status: HTTP status.
        headers: Of the answer.
        body: Whole and uncompressed.
        account: Account id, for the messages.
        connector: Connector id, for the messages.
        key: What was asked for; the answer must be about the same event.

    Raises:
        ApiError: One of its subclasses, by the rules above.
    """
    subject = Subject(account, connector, is_single=True)
    found = _decode(_EVENT, status, headers, body, subject).result
    if (found.t, found.n) != key:
        raise _wrong_shape("it is about another event", subject, headers, status, body)
    return found.e


def decipher_connectors(status: int, headers: Headers, body: bytes, account: str) -> list[Connector]:
    """Read an answer of List Connectors; ``license_key`` and all that is not needed stays behind.

    Args:
        status: HTTP status.
        headers: Of the answer.
        body: Whole and uncompressed.
        account: Account id.

    Raises:
        ApiError: One of its subclasses, by the rules above.
    """
    subject = Subject(account)
    answer = _decode(_CONNECTORS, status, headers, body, subject)
    if not all(row.id for row in answer.result):
        raise _wrong_shape("a connector has an empty `id`", subject, headers, status, body)
    return [
        Connector(
            account=account,
            id=row.id,
            notes=row.notes or "",
            serial=(row.device.serial_number if row.device else None) or "",
            last_heartbeat=row.last_heartbeat,
            activated=row.activated,
            version=row.last_seen_version or "",
        )
        for row in answer.result
    ]


def _decode(
    decoder: msgspec.json.Decoder[_Answer], status: int, headers: Headers, body: bytes, subject: Subject
) -> _Answer:
    """Return the decoded answer if it is one and is a success."""
    if not 200 <= status < 300:
        raise refusal(status, headers, body, subject)
    try:
        answer = decoder.decode(body)
    except (ValueError, RecursionError) as error:
        # msgspec's own words name the place and the types, never a value.
        mistake = str(error) if isinstance(error, msgspec.ValidationError) else "not to be decoded"
    else:
        if answer.success:
            return answer
        raise refusal(status, headers, body, subject)
    raise _undecodable(mistake, status, headers, body, subject)


def _undecodable(mistake: str, status: int, headers: Headers, body: bytes, subject: Subject) -> ApiError:
    """Return the error that a 2xx body of another shape is (rules 2 to 4)."""
    if body.lstrip()[:1] == b"<":
        return _wrong_shape("an HTML page instead of JSON", subject, headers, status, body)
    try:
        # Not msgspec: this decoder takes NaN and numbers of any size, so that only the cut-off fails.
        answer = json.loads(body, parse_int=len)
    except RecursionError:
        answer = None
    except ValueError:
        return TransportError(
            f"The answer with the {subject} is no whole JSON text ({len(body)} bytes, HTTP {status}): "
            "it was cut off under way, or something between us and the API answered"
        )
    if isinstance(answer, dict) and answer.get("success") is False:
        return refusal(status, headers, body, subject)
    return _wrong_shape(mistake, subject, headers, status, body)


def _wrong_shape(
    mistake: str, subject: Subject, headers: Headers, status: int, body: bytes
) -> WireFormatError:
    # The first bytes of a list of connectors may hold a license key.
    page = b"" if subject.connector is None else body[:_MAX_REPORTED_BYTES]
    then = "" if subject.is_single else ", and it is read again later"
    return WireFormatError(
        f"The answer with the {subject} is not what the API promises: {mistake};"
        f" nothing of it was used{then}",
        page=page,
        status=status,
        ray_id=ray_id(headers),
    )


def _whole(number: int | float) -> int | float:
    return int(number) if isinstance(number, float) and number.is_integer() else number
