"""Brokers to deliver to, and what a plain script with the same client does to them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))  # the checkout, whose servers these are

from tailer.model import Event
from tests.servers import kafka as stand_in
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


@contextmanager
def kafka() -> Iterator[str]:
    """Run the stand-in for Kafka, which keeps what it acknowledges in its memory; give its address."""
    command = [sys.executable, stand_in.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate()


def producing(write: Write) -> Plain:
    """Make a plain script that hands records to aiokafka's producer, ten thousand at a time."""
    from aiokafka import AIOKafkaProducer  # noqa: PLC0415 - this case alone

    async def produce(address: str, events: Sequence[Event]) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=address, enable_idempotence=True, max_batch_size=250_000
        )
        async with producer:
            for first in range(0, len(events), 10_000):
                acknowledged = [
                    await producer.send(
                        "plain",
                        write([event]),
                        key=event.connector.encode(),
                        timestamp_ms=int(event.t * 1000),
                        headers=[("id", event.id.encode())],
                    )
                    for event in events[first : first + 10_000]
                ]
                for one in acknowledged:
                    await one

    return produce
