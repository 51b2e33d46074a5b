"""Whose request goes next, of those of one principal that wait.

1. Purposes have an order (`tailer.core.purpose`); of the same purpose the first to come is the first to go.
2. Each purpose but the first has a share of what is sent while it waits: with every request that goes before,
   it saves up its share, and when that makes a whole request, it is its turn. So of 1/share requests one is
   its own, whatever else waits, and none waits for ever. This ageing counts requests, not seconds, as a
   budget may stand still for minutes. Who does not wait saves nothing, and
   nobody more than one request.
3. After a stop, as long as its probe is still to be answered, those go last that may be the cause of it
   (`tailer.core.suspects`): the others find out more.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from tailer.core.purpose import Purpose

SHARES: Final = {
    Purpose.ERROR_DETAIL: 0.05,
    Purpose.REVISIT: 0.1,
    Purpose.DETAIL: 0.02,
    Purpose.BACKFILL: 0.02,
}
"""What each purpose gets at least of what is sent, if it wants it. Late events are half of the promise, so
the ladder has a tenth; the others have enough to end one day."""

_WHOLE = 1.0 - 1e-9  # a sum of ten tenths is a little less than one

Item = TypeVar("Item", bound=Hashable)


class Precedence(Generic[Item]):
    """The requests that wait; each is in it at most once."""

    def __init__(self) -> None:
        self._waiting: list[dict[Item, bool]] = [{} for _ in Purpose]  # in order, with whether it is suspect
        self._saved = [0.0] * len(Purpose)
        self._count = 0

    def __len__(self) -> int:
        """Count those that wait."""
        return self._count

    def join(self, item: Item, purpose: Purpose, *, is_suspect: bool = False) -> None:
        """Take up a request that waits from now on."""
        self._waiting[purpose][item] = is_suspect
        self._count += 1

    def leave(self, item: Item, purpose: Purpose) -> None:
        """Let go of a request: it was sent, or given up."""
        waiting = self._waiting[purpose]
        del waiting[item]
        self._count -= 1
        if not waiting:
            self._saved[purpose] = 0.0

    def sent(self, purpose: Purpose) -> None:
        """Take note that a request of some purpose is sent; before it leaves, if it waited."""
        for other, share in SHARES.items():
            if other == purpose:
                self._saved[other] = max(0.0, self._saved[other] - _WHOLE)
            elif self._waiting[other]:
                self._saved[other] = min(1.0, self._saved[other] + share)

    def next(self, may_go: Callable[[Purpose], bool], *, is_stopped: bool = False) -> Item | None:
        """Tell whose turn it is; ``None`` when nobody waits.

        Args:
            may_go: Whether a purpose has something left to spend; one that hasn't lets the others go first.
            is_stopped: Whether a stop is in force whose probe is still to be answered.
        """
        if not self._count:
            return None
        purposes = [purpose for purpose in Purpose if self._waiting[purpose]]
        if len(purposes) > 1:  # sorting is stable, so otherwise the order is kept
            purposes.sort(key=lambda purpose: (not may_go(purpose), self._saved[purpose] < _WHOLE))
        if is_stopped:
            for purpose in purposes:
                for item, is_suspect in self._waiting[purpose].items():
                    if not is_suspect:
                        return item
        return next(iter(self._waiting[purposes[0]]))
