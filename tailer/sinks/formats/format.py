"""What a format is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tailer.model import Event


class Format(Protocol):
    """Turns events into lines. Keeps caches from batch to batch, so it is not to be shared by threads."""

    @property
    def header(self) -> bytes:
        """What a file or stream begins with, before the first event; empty for most formats."""

    def render(self, events: Sequence[Event]) -> bytes:
        """Render events in their order, each on a line of its own that is ended; UTF-8. Never raises."""
