"""Datadog's log intake: an array of logs, taken or refused as a whole.

What is older than 18 hours when it comes is accepted and then not kept, says its documentation.

Source: Datadog, "Logs API: Send logs" (v2): at most 1000 logs and 5 MB uncompressed a request, 1 MB a log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tailer.core.durations import Seconds
from tailer.model import Event
from tailer.sinks.formats.choice import make_format
from tailer.sinks.formats.chosen import ChosenField
from tailer.sinks.formats.template import TemplateFormat
from tailer.sinks.http.answers import Answer, Verdict, judge
from tailer.sinks.http.preset import extend, quoted_name, records_of, texts_of
from tailer.sinks.instants import nanoseconds_of
from tailer.sinks.text import json_text

OWN_FIELDS = ("ddsource", "ddtags", "hostname", "message", "service", "status", "timestamp")
"""What logs have besides the record's fields."""


class DatadogPreset:
    """A Datadog site.

    Args:
        labels: Tags of every log.
        fields: Attributes; empty: all of the record's fields.
        template: What the message is; ``None``: name and kind.
    """

    path = "/api/v2/logs"
    probe: str | None = None
    content_type = "application/json"
    max_events = 1000
    max_bytes = 4_500_000
    min_interval: Seconds = 0.0

    def __init__(
        self,
        labels: Mapping[str, str],
        fields: Sequence[ChosenField] = (),
        template: str | None = None,
    ) -> None:
        self._lines = make_format("jsonl", fields=fields)
        self._template = None if template is None else TemplateFormat(template)
        tags = ",".join(f"{name}:{text}" for name, text in labels.items())
        self._before = (
            f'{{"ddsource":"tailer","service":"magic-wan-connector","ddtags":{json_text(tags)},"hostname":'
        ).encode()

    def authorization(self, secret: str) -> Mapping[str, str]:
        """Send an API key."""
        return {"DD-API-KEY": secret}

    def render(self, events: Sequence[Event]) -> bytes:
        """Write the logs: the record's fields as attributes, and what Datadog knows by name."""
        records = records_of(self._lines, events)
        if self._template is None:
            messages = [f"{event.name} {event.k}" for event in events]
        else:
            messages = texts_of(self._template, events)
        return b"[%s]" % b",".join(
            extend(
                b'%s%s,"status":"%s","timestamp":%d,"message":%s'
                % (
                    self._before,
                    quoted_name(event.name),
                    event.level.encode(),
                    nanoseconds_of(event) // 10**6,
                    quoted_name(message),
                ),
                record,
            )
            for event, record, message in zip(events, records, messages, strict=True)
        )

    def judge(self, answer: Answer, count: int) -> Verdict:  # noqa: ARG002 - it names no log
        """Go by the status."""
        return judge(answer)
