"""Marks what matches a pattern in lines that have colours already.

A pattern is matched against a line as it is read, colours aside; so a match may begin in one colour and end
in another. A mark puts its own style over all of it, and afterwards whatever style was on is on again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tailer.model import Event
from tailer.sinks.formats.format import Format

_STYLE = "\x1b[0;1;30;43m"  # black on yellow: told apart from all levels, and from reversed ones
_PLAIN = "\x1b[0m"
_SEQUENCE = re.compile("(\x1b\\[[0-9;]*m)")


class HighlightedFormat:
    """A format whose lines are marked.

    Args:
        inner: Renders the lines.
        patterns: What is marked.
    """

    def __init__(self, inner: Format, patterns: Sequence[re.Pattern[str]]) -> None:
        self._inner = inner
        self._patterns = patterns

    @property
    def header(self) -> bytes:
        """What a stream begins with."""
        return self._inner.header

    def render(self, events: Sequence[Event]) -> bytes:
        """Render events in their order, each on a line of its own that is ended; UTF-8. Never raises."""
        lines = self._inner.render(events).decode().split("\n")
        return "\n".join(self._mark(line) for line in lines).encode()

    def _mark(self, line: str) -> str:
        plain = _SEQUENCE.sub("", line)
        marked = {
            index
            for pattern in self._patterns
            for match in pattern.finditer(plain)
            for index in range(*match.span())
        }
        return "".join(_styled(line, marked)) if marked else line


def _styled(line: str, marked: set[int]) -> Iterable[str]:
    """Write a line anew, piece by piece.

    Args:
        line: With its colours.
        marked: Indexes of characters, colours not counted.
    """
    own = ""  # the sequences that are in effect without the mark
    inside = False
    index = 0
    for position, piece in enumerate(_SEQUENCE.split(line)):
        if position % 2:  # what the pattern of `split` matched
            own = "" if piece == _PLAIN else own + piece
            if not inside:
                yield piece
            continue
        for character in piece:
            if (index in marked) != inside:
                inside = not inside
                yield _STYLE if inside else _PLAIN + own
            yield character
            index += 1
    if inside:
        yield _PLAIN + own
