"""Which events of one batch are still to be sent, through refusals, halves and failures in between.

It lives as long as its batch: what was accepted of it before a failure is not sent again after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from tailer.model import Event
from tailer.sinks.http.answers import Away, Refused, Taken, Verdict


class Parts:
    """The events of a batch, by their index in it.

    Args:
        events: The batch's.

    Attributes:
        events: As given.
        rejected: Why events will never be accepted, by index.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.rejected: dict[int, str] = {}
        self._waiting: list[Sequence[int]] = [range(len(events))]  # the last one is sent next

    def next(self, most: int) -> list[Event]:
        """Give the events to be sent next, at most `most`; the same ones until they are settled or halved.

        Returns:
            None when every event is accepted or rejected.
        """
        if not self._waiting:
            return []
        if len(self._waiting[-1]) > most:
            part = self._waiting.pop()
            self._waiting += [part[most:], part[:most]]
        return [self.events[index] for index in self._waiting[-1]]

    def halve(self) -> None:
        """Have the next part in two, the first half first; it has at least two events."""
        part = self._waiting.pop()
        middle = len(part) // 2
        self._waiting += [part[middle:], part[:middle]]

    def settle(self, verdict: Verdict) -> None:
        """Note what became of the part that `next` gave."""
        match verdict:
            case Taken(rejected=rejected, left=left):
                part = self._waiting.pop()
                self.rejected |= {part[index]: reason for index, reason in rejected.items()}
                if left:
                    self._waiting.append([part[index] for index in left])
            case Refused(reason=reason):
                if len(self._waiting[-1]) > 1:
                    self.halve()
                else:
                    self.rejected[self._waiting.pop()[0]] = reason
            case Away():
                pass
            case _:
                assert_never(verdict)
