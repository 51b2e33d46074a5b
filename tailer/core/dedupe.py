"""Which rows of a read are new: sorted, each once, none that the journal holds, none outside the asked span.

Rules:

1. The key is (t, n). Of two rows with one key the first in the order of (t, n) and arrival is kept.
2. A key that is known, or comes twice, with another kind is counted as *changed*: the first kind stands.
3. A row belongs if its t or its a lies in the asked span. One that does not is dropped and not remembered:
   what padding and look-back bring in beyond the origin would otherwise pin memory for nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from itertools import chain, islice
from operator import attrgetter, lt
from typing import NamedTuple

from tailer.core.keys import PADDING, KeySet, kind_mark
from tailer.model import Event, Key, Window

_BY_KEY = attrgetter("t", "n")


class Selection(NamedTuple):
    """What a read brought.

    Attributes:
        events: The new ones, sorted by (t, n).
        duplicates: Rows that were known or came twice.
        changed: Duplicates whose kind differs from the one that was kept.
    """

    events: list[Event]
    duplicates: int
    changed: list[Event]


def select(
    rows: list[Event], keys: KeySet, window: Window, *, origin: float, until: float | None
) -> Selection:
    """Choose the new events among the rows of a read.

    Args:
        rows: As they came, sources not set.
        keys: What is journaled.
        window: What was asked for, without padding; bounds the search among the keys.
        origin: Start of the asked span, inclusive, API time.
        until: End of the asked span, exclusive; ``None`` for no end.
    """
    if not rows:
        return Selection([], 0, [])
    order = list(map(_BY_KEY, rows))
    is_distinct = _is_ascending(order)
    if not is_distinct:
        rows = sorted(rows, key=_BY_KEY)
        order = list(map(_BY_KEY, rows))
        is_distinct = _is_ascending(order)
    known = _known(keys, order, window)
    fresh, duplicates = rows, 0
    changed: list[Event] = []
    if known or not is_distinct:
        # Only the stretch between the first and the last known key can hold duplicates, if no two rows agree.
        low = bisect_left(order, min(known)) if is_distinct else 0
        high = bisect_right(order, max(known)) if is_distinct else len(order)
        new, changed = _unknown(rows[low:high], order[low:high], known)
        fresh = [*rows[:low], *new, *rows[high:]]
        duplicates = len(rows) - len(fresh)
    if until is not None or (fresh and fresh[0].t < origin):
        end = math.inf if until is None else until
        fresh = [event for event in fresh if origin <= event.t < end or origin <= event.a < end]
    return Selection(fresh, duplicates, changed)


def _is_ascending(order: list[Key]) -> bool:
    """Tell whether each key is above the one before."""
    return all(map(lt, order, islice(order, 1, None)))


def _known(keys: KeySet, order: list[Key], window: Window) -> dict[Key, int]:
    """Look up the rows' keys; one read of the window's span, and single looks for what lies outside."""
    if not len(keys):
        return {}
    start = bisect_left(order, (window.start - 2 * PADDING, -math.inf))
    end = bisect_right(order, (window.end + 2 * PADDING, math.inf))
    known = keys.within(order[start][0], order[end - 1][0]) if start < end else {}
    for t in {t for t, _ in chain(islice(order, start), islice(order, end, None))}:
        known.update(keys.within(t, t))
    return known


def _unknown(rows: list[Event], order: list[Key], known: dict[Key, int]) -> tuple[list[Event], list[Event]]:
    fresh: list[Event] = []
    changed: list[Event] = []
    for key, event in zip(order, rows, strict=True):
        mark = known.get(key)
        if mark is None:
            known[key] = kind_mark(event.k)
            fresh.append(event)
        elif mark != kind_mark(event.k):
            changed.append(event)
    return fresh, changed
