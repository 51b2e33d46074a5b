"""Any counterpart that takes a body and answers with a status: no preset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from tailer.core.durations import Seconds
from tailer.model import Event
from tailer.sinks.formats.choice import make_format
from tailer.sinks.formats.chosen import ChosenField
from tailer.sinks.formats.format import Format
from tailer.sinks.formats.template import TemplateFormat
from tailer.sinks.http.answers import Answer, Verdict, judge
from tailer.sinks.http.preset import bearer

Body: TypeAlias = Literal["jsonl", "json", "template"]
"""What a body is made of."""

_TYPES: Mapping[Body, str] = {
    "jsonl": "application/x-ndjson",
    "json": "application/json",
    "template": "text/plain; charset=utf-8",
}


class PlainPreset:
    """Records, or a template's texts, in one body.

    Args:
        body: "jsonl": a record a line; "json": an array of records; "template": a text an event.
        template: For "template": an event's text.
        single: Whether each request has one event; its JSON is then an object, without the array around it.
        begin: For "template": what the body begins with ...
        separator: ... what stands between two texts ...
        end: ... and what it ends with.
        fields: What records have; empty: all.
    """

    path = ""
    probe: str | None = None
    max_bytes = 2**63
    min_interval: Seconds = 0.0

    def __init__(
        self,
        body: Body,
        *,
        template: str = "",
        single: bool = False,
        begin: str = "",
        separator: str = "\n",
        end: str = "\n",
        fields: Sequence[ChosenField] = (),
    ) -> None:
        self.content_type = _TYPES[body]
        self.max_events = 1 if single else 2**63
        self._lines: Format = (
            TemplateFormat(template) if body == "template" else make_format("jsonl", fields=fields)
        )
        around = {"jsonl": ("", "\n", "\n"), "json": ("", "", "") if single else ("[", ",", "]")}
        pieces = around.get(body, (begin, separator, end))
        self._begin, self._separator, self._end = (piece.encode() for piece in pieces)

    def authorization(self, secret: str) -> Mapping[str, str]:
        """Send a bearer token."""
        return bearer(secret)

    def render(self, events: Sequence[Event]) -> bytes:
        """Write the body. A template's text may have several lines, so each event is rendered alone."""
        texts = [self._lines.render([event]).removesuffix(b"\n") for event in events]
        return self._join(texts)

    def bodies_of(self, records: Sequence[bytes]) -> list[bytes]:
        """Write the bodies for records that are JSON already, as `render` does for events."""
        size = min(self.max_events, len(records)) or 1
        return [self._join(records[first : first + size]) for first in range(0, len(records), size)]

    def judge(self, answer: Answer, count: int) -> Verdict:  # noqa: ARG002 - the status speaks for all
        """Go by the status."""
        return judge(answer)

    def _join(self, texts: Sequence[bytes]) -> bytes:
        return self._begin + self._separator.join(texts) + self._end
