"""The order in which one reader hands events to its sink.

Rules:

1. ``arrival``: as journaled. ``connector``: sorted by (t, n) within each connector. ``global``: sorted by
   (t, connector, n) over all of them.
2. An event waits until its t is below the *mark*: of its own connector (``connector``), or the lowest of all
   that are neither failing nor parked (``global``). A mark is the API time at which a successful poll began,
   less `settle`, and never beyond the first hole (`tailer.model.Segment.through`).
3. What is ahead of its time (a device's clock) or whose connector fails is not waited for: nothing is held
   longer than its connector's `hold`, counted from the later of its reading and the end of the first read of
   the asked history.
4. Held events are bounded by count; above the bound the earlier half is released.
5. An event is *late* if it sorts by (t, n) before one of its connector that was released already; under
   ``global`` also if it sorts before one of any connector. It is passed on at once, marked, never dropped. An
   event that was ahead of API time when it was read does not make other connectors' events late.
6. Acceptance is counted by journal numbers: what is released leaves a segment in order, so the accepted part
   of a segment is always its beginning.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from heapq import heappop, heappush, heapreplace
from itertools import chain, count
from typing import Literal, NamedTuple

from tailer.core.durations import Seconds
from tailer.core.keys import PADDING
from tailer.core.released import BY_KEY, BY_TIME, Chunk, Released, joined, marked_late
from tailer.core.spans import Span, Spans
from tailer.model import Key, Segment

Order = Literal["arrival", "connector", "global"]


class Acceptance(NamedTuple):
    """What a batch means once its sink has accepted it; `highest` has those that have risen."""

    spans: list[Span]
    highest: dict[str, Key]


HOLD_GRACE: Seconds = PADDING + 1.0
"""By how much the poll that is to release an event may come later than `settle` and the interval: an event
is read up to a second before its time, and a poll takes a while. Without it, time would often win."""


def longest_wait(settle: Seconds, interval: Seconds) -> Seconds:
    """Give the longest time that an event is held: by then every connector has been polled."""
    return settle + interval + HOLD_GRACE


class Ordering:
    """Holds the events of one reader back until their order is known.

    Args:
        order: See rule 1.
        hold: Longest wait where none is said, seconds; see `longest_wait`.
        max_held: Bound on held events.
        highest: Highest (t, n) per ``account/connector`` that the sink has accepted in earlier runs.
        now: API time, tells which of `highest` were ahead of it.
    """

    def __init__(
        self, order: Order, *, hold: Seconds, max_held: int, highest: Mapping[str, Key], now: float
    ) -> None:
        self._order = order
        self._hold = hold
        self._max_held = max_held
        self._highest = dict(highest)
        self._accepted = dict(highest)
        past = [(t, ref, n) for ref, (t, n) in highest.items() if t <= now + PADDING]
        self._fleet_highest = max(past, default=None)
        self._marks: dict[str, float] = {}
        self._pending: dict[str, list[Chunk]] = {}
        self._touched: set[str] = set()
        self._by_deadline: list[tuple[float, int, Chunk, Seconds]] = []
        self._chunks = count()
        self.held = 0

    @property
    def waiting(self) -> Iterable[str]:
        """The ``account/connector`` of which events are held."""
        return self._pending.keys()

    def held_from(self, ref: str) -> float:
        """Give the earliest t of a connector's held events; infinite when there are none."""
        return min((chunk.events[chunk.at].t for chunk in self._pending.get(ref, ())), default=math.inf)

    def take(
        self, segment: Segment, number: int, accepted: Spans, now: float, hold: Seconds | None = None
    ) -> None:
        """Take a segment from the journal.

        Args:
            segment: Its events are sorted by (t, n).
            number: Journal number of its first event.
            accepted: Numbers that the sink accepted in an earlier run; those are left out.
            now: Monotonic time.
            hold: Longest wait of its events, seconds; ``None``: the usual one.
        """
        hold = self._hold if hold is None else hold
        ref = f"{segment.source.account}/{segment.source.connector}"
        end = number + len(segment.events)
        for low, high in accepted.missing(number, end):
            events = segment.events[low - number : high - number]
            chunk = Chunk(ref, low, events, segment.read_at)
            self._pending.setdefault(ref, []).append(chunk)
            heappush(self._by_deadline, (now + hold, next(self._chunks), chunk, hold))
            self.held += len(events)
            self._touched.add(ref)
        self.advance(ref, segment.through)

    def advance(self, ref: str, mark: float) -> None:
        """Note up to which API time a connector was read; marks only rise."""
        if mark > self._marks.get(ref, -math.inf):
            self._marks[ref] = mark
            self._touched.add(ref)

    def release(self, now: float, *, fleet_mark: float, counted_from: float = -math.inf) -> Released:
        """Let go of all events whose order is known.

        Args:
            now: Monotonic time.
            fleet_mark: The mark for ``global``.
            counted_from: Monotonic time at which the asked history had been read; ``inf`` while it has not.
        """
        overdue = self._overdue(now, counted_from)
        refs = self._pending.keys() if self._order == "global" else self._touched & self._pending.keys()
        self._touched = set()
        parts = []
        for ref in sorted(refs):
            mark = self._marks.get(ref, -math.inf)
            if self._order != "connector":
                mark = fleet_mark if self._order == "global" else math.inf
            parts.append(self._cut(ref, mark, overdue))
        released = self._merge(parts)
        if self.held > self._max_held:
            released = joined([released, self._relieve()])
        return released

    def release_all(self) -> Released:
        """Let go of everything, in order: nothing more is to come."""
        return self._merge([self._cut(ref, math.inf, ()) for ref in sorted(self._pending)])

    def accept(self, chunks: Sequence[Chunk]) -> Acceptance:
        """Note that the sink has accepted the released events that came from `chunks` (one item an event)."""
        spans: list[Span] = []
        highest: dict[str, Key] = {}
        for chunk, taken in Counter(chunks).items():
            start = chunk.first + chunk.accepted
            spans.append((start, start + taken))
            chunk.accepted += taken
            key = chunk.events[chunk.accepted - 1].key
            # A late event alone is no new highest: the next run would take what sorts after it for in order.
            if chunk.ref not in self._accepted or key > self._accepted[chunk.ref]:
                self._accepted[chunk.ref] = highest[chunk.ref] = key
        return Acceptance(spans, highest)

    def _overdue(self, now: float, counted_from: float) -> set[Chunk]:
        found: set[Chunk] = set()
        while self._by_deadline:
            deadline, number, chunk, hold = self._by_deadline[0]
            is_done = chunk.at == len(chunk.events)
            if not is_done and (deadline > now or counted_from == math.inf):
                break
            if not is_done and counted_from + hold > now:
                heapreplace(self._by_deadline, (counted_from + hold, number, chunk, hold))
                continue
            heappop(self._by_deadline)
            if not is_done:
                found.add(chunk)
                self._touched.add(chunk.ref)
        return found

    def _cut(self, ref: str, mark: float, overdue: Collection[Chunk], *, inclusive: bool = False) -> Released:
        """Take from a connector what lies below the mark and what is overdue, sorted, late ones marked.

        Args:
            ref: The connector; something of it is held.
            mark: Upper end of what is taken.
            overdue: Of these all is taken.
            inclusive: Whether events at the mark itself are taken.
        """
        parts: list[Released] = []
        left: list[Chunk] = []
        bisect = bisect_right if inclusive else bisect_left
        for chunk in self._pending[ref]:
            events, at = chunk.events, chunk.at
            end = len(events) if chunk in overdue else bisect(events, mark, at, key=BY_TIME)
            if end > at:
                parts.append(Released(events[at:end], [chunk] * (end - at)))
                chunk.at = end
                self.held -= end - at
            if end < len(events):
                left.append(chunk)
        if left:
            self._pending[ref] = left
        else:
            del self._pending[ref]
        if self._order == "arrival":
            return joined([self._mark_late(ref, part) for part in parts])
        part = joined(parts)
        return self._mark_late(ref, part.sorted(BY_KEY) if len(parts) > 1 else part)

    def _mark_late(self, ref: str, part: Released) -> Released:
        """Mark what sorts before an event that was released earlier; `part` is sorted by (t, n)."""
        events = part.events
        if not events:
            return part
        highest = self._highest.get(ref)
        late = 0 if highest is None else bisect_left(events, highest, key=BY_KEY)
        if self._order == "global" and self._fleet_highest is not None:
            t, other, n = self._fleet_highest
            # at the same time, all events of a connector that sorts before the other one are late
            if ref == other:
                late = max(late, bisect_left(events, (t, n), key=BY_KEY))
            else:
                bisect = bisect_right if ref < other else bisect_left
                late = max(late, bisect(events, t, key=BY_TIME))
        if highest is None or events[-1].key > highest:
            self._highest[ref] = events[-1].key
        return Released([*marked_late(events[:late]), *events[late:]], part.chunks) if late else part

    def _merge(self, parts: list[Released]) -> Released:
        """Bring the parts of several connectors, ascending by connector, into the order of this reader."""
        merged = joined(parts)
        if self._order == "global":
            if sum(1 for part in parts if part.events) > 1:
                merged = merged.sorted(BY_TIME)  # stable: ties stay by connector, then by n
            self._raise_fleet_highest(merged)
        elif self._order == "arrival":
            merged = merged.by_number()
        return merged

    def _raise_fleet_highest(self, released: Released) -> None:
        for event, chunk in zip(reversed(released.events), reversed(released.chunks), strict=True):
            if event.t <= chunk.read_at + PADDING:
                mark = (event.t, chunk.ref, event.n)
                if self._fleet_highest is None or mark > self._fleet_highest:
                    self._fleet_highest = mark
                return

    def _relieve(self) -> Released:
        """Release the earlier half of what is held, whatever the marks say."""
        chunks = chain.from_iterable(self._pending.values())
        times = sorted(map(BY_TIME, chain.from_iterable(chunk.events[chunk.at :] for chunk in chunks)))
        middle = times[len(times) // 2]
        return self._merge([self._cut(ref, middle, (), inclusive=True) for ref in sorted(self._pending)])
