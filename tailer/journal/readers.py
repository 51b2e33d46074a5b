"""How far each known reader has accepted, in memory: what may be dropped."""

from __future__ import annotations

from collections.abc import Mapping

from tailer.core.spans import Spans
from tailer.interfaces import ReaderState


class Readers:
    """Accepted event numbers of every known reader.

    A reader is known from its first ``load_reader`` or ``commit_reader`` on: who asks where to begin is about
    to read, so nothing may be dropped before its nose. As long as no reader is known, nothing counts as
    accepted. A stored reader that has not shown up since the journal was opened (a sink that was taken out of
    the configuration) holds nothing back once another has.

    Args:
        states: What is stored.
    """

    def __init__(self, states: Mapping[str, ReaderState] | None = None) -> None:
        self._accepted = {name: _accepted(state) for name, state in (states or {}).items()}
        self._active: set[str] = set()

    @property
    def names(self) -> list[str]:
        """All known readers, in the order of their names."""
        return sorted(self._accepted)

    def meet(self, name: str) -> None:
        """Learn of a reader that has committed nothing yet."""
        self._active.add(name)
        self._accepted.setdefault(name, Spans())

    def forget(self) -> None:
        """Count on no reader that has shown up so far; what they have accepted stays known."""
        self._active.clear()

    def accept(self, name: str, state: ReaderState) -> None:
        """Learn what a reader has made durable."""
        self._active.add(name)
        self._accepted[name] = _accepted(state)

    def offset(self, name: str) -> int:
        """Give the lowest number that a reader has not accepted."""
        return self._accepted.get(name, Spans()).first_missing(0)

    @property
    def everywhere(self) -> Spans:
        """The numbers that all readers that are about have accepted; if none has shown up, all known ones."""
        about = self._active or self._accepted.keys()
        first, *others = [self._accepted[name] for name in about] or [Spans()]
        common = first
        for accepted in others:
            for start, end in accepted.missing(0, common.items[-1][1] if common.items else 0):
                common = common.remove(start, end)
        return common


def _accepted(state: ReaderState) -> Spans:
    return state.above.add(0, state.offset)
