"""What commands answer, where a struct of its own is needed; light, as the command line imports it."""

from __future__ import annotations

import msgspec


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a reload.

    Attributes:
        file: The configuration file that was read.
        changed: The tables that have changed and are in force now; empty: none has.
    """

    file: str
    changed: tuple[str, ...]
