"""Answers as values: envelopes, rows and error bodies in the shapes of Cloudflare's OpenAPI document.

Codes and messages: those that Cloudflare's API is known to give. Where nobody has published the code of a
refusal, the number here is invented and only its status means something.
"""

from datetime import UTC, datetime
from email.utils import formatdate
from http import HTTPStatus

import msgspec

from tailer.simulator.fleet import Connector
from tailer.simulator.shelf import Event

AUTHENTICATION_ERROR = 10000
MISSING_CREDENTIALS = 9106
TOKEN_NOT_ALLOWED = 9109
MALFORMED_HEADERS = 6003
MALFORMED_AUTHORIZATION = 6111
UNROUTABLE = 7003
NO_ROUTE = 7000
RATE_LIMITED = 10000
SLOW_DOWN = 971
SLOW_DOWN_MESSAGE = "Please wait and consider throttling your request speed"
PLAIN_REFUSAL = 1001  # invented: the code of a plain 400 is published nowhere
NO_SUCH_EVENT = 1002  # invented, likewise


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One member of ``errors``."""

    code: int
    message: str
    error_chain: tuple["Problem", ...] = ()


class EventPage(msgspec.Struct, frozen=True):
    """``result`` of List Events; `cursor` may be left out, null or empty."""

    count: int | float
    items: list[Event]
    cursor: str | msgspec.UnsetType | None = msgspec.UNSET


class Envelope(msgspec.Struct, frozen=True):
    """What every JSON answer is wrapped in."""

    success: bool
    errors: tuple[Problem, ...]
    messages: tuple[Problem, ...]
    result: object


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole HTTP answer, not sent yet."""

    status: int = HTTPStatus.OK
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = {}


_encode = msgspec.json.Encoder().encode


def success(result: object) -> Answer:
    """Answer 200 with this result."""
    return Answer(body=_encode(Envelope(success=True, errors=(), messages=(), result=result)))


def failure(status: int, code: int, message: str, *chain: Problem, **headers: str) -> Answer:
    """Answer with an error body.

    Args:
        status: HTTP status; 200 happens too.
        code: Cloudflare's code.
        message: Cloudflare's message.
        chain: What stands in ``error_chain``.
        headers: Further headers, ``_`` standing for ``-``.
    """
    envelope = Envelope(success=False, errors=(Problem(code, message, chain),), messages=(), result=None)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body=_encode(envelope), headers=named)


def refusal(message: str) -> Answer:
    """A plain 400, which does not say clearly what was not liked."""
    return failure(HTTPStatus.BAD_REQUEST, PLAIN_REFUSAL, message)


def unroutable(path: str) -> Answer:
    """404 for an account or a connector that does not exist."""
    return failure(
        HTTPStatus.NOT_FOUND,
        UNROUTABLE,
        f"Could not route to {path}, perhaps your object identifier is invalid?",
    )


def page(status: int, title: str) -> Answer:
    """An HTML page instead of JSON, as proxies give it."""
    body = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status=status, body=body.encode(), content_type="text/html")


def connector_row(connector: Connector, heartbeat_at: float) -> dict[str, object]:
    """One member of List Connectors."""
    return {
        "id": connector.id,
        "activated": True,
        "device": {
            "id": connector.device_id,
            "serial_number": connector.serial,
            "type": connector.device_type,
        },
        "interrupt_window_days_of_week": ["Saturday", "Sunday"],
        "interrupt_window_duration_hours": 4,
        "interrupt_window_embargo_dates": [],
        "interrupt_window_hour_of_day": 2,
        "last_heartbeat": _iso(heartbeat_at),
        "last_seen_version": connector.version,
        "last_updated": _iso(heartbeat_at - 86400),
        "license_key": connector.license_key,
        "notes": connector.notes,
        "timezone": connector.timezone,
    }


def http_date(at: float) -> str:
    """An instant as the ``Date`` header has it: whole seconds, GMT."""
    return formatdate(int(at), usegmt=True)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
