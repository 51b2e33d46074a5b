"""Tells the sinks that asked for it how far the connectors are read, from time to time and at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tailer.clock import Clock
from tailer.core.watermarks import TELL_EVERY, watermark_of
from tailer.errors import JournalFullError
from tailer.interfaces import Journal
from tailer.model import Source, Watermark
from tailer.pipeline.delivery import Delivery
from tailer.pipeline.poller import Poller
from tailer.pipeline.room import Room


async def tell_forever(
    pollers: Callable[[], Iterable[Poller]],
    deliveries: Sequence[Delivery],
    journal: Journal,
    room: Room,
    clock: Clock,
) -> None:
    """Take watermarks and hand them to the deliveries, which pass them on when their sink has the events.

    Args:
        pollers: Gives the connectors that are read.
        deliveries: To the sinks that asked.
        journal: Where the pollers' checkpoints are durable.
        room: The journal's.
        clock: Time.
    """
    while deliveries:
        await clock.sleep(TELL_EVERY)
        watermarks = _taken(pollers(), clock.wall())
        # A checkpoint without events may not be durable yet; after a crash it would be taken back.
        await room.store(journal.flush)
        head = journal.head
        for delivery in deliveries:
            delivery.announce(head, watermarks)


async def tell_last(
    pollers: Iterable[Poller], deliveries: Sequence[Delivery], journal: Journal, clock: Clock
) -> None:
    """Take watermarks when polling has ended; a full journal, that may stay so, does not hold up the end.

    Args:
        pollers: The connectors that were read.
        deliveries: To the sinks that asked.
        journal: Where the pollers' checkpoints are to be durable first.
        clock: Time.
    """
    if not deliveries:
        return
    watermarks = _taken(pollers, clock.wall())
    try:
        await journal.flush()
    except JournalFullError:
        return
    for delivery in deliveries:
        delivery.announce(journal.head, watermarks, is_last=True)


def _taken(pollers: Iterable[Poller], seen: float) -> list[Watermark]:
    return [
        watermark_of(
            one.checkpoint,
            Source(one.connector.account, one.connector.id, one.connector.name, one.connector.serial, seen),
        )
        for one in pollers
        if one.checkpoint.covered.items  # of one that was never read there is nothing to tell
    ]
