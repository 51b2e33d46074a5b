"""What a preset is: how events become a request of one sort of counterpart, and what its answers mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from tailer.core.durations import Seconds
from tailer.model import Event
from tailer.sinks.formats.format import Format
from tailer.sinks.formats.template import TemplateFormat
from tailer.sinks.http.answers import Answer, Verdict
from tailer.sinks.text import json_text


class Preset(Protocol):
    """One sort of counterpart; pure but for its caches. Belongs to one sink."""

    @property
    def path(self) -> str:
        """What follows a ``url`` that has no path: ``/_bulk?x=y``; empty: nothing."""

    @property
    def probe(self) -> str | None:
        """A path of the same server that can be read without effect; ``None``: its own, by HEAD."""

    @property
    def content_type(self) -> str:
        """Of the body."""

    @property
    def max_events(self) -> int:
        """Most events of one request."""

    @property
    def max_bytes(self) -> int:
        """Longest body, uncompressed; one event alone may exceed it."""

    @property
    def min_interval(self) -> Seconds:
        """Shortest time between two requests, where the configuration asks for none."""

    def authorization(self, secret: str) -> Mapping[str, str]:
        """Give the headers that carry a secret."""

    def render(self, events: Sequence[Event]) -> bytes:
        """Write the body for some events, in their order; at least one."""

    def judge(self, answer: Answer, count: int) -> Verdict:
        """Read the answer to a request with so many events."""


def records_of(lines: Format, events: Sequence[Event]) -> list[bytes]:
    """Render each event as a JSON object: the record that the manual shows, or the fields chosen of it."""
    return lines.render(events).split(b"\n")[:-1]


def extend(ours: bytes, record: bytes) -> bytes:
    """Write an object that begins with fields of ours, its end left open, and goes on with a record's."""
    return b"%s}" % ours if record == b"{}" else b"%s,%s" % (ours, record[1:])


def texts_of(template: TemplateFormat, events: Sequence[Event]) -> list[str]:
    """Render each event by a template; its text may have several lines."""
    return [template.render([event]).decode().removesuffix("\n") for event in events]


@lru_cache(maxsize=4096)
def quoted_name(name: str) -> bytes:
    """Write a connector's name as JSON; there are few of them."""
    return json_text(name).encode()


def bearer(secret: str) -> Mapping[str, str]:
    """Give the usual header."""
    return {"Authorization": f"Bearer {secret}"}
