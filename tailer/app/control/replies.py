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


class ReplayStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a replay stands.

    Attributes:
        sink: The sink's name.
        held_from: API time of the earliest reading that the journal still held; ``None``: it held nothing of
            what the sink has had.
        dropped: Events before it that the journal held once.
        total: Events of the journal to look at.
        seen: How many of them are done with: sent, or not to be sent.
        sent: How many the sink has taken again.
        rejected: How many it will never take; they are dead letters.
        is_over: Whether nothing more is sent.
        error: Why it ended early; ``None``: it did not, or somebody stopped it.
        waits_for: Why the sink takes nothing at present; ``None``: it does.
    """

    sink: str
    held_from: float | None = None
    dropped: int = 0
    total: int = 0
    seen: int = 0
    sent: int = 0
    rejected: int = 0
    is_over: bool = True
    error: str | None = None
    waits_for: str | None = None
