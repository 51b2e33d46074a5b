"""Grafana Loki's push API: a stream for each connector and level, the record as the line.

Loki keeps what it takes of a request that it answers with 400, and does not say which entries it refused.
What is sent again is no harm: of entries with the same stream, time and line it shows one. So is found out,
in halves, which ones are too old ("entry too far behind").

So a line has to tell its event from any other of the same time: it must have the id, or `t` and `n`.

Labels are few on purpose, for each set of them is a stream: account, connector, level and what was
configured.

Source: Grafana, "Loki HTTP API", "Ingest logs"; "Cardinality".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tailer.core.durations import Seconds
from tailer.model import Event
from tailer.sinks.formats.choice import make_format
from tailer.sinks.formats.chosen import ChosenField
from tailer.sinks.formats.template import TemplateFormat
from tailer.sinks.http.answers import Answer, Verdict, judge
from tailer.sinks.http.preset import bearer, records_of, texts_of
from tailer.sinks.instants import nanoseconds_of


class LokiPreset:
    """A Loki server, or a gateway in front of it.

    Args:
        labels: Constant labels of every stream.
        fields: Of the record in a line; empty: all.
        template: What a line is instead; ``None``: the record.
    """

    path = "/loki/api/v1/push"
    probe: str | None = "/ready"
    content_type = "application/json"
    max_events = 10_000
    max_bytes = 1_000_000  # as its own agents do; a server takes 4 MB a message by default
    min_interval: Seconds = 0.0

    def __init__(
        self,
        labels: Mapping[str, str],
        fields: Sequence[ChosenField] = (),
        template: str | None = None,
    ) -> None:
        self._lines = make_format("jsonl", fields=fields)
        self._template = None if template is None else TemplateFormat(template)
        self._labels = dict(labels)

    def authorization(self, secret: str) -> Mapping[str, str]:
        """Send a bearer token."""
        return bearer(secret)

    def render(self, events: Sequence[Event]) -> bytes:
        """Write the streams, each with its events in their order."""
        streams: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
        if self._template is None:
            lines = [record.decode() for record in records_of(self._lines, events)]
        else:
            lines = texts_of(self._template, events)
        for event, line in zip(events, lines, strict=True):
            values = streams.setdefault((event.account, event.connector, event.level), [])
            values.append((str(nanoseconds_of(event)), line))
        return msgspec.json.encode(
            {
                "streams": [
                    {"stream": self._labels_of(*stream), "values": values}
                    for stream, values in streams.items()
                ]
            }
        )

    def _labels_of(self, account: str, connector: str, level: str) -> dict[str, str]:
        return {**self._labels, "account": account, "connector": connector, "level": level}

    def judge(self, answer: Answer, count: int) -> Verdict:  # noqa: ARG002 - it names no entry
        """Go by the status: 204 is all, 400 not all, 429 too fast."""
        return judge(answer)
