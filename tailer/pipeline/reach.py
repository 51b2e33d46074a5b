"""Keeps the keys of all connectors within their bound, by reading less far back where that is needed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tailer.core.advance import frontier_of, holes_of
from tailer.core.durations import Seconds
from tailer.core.keys import PADDING
from tailer.core.ladder import VISITS
from tailer.core.reach import Holding, fitted
from tailer.observe import Observer, ReachCut, ReachRestored
from tailer.pipeline.poller import Poller


class Reaches:
    """The reaches of all connectors of a run.

    Args:
        max_keys: Keys that all of them may remember together.
        observe: Told when reaches were cut, and when none is any more.
    """

    def __init__(self, max_keys: int, observe: Observer) -> None:
        self._max_keys = max_keys
        self._observe = observe
        self._is_cut = False

    def fit(self, pollers: Sequence[Poller]) -> None:
        """Cut or grow the reaches; the next polls raise the floors accordingly, then keys are forgotten."""
        reaches = fitted([_holding(poller) for poller in pollers], self._max_keys)
        has_cut = False
        for poller, reach in zip(pollers, reaches, strict=True):
            has_cut = has_cut or reach < poller.book.reach
            poller.book.reach = reach
        cut = [poller for poller in pollers if not math.isinf(poller.book.reach)]
        if has_cut:
            shortest = min(cut, key=lambda poller: poller.book.reach)
            name = shortest.connector.name
            self._observe(ReachCut(len(cut), name, shortest.book.reach, self._max_keys))
        elif self._is_cut and not cut:
            self._observe(ReachRestored())
        self._is_cut = bool(cut)


def _holding(poller: Poller) -> Holding:
    """Tell what a connector remembers, and how far back."""
    pacing, checkpoint = poller.pacing, poller.checkpoint
    frontier = frontier_of(checkpoint)

    def within(reach: Seconds) -> int:
        holes = holes_of(checkpoint, frontier)  # they keep their keys
        return poller.book.keys.count_from(min([frontier - reach, *(start for start, _ in holes)]) - PADDING)

    return Holding(
        reach=poller.book.reach,
        longest=pacing.ladder.lengths[-1],
        shortest=VISITS * pacing.interval,
        span=frontier - checkpoint.floor,
        keys=len(poller.book.keys) if math.isinf(poller.book.reach) else within(poller.book.reach),
        within=within,
    )
