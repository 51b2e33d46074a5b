"""Writes events to a topic of Kafka, each at least once.

Rules:

1. The key is the connector, so that its events stay in one partition, and in their order: a partition gets
   the next lot when the one before is acknowledged, which means that all replicas in sync have it.
2. Each lot goes out under our number and its place in the partition. One that is not acknowledged comes again
   as it was and under the same number, as often as needed, so that brokers know it: only a crash of ours, or
   brokers that have forgotten the number, repeat events.
3. A lot that is refused for a record in it is halved until that is alone; it alone is rejected.
4. All else is waited for; what an error code asks for stands at `tailer.sinks.kafka.faults`.
5. Watermarks are records like the others, of their connectors; their ids end in ``/watermark``.

Source: KIP-98, "Idempotent producer guarantees"; Kafka's documentation, "Protocol guide".
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import anyio.to_thread

from tailer.errors import SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Event, Watermark
from tailer.sinks.extras import extra
from tailer.sinks.formats.choice import make_format
from tailer.sinks.options import SinkContext
from tailer.sinks.secrets import SecretSource
from tailer.sinks.tls import make_tls

with extra("kafka"):
    from aiokafka.partitioner import DefaultPartitioner

    from tailer.sinks.kafka.config import KafkaConfig
    from tailer.sinks.kafka.faults import (
        FORGOTTEN,
        NO_TOPIC,
        TAKEN,
        TOO_LARGE,
        UNACCEPTABLE,
        KafkaFault,
        meaning_of,
    )
    from tailer.sinks.kafka.line import KafkaLine, Layout, Way
    from tailer.sinks.kafka.lots import (
        CODECS,
        Lot,
        Numbers,
        Record,
        cut,
        encode,
        make_marks,
        make_records,
        size_of,
    )

_LOT_BYTES = 250_000
"""Most bytes of a lot, uncompressed: a quarter of what brokers take by default, and some 700 events."""


class KafkaSink:
    """A topic in Kafka, or in what speaks its protocol: each event at least once.

    Args:
        config: See `tailer.sinks.kafka.config`.
        context: Names the sink; its environment has the password.

    Raises:
        ConfigError: The password's variable is not set.
    """

    Config = KafkaConfig

    def __init__(self, config: KafkaConfig, context: SinkContext) -> None:
        self._config = config
        self._name = context.name
        variable, file = config.password_env, config.password_file
        self._password = SecretSource(
            context.name, "password", variable, file, context.environ, any_text=True
        )
        self._format = make_format("jsonl", fields=context.fields)
        self._partitioner = DefaultPartitioner()
        self._line: KafkaLine | None = None
        self._numbers: Numbers | None = None
        self._limit = _LOT_BYTES
        self._work: _Work | None = None

    async def check(self) -> str:
        """Say which brokers and topic would get events.

        Raises:
            SinkUnavailableError: They could not be delivered now; the message says why and what to do.
        """
        async with (
            self._translated(),
            await KafkaLine.connect(await self._way(), create=False) as line,
        ):
            await line.reach_leaders()
            if self._config.idempotent:
                await line.number()
            if not line.layout.leaders and not await line.makes_topics():
                raise KafkaFault(meaning_of(NO_TOPIC, self._config.topic))
        return _describe(line.layout, self._config)

    async def open(self, resume: Resume) -> bytes | None:  # noqa: ARG002 - the journal knows what is accepted
        """Connect; writes nothing.

        Raises:
            SinkUnavailableError: No broker answers, or they don't let us in.
        """
        async with self._translated():
            await self._connected()
        return None

    async def write(self, batch: Batch) -> bytes | None:
        """Write a batch, but for what the brokers have taken of it in an earlier try.

        Raises:
            SinkUnavailableError: The brokers are away, or don't take what they are sent, whatever that is.
            SinkRejectedError: Records that they will never take; they have the others.
        """
        rejected = await self._deliver(batch.events, partial(self._render, batch.events))
        if rejected:
            raise SinkRejectedError("refused for what they are", rejected=rejected)
        return None

    async def mark(self, watermarks: Sequence[Watermark]) -> bytes | None:
        """Write a record for each watermark, but for what the brokers have taken of them in an earlier try.

        Raises:
            SinkUnavailableError: The brokers are away, or don't take what they are sent, whatever that is.
        """
        rejected = await self._deliver(watermarks, partial(make_marks, watermarks))
        for reason in rejected.values():
            raise SinkUnavailableError(
                f"Sink {self._name!r}: the topic refuses watermarks: {reason}; write watermarks = false"
            )
        return None

    async def close(self) -> None:
        """Hang up; what was acknowledged is the brokers'."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    async def _connected(self) -> tuple[KafkaLine, Numbers]:
        """Give a line and our numbers; both may be those from before."""
        if self._line is None:
            self._line = await KafkaLine.connect(await self._way(), create=True)
        if self._work is not None and not self._work.lots.keys() <= self._line.layout.leaders.keys():
            self._forget()  # somebody has made the topic anew
        if self._numbers is None:
            self._numbers = await self._line.number() if self._config.idempotent else Numbers()
        return self._line, self._numbers

    async def _way(self) -> Way:
        config = self._config
        trust = await anyio.to_thread.run_sync(make_tls, config, self._name) if config.tls else None
        way = Way(config.brokers, config.topic, config.timeout, trust)
        password = await self._password.read()
        if password is None:
            return way
        return way._replace(mechanism=config.mechanism, user=config.user, password=password)

    def _forget(self) -> None:
        """Give up lots that may have been taken: others in their places would be taken for them, and lost."""
        self._work = self._numbers = None

    async def _deliver(self, given: object, render: Callable[[], list[Record]]) -> dict[int, str]:
        """Send all of what was given, or what is left of it.

        Args:
            given: Known by its identity when it is given again.
            render: Makes the records; called in a thread.

        Returns:
            The reason of each record that the brokers will never take, by its number.

        Raises:
            SinkUnavailableError: Something is left.
        """
        if self._work is not None and self._work.given is not given:
            self._forget()
        async with self._translated():
            line, numbers = await self._connected()
            work = self._work
            if work is None:
                lots = await anyio.to_thread.run_sync(self._plan, render, line.layout)
                work = self._work = _Work(given, lots)
            await self._send_all(line, numbers, work)
        self._work = None
        return work.rejected

    def _render(self, events: Sequence[Event]) -> list[Record]:
        return make_records(events, self._format.render(events).split(b"\n"))

    def _plan(self, render: Callable[[], list[Record]], layout: Layout) -> dict[int, deque[Lot]]:
        """Make lots for each partition, in which records stay in their order."""
        partitions = sorted(layout.leaders)
        places: dict[bytes, int] = {}
        records: dict[int, list[Record]] = {}
        for record in render():
            if record.key not in places:
                places[record.key] = self._partitioner(record.key, partitions, [])
            records.setdefault(places[record.key], []).append(record)
        return {partition: cut(some, self._limit) for partition, some in records.items()}

    async def _send_all(self, line: KafkaLine, numbers: Numbers, work: _Work) -> None:
        """Send all that waits, to each partition as far as it goes; then raise the first fault."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._send(line, numbers, work, one)) for one in work.lots]
        for task in tasks:
            fault = task.result()
            if fault is not None:
                raise fault

    async def _send(
        self, line: KafkaLine, numbers: Numbers, work: _Work, partition: int
    ) -> KafkaFault | None:
        """Send lots to a partition, one after the other; give what stopped that."""
        lots, codec = work.lots[partition], CODECS[self._config.compression]
        while lots:
            place = numbers.place(partition)
            data = await anyio.to_thread.run_sync(encode, lots[0], numbers, place, codec)
            try:
                code = await line.send(partition, data)
            except KafkaFault as fault:
                return fault
            if code in TAKEN:
                numbers.advance(partition, len(lots.popleft()))
            elif code in TOO_LARGE | UNACCEPTABLE:
                self._divide(work, partition, code)
            else:
                if code in FORGOTTEN:
                    self._numbers = None
                return KafkaFault(meaning_of(code, self._config.topic))
        return None

    def _divide(self, work: _Work, partition: int, code: int) -> None:
        """Replace a refused lot by smaller ones, or reject its only record."""
        lots = work.lots[partition]
        lot = lots.popleft()
        if len(lot) == 1:
            work.rejected[lot[0].number] = meaning_of(code, self._config.topic)
        elif code in TOO_LARGE:
            self._limit = min(self._limit, size_of(lot) // 2)
            left = [*lot, *(record for other in lots for record in other)]
            lots.clear()
            lots.extend(cut(left, self._limit))
        else:
            middle = len(lot) // 2
            lots.extendleft((lot[middle:], lot[:middle]))

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        """Raise what goes wrong inside as what the pipeline can react to, and hang up."""
        try:
            yield
        except KafkaFault as fault:
            await self.close()
            raise SinkUnavailableError(f"Sink {self._name!r} can't write to Kafka: {fault}") from fault


@dataclass(slots=True)
class _Work:
    """What is left of what was given.

    Attributes:
        given: The batch's events, or watermarks.
        lots: What each partition has not acknowledged yet. The first one may have been sent.
        rejected: The reason of each record that the brokers will never take, by its number.
    """

    given: object
    lots: dict[int, deque[Lot]]
    rejected: dict[int, str] = field(default_factory=dict)


def _describe(layout: Layout, config: KafkaConfig) -> str:
    """Say what there is, and how safe that is."""
    way = "encrypted" if config.tls else "not encrypted"
    topic = f"has {_many(len(layout.leaders), 'partition')} of {_many(layout.replicas, 'replica')}"
    if not layout.leaders:
        topic = "is missing, but the brokers make it with the first event"
    elif layout.replicas == 1:
        topic += ", so what that broker loses is lost"
    brokers = _many(len(layout.brokers), "broker")
    return f"Kafka at {config.brokers[0]}, {way}, has {brokers}; the topic {config.topic} {topic}"


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
