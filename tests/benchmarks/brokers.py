"""Brokers to deliver to, and what a plain script with the same client does to them."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))  # the checkout, whose servers these are

from tailer.model import Event
from tests.servers.nats import nats_server
from tests.servers.redis import redis_server

Write = Callable[[Sequence[Event]], bytes]
Plain = Callable[[str, Sequence[Event]], Awaitable[None]]


@contextmanager
def redis() -> Iterator[str]:
    """Run a server that has on the disk what it acknowledges; give its address."""
    with redis_server() as server:
        yield server.url


def adding(write: Write) -> Plain:
    """Make a plain script that adds entries to a stream, a thousand at a time."""
    from redis.asyncio import Redis  # noqa: PLC0415 - this case alone

    async def add(address: str, events: Sequence[Event]) -> None:
        async with Redis.from_url(address) as client:
            for first in range(0, len(events), 1000):
                pipeline = client.pipeline(transaction=False)
                for event in events[first : first + 1000]:
                    pipeline.xadd("plain", {"id": event.id, "event": write([event])})
                await pipeline.execute()

    return add


@contextmanager
def nats() -> Iterator[str]:
    """Run a server that syncs every two minutes, as NATS comes: else the disk is all that is measured."""
    with nats_server("2m") as server:
        yield server.url


def publishing(write: Write) -> Plain:
    """Make a plain script that publishes to a stream, a thousand messages under way."""
    from nats import connect  # noqa: PLC0415 - this case alone

    async def publish(address: str, events: Sequence[Event]) -> None:
        line = await connect(address)
        stream = line.jetstream(publish_async_max_pending=1000)
        await stream.add_stream(name="plain", subjects=["plain"])
        for event in events:
            await stream.publish_async("plain", write([event]), headers={"Nats-Msg-Id": event.id})
        await stream.publish_async_completed()
        await line.close()

    return publish
