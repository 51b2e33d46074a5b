"""Which events are shown: by kind, by level, and by what is said of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from tailer.kinds import LEVELS, level_of
from tailer.model import Event

_MAX_CACHED = 4096
_RANKS = {level: rank for rank, level in enumerate(LEVELS)}


class Sieve:
    """Lets an event through or not; the same in every run, wherever and however it is shown.

    Patterns are searched for in ``NAME LEVEL KIND``, such as ``Branch Oslo 1 warning Leave``: what tells
    events apart, and nothing that depends on the width of a terminal or on a zone.

    Args:
        kinds: Only these; none: all.
        level: The least serious that passes, one of `LEVELS`.
        include: At least one of these must be found, if there are any.
        exclude: None of these may be found.
    """

    def __init__(
        self,
        *,
        kinds: Collection[str] = (),
        level: str = LEVELS[0],
        include: Sequence[re.Pattern[str]] = (),
        exclude: Sequence[re.Pattern[str]] = (),
    ) -> None:
        self._kinds = frozenset(kinds)
        self._rank = _RANKS[level]
        self._include = include
        self._exclude = exclude
        self._known: dict[tuple[str, str], bool] = {}

    @property
    def is_open(self) -> bool:
        """Whether everything passes."""
        return not (self._kinds or self._rank or self._include or self._exclude)

    def __call__(self, event: Event) -> bool:
        """Tell whether an event passes; decided once a name and kind, for patterns take their time."""
        key = (event.source.name, event.k)
        passes = self._known.get(key)
        if passes is None:
            if len(self._known) >= _MAX_CACHED:
                self._known.clear()
            passes = self._known[key] = self._decide(*key)
        return passes

    def _decide(self, name: str, kind: str) -> bool:
        level = level_of(kind)
        if _RANKS[level] < self._rank or (self._kinds and kind not in self._kinds):
            return False
        text = f"{name} {level} {kind}"
        if self._include and not any(pattern.search(text) for pattern in self._include):
            return False
        return not any(pattern.search(text) for pattern in self._exclude)
