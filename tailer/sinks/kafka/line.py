"""Connections to the brokers that lead a topic's partitions, made of aiokafka's connections and requests.

Rules:

1. Each request is sent once and has one deadline. aiokafka's own producer would retry for ever, keep the
   reasons to its log, and could not be stopped while the brokers are away: so it is not used.
2. What fails is told as a `KafkaFault`; the line is of no use then, and another one finds the leads again.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.admin import DescribeConfigsRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest

from tailer.config.credentials import Secret
from tailer.core.durations import Seconds
from tailer.sinks.kafka.faults import (
    NO_TOPIC,
    KafkaFault,
    UnknownRequestFault,
    dialing_fault_at,
    fault_at,
    meaning_of,
)
from tailer.sinks.kafka.lots import Numbers

_CLOSING: Seconds = 1.0
"""Longest wait for connections to be closed; TLS would wait for its peer."""

_ALL = -1
"""Acknowledge when all replicas that are in sync have it."""

_BROKER = 4
"""The kind of what has a configuration."""

# It tells what it raises too, and, to whoever has everything logged, requests that hold passwords.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


class Broker(NamedTuple):
    """Where a broker listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Way(NamedTuple):
    """How brokers are reached.

    Attributes:
        servers: Those that are asked for all others, one after the other.
        topic: What is written to.
        patience: Longest wait for a connection, and for each answer.
        trust: What TLS trusts; ``None``: nothing is encrypted.
        mechanism: How we say who we are; ``None``: not at all.
        user: Who we are.
        password: Our password.
    """

    servers: Sequence[Broker]
    topic: str
    patience: Seconds
    trust: ssl.SSLContext | None = None
    mechanism: str | None = None
    user: str | None = None
    password: Secret | None = None


class Layout(NamedTuple):
    """What the brokers tell of themselves and the topic.

    Attributes:
        brokers: All of them, by their numbers.
        leaders: Which broker leads each partition, -1: none does just now. Empty: there is no topic.
        replicas: How many brokers keep each partition, where that is fewest.
    """

    brokers: Mapping[int, Broker]
    leaders: Mapping[int, int]
    replicas: int


class KafkaLine:
    """Connections to brokers, made as they are needed; leave the context, or `close` them.

    Args:
        way: How they are reached.
        layout: Who leads what.
    """

    def __init__(self, way: Way, layout: Layout) -> None:
        self._way = way
        self.layout = layout
        self._connections: dict[int, AIOKafkaConnection] = {}
        self._lock = asyncio.Lock()

    @classmethod
    async def connect(cls, way: Way, *, create: bool) -> Self:
        """Ask the first server that answers who leads the topic's partitions.

        Args:
            way: How brokers are reached.
            create: Whether brokers that make topics when they hear of them may do so.

        Raises:
            KafkaFault: Nobody answers, or the topic can't be used. One that is missing, and may not be made,
                is none: it has no leaders.
        """
        faults: list[str] = []
        for server in way.servers:
            try:
                answer = await _ask(way, server, create=create)
            except KafkaFault as fault:
                faults.append(str(fault))
            else:
                return cls(way, _read(answer, way.topic, create=create))
        raise KafkaFault("; ".join(faults))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def number(self) -> Numbers:
        """Get a number by which brokers know lots that come again.

        Raises:
            KafkaFault: There is none to be had.
        """
        node = next(iter(self.layout.brokers))
        try:
            answer = await self._send(node, InitProducerIdRequest(None, 2**31 - 1))
        except UnknownRequestFault:
            raise KafkaFault("these brokers number no batches; set idempotent = false") from None
        if answer.error_code:
            raise KafkaFault(meaning_of(answer.error_code, self._way.topic))
        return Numbers(answer.producer_id, answer.producer_epoch)

    async def send(self, partition: int, lot: bytes) -> int:
        """Send a lot to the broker that leads its partition; give its answer, an error code or 0.

        Raises:
            KafkaFault: There was no answer, so it may have been taken.
        """
        leader = self.layout.leaders.get(partition, -1)
        if leader not in self.layout.brokers:
            raise KafkaFault(f"partition {partition} of the topic {self._way.topic} has no leader just now")
        # The broker gives up on its replicas a little earlier than we on the broker, so that it can say so.
        limit = int(self._way.patience * 800)
        request = ProduceRequest(None, _ALL, limit, [(self._way.topic, [(partition, lot)])])
        answer = await self._send(leader, request)
        code: int = answer.topics[0][1][0][1]
        return code

    async def reach_leaders(self) -> None:
        """Connect to all brokers that are needed.

        Raises:
            KafkaFault: One can't be reached where it says that it can.
        """
        for node in sorted(set(self.layout.leaders.values()) & self.layout.brokers.keys()):
            await self._connection(node)

    async def makes_topics(self) -> bool:
        """Tell whether brokers make topics when they hear of them; not if they don't say, as to most users.

        Raises:
            KafkaFault: There was no answer.
        """
        node = next(iter(self.layout.brokers))
        request = DescribeConfigsRequest([(_BROKER, str(node), ["auto.create.topics.enable"])])
        try:
            answer = await self._send(node, request)
        except UnknownRequestFault:
            return False
        return any(value == "true" for *_, entries in answer.resources for _, value, *_ in entries)

    async def close(self) -> None:
        """Hang up."""
        connections, self._connections = self._connections, {}
        await _close(*connections.values())

    async def _send(self, node: int, request: Any) -> Any:
        connection = await self._connection(node)
        try:
            return await connection.send(request)
        except (KafkaError, OSError, NotImplementedError) as error:
            raise fault_at(self.layout.brokers[node], error, self._way.patience) from error

    async def _connection(self, node: int) -> AIOKafkaConnection:
        """Give the connection to a broker; one that it has closed, for nothing happened, is made anew."""
        async with self._lock:
            connection = self._connections.get(node)
            if connection is None or not connection.connected():
                connection = self._connections[node] = await _dial(
                    self._way, self.layout.brokers[node], advice="check it, and its advertised.listeners"
                )
            return connection


async def _dial(
    way: Way, broker: Broker, *, advice: str = "check servers, and the broker"
) -> AIOKafkaConnection:
    """Connect, and say who we are; what goes wrong comes with `advice`."""
    options: dict[str, Any] = {"security_protocol": "PLAINTEXT" if way.trust is None else "SSL"}
    if way.mechanism is not None and way.password is not None:
        options = {
            "security_protocol": "SASL_PLAINTEXT" if way.trust is None else "SASL_SSL",
            "sasl_mechanism": way.mechanism,
            "sasl_plain_username": way.user,
            "sasl_plain_password": way.password.reveal(),
        }
    try:
        async with asyncio.timeout(way.patience):
            return await create_conn(
                broker.host,
                broker.port,
                client_id="tailer",
                request_timeout_ms=int(way.patience * 1000),
                ssl_context=way.trust,
                **options,
            )
    except (KafkaError, OSError, NotImplementedError, ValueError, LookupError, AssertionError) as error:
        encrypted = way.trust is not None
        raise dialing_fault_at(broker, error, way.patience, encrypted=encrypted, advice=advice) from error


async def _ask(way: Way, server: Broker, *, create: bool) -> Any:
    """Ask a server for the brokers and the topic."""
    connection = await _dial(way, server)
    try:
        return await connection.send(MetadataRequest([way.topic], create))
    except KafkaConnectionError as error:
        # Some answer the first question to anybody, and hang up at this one.
        encrypted = way.trust is not None
        raise dialing_fault_at(server, error, way.patience, encrypted=encrypted, advice="") from error
    except (KafkaError, OSError, NotImplementedError) as error:
        raise fault_at(server, error, way.patience) from error
    finally:
        await _close(connection)


def _read(answer: Any, topic: str, *, create: bool) -> Layout:
    """Read what a server has told; raises `KafkaFault` as `KafkaLine.connect` does."""
    brokers = {node: Broker(host, port) for node, host, port, *_ in answer.brokers}
    code, *_, partitions = answer.topics[0]
    if code and (create or code != NO_TOPIC):
        raise KafkaFault(meaning_of(code, topic))
    if not brokers:
        raise KafkaFault("the cluster is starting and has no brokers yet")
    leaders = {partition: leader for _, partition, leader, *_ in partitions}
    replicas = min((len(replicas) for _, _, _, replicas, *_ in partitions), default=0)
    return Layout(brokers, leaders, replicas)


async def _close(*connections: AIOKafkaConnection) -> None:
    closed = [waiting for connection in connections if (waiting := connection.close()) is not None]
    if closed:
        await asyncio.wait(closed, timeout=_CLOSING)
