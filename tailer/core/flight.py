"""What is under way, and how much of the quota it leaves at least.

An answer tells what remains of the quota, but of the requests that are under way meanwhile it tells nothing:
the server may have counted them before it or may count them after. So:

1. Of all that was answered, the server counted one last. That one's answer came after the newest of the
   answered requests was sent, for it is that one or was counted later. So among the answers that came since
   then is the one that knows most, and as long as the quota is not refilled it tells the least.
2. What is left is therefore at least that least, less what is under way: no request of ours is counted that
   is in neither. What others spend after that answer was made comes on top.
3. A request whose answer tells nothing (lost, given up, without headers) is counted as under way until
   something was answered that was sent after its end.
4. A refill raises what the next answers tell; by rule 1 the old ones are forgotten within a round trip.

Times are monotonic, in seconds.
"""

from __future__ import annotations

from collections import deque
from math import inf

from tailer.core.durations import Seconds


class Flight:
    """The requests of one principal that are under way."""

    def __init__(self) -> None:
        self._flying: dict[float, int] = {}  # how many, by the time of sending, ascending
        self._count = 0
        self._unseen: list[float] = []  # rule 3: when they ended
        self._told: deque[tuple[float, int]] = deque()  # rule 1: when it came, what it tells; both ascend
        self._newest = -inf

    @property
    def count(self) -> int:
        """Requests that are under way."""
        return self._count

    @property
    def left(self) -> int | None:
        """What is left of the quota at least, if nobody else spends; ``None``: nobody has told."""
        return self._told[0][1] - self._count - len(self._unseen) if self._told else None

    @property
    def told_at(self) -> float:
        """When an answer last told what remains; minus infinity: none has."""
        return self._told[-1][0] if self._told else -inf

    def depart(self, now: float) -> None:
        """Note that a request is sent."""
        self._flying[now] = self._flying.get(now, 0) + 1
        self._count += 1

    def land(self, sent: float, remaining: int | None, now: float) -> None:
        """Note that a request has ended.

        Args:
            sent: When it was sent; one that is not under way is ignored.
            remaining: What its answer told to remain; ``None``: nothing, or there was no answer.
            now: When it ended.
        """
        if not self._take(sent):
            return
        if remaining is None:
            if self._told:
                self._unseen.append(now)
            return
        if sent > self._newest:
            self._newest = sent
            self._unseen = [ended for ended in self._unseen if ended > sent]
            while self._told and self._told[0][0] <= sent:
                self._told.popleft()
        while self._told and self._told[-1][1] >= remaining:
            self._told.pop()
        self._told.append((now, remaining))

    def forget(self) -> None:
        """Believe nothing any more of what was told."""
        self._told.clear()
        self._unseen.clear()

    def has_room(self, limit: int, since: float) -> Seconds:
        """Tell how long until less than `limit` of those are under way that were sent after a moment.

        Args:
            limit: At least 1.
            since: The moment; it moves on with time.

        Returns:
            Seconds; 0: there is room.
        """
        young = 0
        for sent, count in reversed(self._flying.items()):
            young += count
            if young >= limit:
                return max(0.0, sent - since)
        return 0.0

    def _take(self, sent: float) -> bool:
        count = self._flying.get(sent, 0)
        if count > 1:  # two are sent at the same moment where a clock is coarse
            self._flying[sent] = count - 1
        elif count:
            del self._flying[sent]
        self._count -= count > 0
        return count > 0
