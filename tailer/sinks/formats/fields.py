"""What an event's fields are called where people choose among them: in templates and in ``--show``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from tailer.model import Event
from tailer.sinks.formats.records import PAYLOAD


class Field(NamedTuple):
    """One field.

    Attributes:
        sort: Decides how it is written, and which format specs it takes.
        of: Gives its value for an event.
    """

    sort: Literal["text", "number", "time", "duration", "flag", "payload"]
    of: Callable[[Event], Any]


FIELDS = {
    "time": Field("time", lambda event: event.t),
    "name": Field("text", lambda event: event.name),
    "level": Field("text", lambda event: event.level),
    "k": Field("text", lambda event: event.k),
    "id": Field("text", lambda event: event.id),
    "account": Field("text", lambda event: event.account),
    "connector": Field("text", lambda event: event.connector),
    "serial": Field("text", lambda event: event.serial),
    "t": Field("number", lambda event: event.t),
    "n": Field("number", lambda event: event.n),
    "a": Field("number", lambda event: event.a),
    "collected": Field("time", lambda event: event.a),
    "seen": Field("time", lambda event: event.seen),
    "lateness": Field("duration", lambda event: event.lateness),
    "late": Field("flag", lambda event: event.late),
    PAYLOAD: Field("payload", lambda event: event.e),
}
"""The record's own names; besides, `collected` is a as a time, and `lateness` is a - t."""

SHOWABLE = ("id", "account", "connector", "serial", "n", "collected", "seen", "lateness", PAYLOAD)
"""What a pretty line does not show unless asked. An event without a payload has no `e`."""
