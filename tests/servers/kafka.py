"""A stand-in for a Kafka cluster: librdkafka's own, which comes with its client and keeps nothing.

No broker can be had from a package. This one speaks the protocol, numbers producers, and refuses what a test
has it refuse; it does not know a batch that comes again, and what it holds is gone with the process. It has
no TLS and no users: `tests.servers.kafka_gate` stands in front of it for those.

Source: librdkafka, "rdkafka_mock.h", whose functions the Python package does not show, but has.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

_PRODUCER = 0  # RD_KAFKA_PRODUCER: what kind of client the cluster is hung on
_DISCONNECTED = -195  # RD_KAFKA_RESP_ERR__TRANSPORT: it hangs up instead of an answer
PRODUCE = 0
"""Number of the request that carries records."""

METADATA = 3
"""Number of the request for brokers and partitions."""

NUMBER = 22
"""Number of the request for a producer's number."""


class Held(NamedTuple):
    """A record as a consumer gets it."""

    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    timestamp: int


class KafkaCluster:
    """Brokers in this process, in threads of librdkafka.

    Args:
        brokers: How many.
    """

    def __init__(self, brokers: int = 1) -> None:
        self._library = _library()
        words = ctypes.create_string_buffer(512)
        options = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(options, b"log_level", b"0", words, len(words))
        self._client = self._library.rd_kafka_new(_PRODUCER, options, words, len(words))
        assert self._client, words.value.decode()
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, brokers)
        self.servers: list[str] = (
            self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode().split(",")
        )

    @property
    def ports(self) -> list[int]:
        """Where its brokers listen."""
        return [int(server.rpartition(":")[2]) for server in self.servers]

    def close(self) -> None:
        """Be gone."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)

    def create(self, topic: str, partitions: int = 1) -> None:
        """Make a topic."""
        brokers = len(self.servers)
        assert not self._library.rd_kafka_mock_topic_create(
            self._cluster, topic.encode(), partitions, brokers
        )

    def spoil(self, topic: str, code: int) -> None:
        """Have questions about a topic answered with an error."""
        self._library.rd_kafka_mock_topic_set_error(self._cluster, topic.encode(), code)

    def lead(self, topic: str, partition: int, broker: int) -> None:
        """Have another broker lead a partition; -1: none does."""
        assert not self._library.rd_kafka_mock_partition_set_leader(
            self._cluster, topic.encode(), partition, broker
        )

    def stop(self) -> None:
        """Hang up on everybody, and take no connections."""
        assert not self._library.rd_kafka_mock_broker_set_down(self._cluster, -1)

    def start(self) -> None:
        """Take connections again."""
        assert not self._library.rd_kafka_mock_broker_set_up(self._cluster, -1)

    def delay(self, seconds: float) -> None:
        """Have answers take so long."""
        assert not self._library.rd_kafka_mock_broker_set_rtt(self._cluster, -1, int(seconds * 1000))

    def refuse(self, request: int, *codes: int) -> None:
        """Have the next requests of a kind answered with these errors, each once."""
        array = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, request, len(codes), array)

    def hang_up(self, request: int) -> None:
        """Have the next request of a kind answered by a closed connection."""
        self.refuse(request, _DISCONNECTED)

    def forbid(self, request: int) -> None:
        """Be a cluster that does not know a kind of request."""
        assert not self._library.rd_kafka_mock_set_apiversion(self._cluster, request, -1, -1)

    def advertise(self, broker: int, port: int) -> None:
        """Have a broker say that it listens on another port."""
        self._library.rd_kafka_mock_broker_set_host_port(self._cluster, broker, b"127.0.0.1", port)

    def read(self, topic: str) -> list[Held]:
        """Read all that a topic holds, a partition after the other, as any consumer would."""
        return read_topic(self.servers, topic)


def read_topic(servers: Sequence[str], topic: str) -> list[Held]:
    """Read a topic from its beginning to its end with librdkafka's consumer, which checks each checksum."""
    import confluent_kafka  # noqa: PLC0415 - where it is missing, tests are skipped

    options = {
        "bootstrap.servers": ",".join(servers),
        "group.id": "test",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "check.crcs": True,
        "fetch.wait.max.ms": 5,
    }
    consumer = confluent_kafka.Consumer(options)
    try:
        known = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([confluent_kafka.TopicPartition(topic, one, 0) for one in known])
        held: list[Held] = []
        unread = len(known)
        while unread:
            message = consumer.poll(10)
            assert message is not None, "the stand-in does not answer"
            error = message.error()
            if error is None:
                held.append(_held(message))
            else:
                assert error.code() == confluent_kafka.KafkaError._PARTITION_EOF, error.str()  # noqa: SLF001
                unread -= 1
        return sorted(held, key=lambda one: one.partition)
    finally:
        consumer.close()


def _held(message: Any) -> Held:
    headers = list(message.headers() or [])
    return Held(message.partition(), message.key(), message.value(), headers, message.timestamp()[1])


@contextmanager
def kafka_cluster(brokers: int = 1) -> Iterator[KafkaCluster]:
    """Run a stand-in for as long as the context lasts; without one, skip the test and say why."""
    if find_spec("confluent_kafka") is None:
        pytest.skip("no stand-in for Kafka is installed: pip install confluent-kafka")
    cluster = KafkaCluster(brokers)
    try:
        yield cluster
    finally:
        cluster.close()


@cache
def _library() -> Any:
    """Load the library of the Python package, and tell it what its functions take."""
    import confluent_kafka  # noqa: PLC0415 - where it is missing, tests are skipped

    folder = Path(confluent_kafka.__file__).parent
    places = [folder.with_name("confluent_kafka.libs"), folder / ".dylibs"]
    found = [file for place in places for file in sorted(place.glob("librdkafka[-.]*"))]
    assert found, f"no librdkafka lies beside {folder}"
    library = ctypes.CDLL(str(found[0]))
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    library.rd_kafka_conf_new.restype = pointer
    library.rd_kafka_conf_set.argtypes = [pointer, text, text, text, ctypes.c_size_t]
    library.rd_kafka_new.argtypes = [number, pointer, text, ctypes.c_size_t]
    library.rd_kafka_new.restype = pointer
    library.rd_kafka_destroy.argtypes = [pointer]
    for name, result, arguments in [
        ("cluster_new", pointer, [pointer, number]),
        ("cluster_destroy", None, [pointer]),
        ("cluster_bootstraps", text, [pointer]),
        ("topic_create", number, [pointer, text, number, number]),
        ("topic_set_error", None, [pointer, text, number]),
        ("partition_set_leader", number, [pointer, text, ctypes.c_int32, ctypes.c_int32]),
        ("broker_set_down", number, [pointer, ctypes.c_int32]),
        ("broker_set_up", number, [pointer, ctypes.c_int32]),
        ("broker_set_rtt", number, [pointer, ctypes.c_int32, number]),
        ("broker_set_host_port", None, [pointer, ctypes.c_int32, text, number]),
        (
            "push_request_errors_array",
            None,
            [pointer, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(number)],
        ),
        ("set_apiversion", number, [pointer, ctypes.c_int16, ctypes.c_int16, ctypes.c_int16]),
    ]:
        function = getattr(library, f"rd_kafka_mock_{name}")
        function.restype, function.argtypes = result, arguments
    return library


if __name__ == "__main__":  # in a process of its own, for as long as somebody holds its input open
    _alone = KafkaCluster()
    sys.stdout.write(f"{_alone.servers[0]}\n")
    sys.stdout.flush()
    sys.stdin.read()
    _alone.close()
