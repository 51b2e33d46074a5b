"""An event's time as the number that counterparts want: one always, whatever a device's clock says."""

from __future__ import annotations

from tailer.model import Event
from tailer.sinks.text import split

_END_SECOND = 2**63 // 10**9  # in the year 2262, the last that signed 64 bits hold in nanoseconds


def nanoseconds_of(event: Event) -> int:
    """Give an event's time in nanoseconds since the epoch, in [0, 2**63), exact to the microsecond.

    It is `t`, or where that has no such number the time of collection, or else of reading.
    """
    for moment in (event.t, event.a, event.seen):
        instant = split(moment)
        if instant is not None and 0 <= instant[0] < _END_SECOND:
            return instant[0] * 10**9 + instant[1] * 1000
    return 0
