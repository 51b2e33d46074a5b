"""A chat's incoming webhook, as Slack has them and others imitate: one message a request, a line an event.

Source: Slack, "Sending messages using incoming webhooks", "Rate limits" (one message a second) and
"Formatting text" (three characters are escaped, so that no name can mention a channel).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tailer.core.durations import Seconds
from tailer.model import Event
from tailer.sinks.formats.template import TemplateFormat
from tailer.sinks.http.answers import Answer, Verdict, judge
from tailer.sinks.http.preset import bearer
from tailer.sinks.text import json_text

LINE = "{time} {name} {level} {k}"
"""The template, where none is configured."""

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class WebhookPreset:
    """A webhook.

    Args:
        template: An event's line.
    """

    path = ""
    probe: str | None = None
    content_type = "application/json"
    max_events = 50  # what somebody may still read
    max_bytes = 35_000  # a text is cut after 40,000 characters
    min_interval: Seconds = 1.0

    def __init__(self, template: str) -> None:
        self._lines = TemplateFormat(template)

    def authorization(self, secret: str) -> Mapping[str, str]:
        """Send a bearer token; most webhooks have their secret in the address."""
        return bearer(secret)

    def render(self, events: Sequence[Event]) -> bytes:
        """Write the message."""
        text = self._lines.render(events).decode().removesuffix("\n").translate(_ESCAPES)
        return f'{{"text":{json_text(text)}}}'.encode()

    def judge(self, answer: Answer, count: int) -> Verdict:  # noqa: ARG002 - one message
        """Go by the status."""
        return judge(answer)
