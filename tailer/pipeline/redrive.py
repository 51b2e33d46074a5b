"""Dead letters on their way back: written once more, and forgotten once they are accepted.

1. They come out of their order, so all are marked late.
2. First the sink accepts, then its state is committed, then they are removed. A crash in between repeats at
   most the letters of one batch when they are re-driven again; it loses none.
3. What is rejected again stays, with the new reason.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from tailer.core.released import marked_late
from tailer.model import Event
from tailer.pipeline.handover import Handover, Part


class Redriven(NamedTuple):
    """What became of some dead letters of one sink.

    Attributes:
        accepted: Ids of the events that the sink has now.
        rejected: The reasons of the others, by id.
    """

    accepted: Sequence[str]
    rejected: Mapping[str, str]


async def redrive(handover: Handover, ids: Collection[str] | None, *, max_events: int) -> Redriven:
    """Write dead letters of one sink again.

    Args:
        handover: The way into the sink, open.
        ids: Of the events; ``None``: all.
        max_events: Most events of a batch.

    Raises:
        SinkError: As `Handover.write` says; what was not accepted before lies where it was.
        JournalError: The sink's state could not be committed.
    """
    events = await _events_of(handover, ids)
    accepted: list[str] = []
    rejected: dict[str, str] = {}

    async def settle(part: Part) -> None:
        await handover.commit(part.state)
        for index, event in enumerate(part.events):
            if index in part.rejected:
                rejected[event.id] = part.rejected[index]
            else:
                accepted.append(event.id)

    for start in range(0, len(events), max_events):
        done = len(accepted)
        try:
            await handover.write(events[start : start + max_events], settle, is_first=False)
        finally:
            # Also where nothing was accepted: what was added with a new reason takes the old one's place.
            if accepted or rejected:
                await handover.forget(accepted[done:])
    return Redriven(accepted, rejected)


async def _events_of(handover: Handover, ids: Collection[str] | None) -> list[Event]:
    letters = await handover.dead_letters()
    return marked_late(one.event for one in letters if ids is None or one.event.id in ids)
