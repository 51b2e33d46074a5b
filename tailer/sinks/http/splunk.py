"""Splunk's HTTP Event Collector (HEC): events as concatenated JSON objects, its own codes in the answer.

Source: Splunk, "Format events for HTTP Event Collector" and "Possible error codes"; ``invalid-event-number``
counts from 0. Nobody promises what becomes of the events around an invalid one, so all others are sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tailer.core.durations import Seconds
from tailer.model import Event
from tailer.sinks.formats.choice import make_format
from tailer.sinks.formats.chosen import ChosenField
from tailer.sinks.formats.template import TemplateFormat
from tailer.sinks.http.answers import Answer, Away, Refused, Taken, Verdict, describe, judge
from tailer.sinks.http.preset import quoted_name, records_of, texts_of
from tailer.sinks.instants import nanoseconds_of
from tailer.sinks.text import json_text

_OF_AN_EVENT = frozenset({6, 12, 13, 15})
"""Invalid data format; event field missing; event field blank; indexed fields that can't be handled."""

_NO_CODE = -1


class _Told(msgspec.Struct, frozen=True):
    """What an answer's body tells."""

    code: int = _NO_CODE
    number: int | None = msgspec.field(default=None, name="invalid-event-number")


class SplunkPreset:
    """A HEC endpoint for events.

    Args:
        index: Where they go; ``None``: as the token says.
        labels: Constant indexed fields.
        fields: Of the record; empty: all.
        template: What an event is instead, a text; ``None``: the record.
    """

    path = "/services/collector/event"
    probe: str | None = "/services/collector/health"
    content_type = "application/json"
    max_events = 10_000
    max_bytes = 1_000_000  # what Splunk Cloud recommends; its hard limit is much higher
    min_interval: Seconds = 0.0

    def __init__(
        self,
        index: str | None,
        labels: Mapping[str, str],
        fields: Sequence[ChosenField] = (),
        template: str | None = None,
    ) -> None:
        self._lines = make_format("jsonl", fields=fields)
        self._template = None if template is None else TemplateFormat(template)
        constant = ',"source":"tailer"'
        if index is not None:
            constant += f',"index":{json_text(index)}'
        if labels:
            constant += f',"fields":{msgspec.json.encode(labels).decode()}'
        self._constant = constant.encode()

    def authorization(self, secret: str) -> Mapping[str, str]:
        """Send a HEC token."""
        return {"Authorization": f"Splunk {secret}"}

    def render(self, events: Sequence[Event]) -> bytes:
        """Write an object an event, a line each; the record is its event, the connector's name its host."""
        if self._template is None:
            records = records_of(self._lines, events)
        else:
            records = [json_text(text).encode() for text in texts_of(self._template, events)]
        return b"\n".join(
            b'{"time":%.6f,"host":%s%s,"event":%s}'
            % (nanoseconds_of(event) / 1e9, quoted_name(event.name), self._constant, record)
            for event, record in zip(events, records, strict=True)
        )

    def judge(self, answer: Answer, count: int) -> Verdict:
        """Tell an event that is invalid from a request that is."""
        if answer.status != 400:
            return judge(answer)
        try:
            told = msgspec.json.decode(answer.body, type=_Told)
        except msgspec.MsgspecError:
            return judge(answer)
        if told.code != _NO_CODE and told.code not in _OF_AN_EVENT:
            return Away(f"takes none of our requests ({describe(answer)}); check index, token and url")
        if told.number is None or not 0 <= told.number < count:
            return Refused(describe(answer))
        others = [index for index in range(count) if index != told.number]
        return Taken({told.number: describe(answer)}, others)
