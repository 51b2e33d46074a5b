"""Which connectors people mean: ids, or patterns over id, notes and serial number.

A pattern matches if it equals the id, the serial number, the notes or their first line, case ignored;
``*``, ``?`` and ``[...]`` have the shell's meaning.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from tailer.model import Connector


def matches(connector: Connector, pattern: str) -> bool:
    """Tell whether a pattern means this connector."""
    wanted = pattern.casefold()
    return any(
        text == wanted or fnmatchcase(text, wanted)
        for text in (name.casefold() for name in _names(connector))
    )


def is_meant(connector: Connector, patterns: Collection[str]) -> bool:
    """Tell whether one of the patterns means this connector; no patterns mean every one."""
    return not patterns or any(matches(connector, pattern) for pattern in patterns)


def choose(
    connectors: Iterable[Connector], patterns: Sequence[str], exclude: Sequence[str] = ()
) -> list[Connector]:
    """List the connectors that any of `patterns` and none of `exclude` matches, by id."""
    chosen = [
        connector
        for connector in connectors
        if any(matches(connector, pattern) for pattern in patterns)
        and not any(matches(connector, pattern) for pattern in exclude)
    ]
    return sorted(chosen, key=lambda connector: connector.id)


def unmatched(connectors: Sequence[Connector], patterns: Sequence[str]) -> list[str]:
    """List the patterns that match nothing."""
    return [p for p in patterns if not any(matches(connector, p) for connector in connectors)]


def nearest(connectors: Iterable[Connector], pattern: str) -> str | None:
    """Give the name that is most like a pattern that matches nothing; ``None`` when none is."""
    names = {name.casefold(): name for connector in connectors for name in _names(connector)}
    wanted = pattern.casefold()
    inside = sorted(name for name in names if wanted in name)
    close = inside or get_close_matches(wanted, names, n=1)
    return names[close[0]] if close else None


def _names(connector: Connector) -> set[str]:
    return {connector.id, connector.name, connector.notes, connector.serial} - {""}
