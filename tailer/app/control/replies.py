"""What commands answer, where a struct of its own is needed; light, as the command line imports it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a reload.

    Attributes:
        file: The configuration file that was read.
        changed: The tables that have changed and are in force now; empty: none has.
    """

    file: str
    changed: tuple[str, ...]


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the dead letters of one sink.

    Attributes:
        sink: Its name.
        accepted: How many it has taken; they are dead letters no more.
        rejected: The reasons of those that it has rejected again, by the event's id.
        error: Why the others were not tried; ``None``: all were.
    """

    sink: str
    accepted: int = 0
    rejected: Mapping[str, str] = {}
    error: str | None = None
