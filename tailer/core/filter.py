"""Which events one sink gets: decided from the event alone, so that a restart decides the same.

What does not pass counts as accepted by that sink: it holds nothing back, and is not asked about again.
"""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

from tailer.core.matching import is_meant
from tailer.kinds import LEVELS, level_of
from tailer.model import Connector, Event, Source

_MAX_CACHED = 4096
_RANKS = {level: rank for rank, level in enumerate(LEVELS)}


class EventFilter:
    """Lets an event through if all that is asked for is true of it.

    Args:
        kinds: Shell patterns of kinds, case ignored; one of them must match. None: all kinds.
        level: The least serious that passes, one of `LEVELS`.
        connectors: Ids or patterns as of `tailer.core.matching`, over id, serial number and the first line of
            the notes as they were when the event was read; one must match. None: all connectors.
        late: Only late ones, only those that are not; ``None``: both.
    """

    def __init__(
        self,
        *,
        kinds: Collection[str] = (),
        level: str = LEVELS[0],
        connectors: Collection[str] = (),
        late: bool | None = None,
    ) -> None:
        self._patterns = [kind.casefold() for kind in kinds]
        self._rank = _RANKS[level]
        self._connectors = connectors
        self._late = late
        self._kinds: dict[str, bool] = {}
        self._names: dict[tuple[str, str, str, str], bool] = {}

    @property
    def is_open(self) -> bool:
        """Whether everything passes."""
        return not (self._patterns or self._rank or self._connectors) and self._late is None

    def __call__(self, event: Event) -> bool:
        """Tell whether an event passes."""
        return (self._late is None or event.late == self._late) and self.admits(event)

    def admits(self, event: Event) -> bool:
        """Tell whether an event passes if it does not matter whether it is late."""
        return self._admits_kind(event.k) and self._admits_connector(event.source)

    def _admits_kind(self, kind: str) -> bool:
        passes = self._kinds.get(kind)
        if passes is None:
            folded = kind.casefold()
            passes = _RANKS[level_of(kind)] >= self._rank and (
                not self._patterns or any(fnmatchcase(folded, pattern) for pattern in self._patterns)
            )
            if len(self._kinds) >= _MAX_CACHED:
                self._kinds.clear()
            self._kinds[kind] = passes
        return passes

    def _admits_connector(self, source: Source) -> bool:
        if not self._connectors:
            return True
        names = (source.account, source.connector, source.name, source.serial)
        passes = self._names.get(names)
        if passes is None:
            if len(self._names) >= _MAX_CACHED:
                self._names.clear()
            passes = self._names[names] = is_meant(Connector(*names), self._connectors)
        return passes
