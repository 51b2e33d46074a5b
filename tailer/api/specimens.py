"""Answers of List Events taken apart more finely than reading events needs: for ``check --probe``."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from tailer.api.headers import Headers, rate_policy
from tailer.api.protocol import connectors_url, decipher_events
from tailer.core.specimen import CursorForm, Specimen
from tailer.errors import RequestRefusedError


class Question(NamedTuple):
    """One request of List Events; unlike `EventsRequest` its ends may be fractions.

    Attributes:
        start: ``from``, epoch seconds.
        end: ``to``, epoch seconds.
        limit: Rows a page; ``None`` sends none.
        kind: ``k``; ``None`` sends none.
        cursor: Page cursor of the page before.
    """

    start: int | float
    end: int | float
    limit: int | None = None
    kind: str | None = None
    cursor: str | None = None


class _Row(msgspec.Struct):
    t: int | float
    n: int | float
    a: int | float


class _Result(msgspec.Struct):
    items: list[_Row]
    count: int | float
    cursor: str | msgspec.UnsetType | None = msgspec.UNSET


class _Answer(msgspec.Struct):
    result: _Result


def events_path(account: str, connector: str, question: Question) -> str:
    """Return path and query of List Events, quoted."""
    names = {"from": "start", "to": "end", "limit": "limit", "k": "kind", "cursor": "cursor"}
    asked = question._asdict()
    query = {name: asked[field] for name, field in names.items() if asked[field] is not None}
    return f"{connectors_url('', account, connector)}/telemetry/events?{urlencode(query)}"


def decipher_specimen(status: int, headers: Headers, body: bytes, account: str, connector: str) -> Specimen:
    """Read an answer of List Events; a plain 400 is an answer too.

    Args:
        status: HTTP status.
        headers: Of the answer.
        body: Whole and uncompressed.
        account: Account id, for messages.
        connector: Connector id, for messages.

    Raises:
        ApiError: Every other of its subclasses, as `decipher_events` does.
    """
    rate = rate_policy(headers)
    try:
        page = decipher_events(status, headers, body, account, connector)
    except RequestRefusedError:
        return Specimen(refused=True, rate=rate)
    raw = msgspec.json.decode(body, type=_Answer).result
    numbers = [raw.count, *(number for row in raw.items for number in (row.t, row.n, row.a))]
    return Specimen(
        events=tuple(page.events),
        count=page.count,
        cursor=page.cursor,
        cursor_form=_form_of(raw.cursor),
        has_points=any(isinstance(number, float) and number.is_integer() for number in numbers),
        rate=rate,
    )


def _form_of(cursor: str | msgspec.UnsetType | None) -> CursorForm:
    if cursor is msgspec.UNSET:
        return "absent"
    if cursor is None:
        return "null"
    return "text" if cursor else "empty"
