"""Colours that mean something: a connector's own, and its level's. Chosen once, the same in every run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias
from zlib import crc32

import click

from tailer.kinds import level_of

Paint: TypeAlias = Callable[..., str]
"""Gives a text its colours, as `click.style` does; or leaves it as it is."""

LATE: dict[str, Any] = {"fg": "yellow"}
"""Of whatever tells that an event is late."""

QUIET: dict[str, Any] = {"dim": True}
"""Of what is there to be looked up, not to be looked at."""

# Readable on black and on white; red and yellow are left to the levels.
_PALETTE = (2, 4, 5, 6, 10, 12, 13, 14, 28, 31, 61, 66, 71, 97, 103, 132, 137, 139, 166, 172)

_LEVELS: dict[str, dict[str, Any]] = {
    "debug": {"dim": True},
    "info": {},
    "notice": {"bold": True},
    "warning": {"fg": "yellow"},
    "error": {"fg": "red"},
    "critical": {"fg": "red", "bold": True, "reverse": True},
}


def painter(*, color: bool) -> Paint:
    """Give what paints, or what only seems to."""
    return click.style if color else _unpainted


def of_connector(connector: str) -> dict[str, Any]:
    """Choose a connector's colour by its id: the same today and tomorrow, here and on a colleague's screen.

    The idea is stern's.
    """
    return {"fg": _PALETTE[crc32(connector.encode()) % len(_PALETTE)]}


def of_kind(kind: str) -> dict[str, Any]:
    """Choose a kind's style by its level."""
    return _LEVELS[level_of(kind)]


def _unpainted(text: str, **_style: str | int | bool) -> str:
    return text
