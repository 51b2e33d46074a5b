"""The ``_bulk`` API of Elasticsearch and OpenSearch: each event a document with its own id, judged by itself.

``create`` with an id makes it exactly once: a document that is there already answers 409, which is as good as
accepted. It is also the one action that data streams take.

Source: Elasticsearch, "Bulk API"; OpenSearch, "Bulk". Both answer 200 with a status an item, in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from tailer.core.durations import Seconds
from tailer.core.reasons import tidy
from tailer.model import Event
from tailer.sinks.formats.choice import make_format
from tailer.sinks.formats.chosen import ChosenField
from tailer.sinks.http.answers import Answer, Away, Taken, Verdict, judge, wait_of
from tailer.sinks.http.preset import extend, records_of
from tailer.sinks.instants import nanoseconds_of
from tailer.sinks.text import json_text

OWN_FIELDS = ("@timestamp",)
"""What documents have besides the record's fields."""

_THERE_ALREADY = 409
_OF_THE_DOCUMENT = frozenset({400, 413, 422})


class _Error(msgspec.Struct, frozen=True):
    type: str = ""
    reason: str | None = None


class _Item(msgspec.Struct, frozen=True):
    status: int
    error: _Error | str | None = None

    @property
    def told(self) -> str:
        """Status and reason for a message."""
        error = self.error
        words = f"{error.type}: {error.reason or ''}" if isinstance(error, _Error) else error or ""
        return tidy(f"HTTP {self.status}: {words}")


class _Told(msgspec.Struct, frozen=True):
    errors: bool
    items: list[dict[str, _Item]] = []


class ElasticsearchPreset:
    """An index or a data stream.

    Args:
        index: Its name.
        fields: Of the documents; empty: all of the record's. The id is theirs in any case.
    """

    # Of ten thousand items only what is read here comes back.
    path = "/_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason"
    probe: str | None = "/"
    content_type = "application/x-ndjson"
    max_events = 10_000
    max_bytes = 20_000_000  # the servers take 100 MB; they recommend 5 to 15
    min_interval: Seconds = 0.0

    def __init__(self, index: str, fields: Sequence[ChosenField] = ()) -> None:
        self._lines = make_format("jsonl", fields=fields)
        self._id_and_time = _make_id_and_time if fields else _cut_id_and_time
        self._before = f'{{"create":{{"_index":{json_text(index)},"_id":'.encode()

    def authorization(self, secret: str) -> Mapping[str, str]:
        """Send an API key, as both call what they encode."""
        return {"Authorization": f"ApiKey {secret}"}

    def render(self, events: Sequence[Event]) -> bytes:
        """Write two lines an event: the action, and the record with the ``@timestamp`` data streams want."""
        records = records_of(self._lines, events)
        id_and_time = self._id_and_time
        return b"".join(
            extend(b'%s%s}}\n{"@timestamp":%s' % (self._before, *id_and_time(record, event)), record) + b"\n"
            for event, record in zip(events, records, strict=True)
        )

    def judge(self, answer: Answer, count: int) -> Verdict:
        """Judge each item."""
        if not 200 <= answer.status < 300:
            return judge(answer)
        try:
            told = msgspec.json.decode(answer.body, type=_Told)
        except msgspec.MsgspecError:
            return Away("answers with what is no _bulk answer; check url")
        if not told.errors:
            return Taken()
        if len(told.items) != count:
            return Away(f"answers about {len(told.items)} of {count} documents; check url")
        return _judge([item for row in told.items for item in row.values()], answer)


def _judge(items: Sequence[_Item], answer: Answer) -> Taken:
    rejected: dict[int, str] = {}
    left: list[int] = []
    for index, item in enumerate(items):
        if item.status in _OF_THE_DOCUMENT:
            rejected[index] = item.told
        elif item.status >= 300 and item.status != _THERE_ALREADY:
            left.append(index)
    if not left:
        return Taken(rejected)
    why = f"does not take {len(left)} of {len(items)} documents at present ({items[left[0]].told})"
    return Taken(rejected, left, why, wait_of(answer))


def _cut_id_and_time(record: bytes, event: Event) -> tuple[bytes, bytes]:
    """Cut id and time, quotes and all, out of a whole record: its first fields; no text has a bare quote."""
    before, _, rest = record.partition(b',"time":')
    time = rest[: rest.index(b',"account":')]
    return before[len(b'{"id":') :], _timestamp(event) if time == b"null" else time


def _make_id_and_time(_record: bytes, event: Event) -> tuple[bytes, bytes]:
    """Write id and time of an event whose record may have neither."""
    return json_text(event.id).encode(), _timestamp(event)


def _timestamp(event: Event) -> bytes:
    """Write the time of an event, one that any server can read even where its own is none."""
    moment = datetime.fromtimestamp(nanoseconds_of(event) / 10**9, UTC)
    return f'"{moment.isoformat(timespec="milliseconds").removesuffix("+00:00")}Z"'.encode()
