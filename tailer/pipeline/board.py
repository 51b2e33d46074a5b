"""What readers have to know of the polls: how far each connector was read, and whether it can be waited for.

A mark is posted after the poll's commit, so a reader that has read the journal up to its head may use all
marks that it sees then: no event below a mark is still to come, but late ones.
"""

from __future__ import annotations

import heapq
import math

from tailer.pipeline.signal import Signal


class Board:
    """The marks of all connectors, by ``account/connector``."""

    def __init__(self) -> None:
        self.changed = Signal()
        self.history_read_at = math.inf
        self.finished = False
        self.all_read = False
        self.is_failure_known = False
        self._failure: Exception | None = None
        self._waits: dict[str, float] = {}
        self._marks: dict[str, float] = {}
        self._lowest: list[tuple[float, str]] = []
        self._awaited: set[str] = set()
        self._absent: set[str] = set()

    def expect(self, ref: str, mark: float) -> None:
        """Add a connector; the asked history is not read before its first catch-up has ended."""
        self._awaited.add(ref)
        self._post(ref, mark)

    def post(self, ref: str, mark: float, *, is_behind: bool, now: float) -> None:
        """Note a successful poll.

        Args:
            ref: ``account/connector``.
            mark: `tailer.model.Segment.through` after it.
            is_behind: Whether catch-up goes on.
            now: Monotonic time.
        """
        self._absent.discard(ref)
        self._post(ref, mark)
        if not is_behind:
            self._arrive(ref, now)
        self.changed.notify()

    def advance(self, ref: str, mark: float) -> None:
        """Note that a connector's mark has risen without a poll: what it had to wait for is journaled."""
        self._post(ref, mark)
        self.changed.notify()

    def give_up(self, ref: str, now: float) -> None:
        """Note that a connector fails or is parked: nobody waits for it until its next success."""
        self._absent.add(ref)
        self._arrive(ref, now)
        self.changed.notify()

    def start(self, now: float) -> None:
        """Note that all connectors of the first listing are known."""
        if not self._awaited:
            self.history_read_at = min(self.history_read_at, now)
            self.changed.notify()

    def allow_wait(self, ref: str, seconds: float) -> None:
        """Note how long an event of one connector may wait for its order (`longest_wait`)."""
        self._waits[ref] = seconds

    def wait_of(self, ref: str) -> float | None:
        """Give how long an event of a connector may wait for its order; ``None`` when nobody said."""
        return self._waits.get(ref)

    def finish(self, *, all_read: bool) -> None:
        """Note that no poll will follow: readers take what is there and end.

        Args:
            all_read: Nothing will be added to what was asked for, so held events are released too. Otherwise
                they stay unaccepted, and the next run decides their order.
        """
        self.finished = True
        self.all_read = all_read
        self.changed.notify()

    def fail(self, error: Exception) -> None:
        """Note that polling has broken off; whoever waits for events is told by `check`."""
        self._failure = error
        self.changed.notify()

    def check(self) -> None:
        """Raise what broke polling off, if anything did; from then on the failure counts as known."""
        if self._failure is not None:
            self.is_failure_known = True
            raise self._failure

    def mark_of(self, ref: str) -> float:
        """Give a connector's mark, minus infinity before its first."""
        return self._marks.get(ref, -math.inf)

    @property
    def fleet_mark(self) -> float:
        """The lowest mark of all connectors neither failing nor parked; infinite when there is none."""
        lowest = self._lowest
        while lowest and (lowest[0][1] in self._absent or self._marks[lowest[0][1]] != lowest[0][0]):
            heapq.heappop(lowest)
        return lowest[0][0] if lowest else math.inf

    def _post(self, ref: str, mark: float) -> None:
        self._marks[ref] = mark
        heapq.heappush(self._lowest, (mark, ref))
        if len(self._lowest) > 4 * len(self._marks) + 64:  # marks that were raised below the lowest
            self._lowest = [(value, key) for key, value in self._marks.items() if key not in self._absent]
            heapq.heapify(self._lowest)

    def _arrive(self, ref: str, now: float) -> None:
        self._awaited.discard(ref)
        if not self._awaited and math.isinf(self.history_read_at):
            self.history_read_at = now
