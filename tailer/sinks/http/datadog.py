"""Datadog's log intake: an array of logs, taken or refused as a whole.

What is older than 18 hours when it comes is accepted and then not kept, says its documentation.

Source: Datadog, "Logs API: Send logs" (v2): at most 1000 logs and 5 MB uncompressed a request, 1 MB a log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tailer.core.durations import Seconds
from tailer.model import Event
from tailer.sinks.formats.jsonl import JsonlFormat
from tailer.sinks.http.answers import Answer, Verdict, judge
from tailer.sinks.http.preset import quoted_name, records_of
from tailer.sinks.instants import nanoseconds_of
from tailer.sinks.text import json_text


class DatadogPreset:
    """A Datadog site.

    Args:
        labels: Tags of every log.
    """

    path = "/api/v2/logs"
    probe: str | None = None
    content_type = "application/json"
    max_events = 1000
    max_bytes = 4_500_000
    min_interval: Seconds = 0.0

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._lines = JsonlFormat()
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
        return b"[%s]" % b",".join(
            b'%s%s,"status":"%s","timestamp":%d,"message":%s,%s'
            % (
                self._before,
                quoted_name(event.name),
                event.level.encode(),
                nanoseconds_of(event) // 10**6,
                quoted_name(f"{event.name} {event.k}"),
                record[1:],
            )
            for event, record in zip(events, records, strict=True)
        )

    def judge(self, answer: Answer, count: int) -> Verdict:  # noqa: ARG002 - it names no log
        """Go by the status."""
        return judge(answer)
