"""Names of connectors that people type, and what they may have meant."""

from __future__ import annotations

from collections.abc import Sequence

from tailer.core.matching import nearest, unmatched
from tailer.errors import ConfigError
from tailer.model import Connector
from tailer.sinks.text import json_text

MAX_NAMED = 8
"""Connectors that fit into a message."""


def check_names(words: Sequence[str], listed: Sequence[Connector]) -> None:
    """Make sure that every word that was typed means some connector.

    Args:
        words: Ids, names or patterns.
        listed: The connectors that there are.

    Raises:
        ConfigError: One means none; names the nearest.
    """
    mistakes = [
        f"no connector is called {json_text(word)}; {hint_of(listed, word)}"
        for word in unmatched(listed, words)
    ]
    if mistakes:
        raise ConfigError(mistakes)


def hint_of(listed: Sequence[Connector], word: str) -> str:
    """Name what could have been meant by a word that means no connector."""
    near = nearest(listed, word)
    if near is not None:
        return f"did you mean {json_text(near)}?"
    if len(listed) > MAX_NAMED:
        return f"none of the {len(listed)} there are is like it"
    names = ", ".join(sorted(json_text(one.name) for one in listed))
    return f"there are {names}" if names else "there is none at all"
