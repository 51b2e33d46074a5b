"""What people are told of one connector's commits, each thing once."""

from __future__ import annotations

from collections.abc import Iterable

from tailer.core.progress import Checkpoint
from tailer.model import Connector, Event, Key
from tailer.observe import AlertDerived, GapClosed, GapRecorded, KindChanged, Observer
from tailer.pipeline.tally import Tally

MAX_CHANGED = 1000
"""Events of one connector that are reported for having come again with another kind; then it is clear."""


class Findings:
    """Counts and reports.

    Args:
        tally: Where things are counted.
        observe: Is told.
    """

    def __init__(self, tally: Tally, observe: Observer) -> None:
        self._tally = tally
        self._observe = observe
        self._changed: set[Key] = set()

    def tell_changed(self, connector: Connector, events: Iterable[Event]) -> None:
        """Tell of events that came again with another kind; every later read brings them again."""
        for event in events:
            if event.key not in self._changed and len(self._changed) < MAX_CHANGED:
                self._changed.add(event.key)
                self._tally.changed += 1
                key = f"{event.t}.{event.n}"
                self._observe(KindChanged(connector.id, connector.name, key, event.k))

    def tell_derived(self, connector: Connector, events: Iterable[Event]) -> None:
        """Tell of events of our own."""
        for event in events:
            self._observe(AlertDerived(connector.id, connector.name, event.k, event.t))

    def tell_gaps(self, connector: Connector, before: Checkpoint, after: Checkpoint) -> None:
        """Tell of gaps that were not there before, and of those that are no more."""
        if before.gaps == after.gaps:
            return
        known, left = before.gap_spans, after.gap_spans
        for gap in after.gaps:
            for start, end in known.missing(gap.start, gap.end):
                self._tally.gaps += 1
                self._observe(GapRecorded(connector.id, connector.name, start, end, gap.reason))
        for low, high in known:
            for start, end in left.missing(low, high):
                self._observe(GapClosed(connector.id, connector.name, start, end))
