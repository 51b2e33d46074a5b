"""The Kafka sink's promises, against a stand-in: the protocol, refusals, lost connections; no durability."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import run_sync

from tailer.errors import SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Event, Source, Watermark
from tailer.observe import ignore
from tailer.sinks.kafka.sink import KafkaSink
from tailer.sinks.options import SinkContext
from tailer.sinks.registry import plan
from tailer.testing.rejection_contract import RejectionContract
from tailer.testing.sink_contract import SinkContract, ids_of, make_batch
from tests.servers.kafka import NUMBER, PRODUCE, Held, KafkaCluster, kafka_cluster
from tests.servers.kafka_gate import Gate, gate_before
from tests.servers.process import free_port
from tests.servers.tls import in_front_of, make_certificate, needs_openssl

TOPIC = "tailer-events"
SOURCE = Source("account", "connector", "Oslo", "A1", 1_785_585_700.5)


def make(cluster: KafkaCluster, environ: dict[str, str] | None = None, **options: Any) -> KafkaSink:
    """Build a sink."""
    config = KafkaSink.Config(**{"servers": tuple(cluster.servers), **options})
    return KafkaSink(config, SinkContext("broker", BytesIO(), environ or {}, ignore))


def id_of(record: Held) -> str:
    """Give the id that a record carries beside its content."""
    [(name, value)] = record.headers
    assert name == "id"
    return value.decode()


async def ids_held(cluster: KafkaCluster) -> list[str]:
    """Read the events' ids, a partition after the other."""
    return [id_of(record) for record in await run_sync(cluster.read, TOPIC)]


async def insist(sink: KafkaSink, batch: Batch) -> None:
    """Write a batch as often as a slow machine needs it."""
    while True:
        with suppress(SinkUnavailableError):
            await sink.write(batch)
            return


def numbered(count: int, *, connectors: int = 1, **more: Any) -> Batch:
    """Make a batch with so many events of each connector."""
    sources = [
        Source("account", f"connector-{one}", "Oslo", "A1", 1_785_585_700.5) for one in range(connectors)
    ]
    return Batch([Event(n, n, "Init", n, source, **more) for n in range(count) for source in sources])


@pytest.fixture
def cluster() -> Iterator[KafkaCluster]:
    """Give one broker with a topic of one partition."""
    with kafka_cluster() as cluster:
        cluster.create(TOPIC)
        yield cluster


class _Place:
    """A broker that goes away and comes back with what it had."""

    exactly_once = False
    can_fail_open = True

    def __init__(self, cluster: KafkaCluster) -> None:
        self._cluster = cluster
        self.fail = self.fail_open = cluster.stop
        self.mend = self.mend_open = cluster.start

    def build(self) -> KafkaSink:
        return make(self._cluster)

    def held(self) -> Sequence[str]:
        ids = map(id_of, self._cluster.read(TOPIC))
        return [one for one in ids if not one.endswith("/watermark")]


class TestKafkaSink(SinkContract):
    """The sink goes through every test of the suite, with a broker that goes away and comes back."""

    @pytest.fixture
    def place(self, cluster: KafkaCluster) -> _Place:
        """Make a place."""
        return _Place(cluster)


async def test_a_record_is_the_event(cluster: KafkaCluster) -> None:
    """A record has the connector as its key, the event's id and time, and its JSON, whatever these hold."""
    odd = Source("account", "connector-2", "a\0\r\n'\"ü\ud800", "", 1.0)
    sink = make(cluster)
    await sink.open(Resume(0, None))
    await sink.write(
        Batch([Event(1.5, 7, "Leave", 2, SOURCE, True, {"url": "x\n"}), Event(2, 8, "x", 3, odd)])
    )
    await sink.close()
    first, second = await run_sync(cluster.read, TOPIC)
    record = json.loads(first.value)
    assert id_of(first) == record["id"] == "account/connector/1.5.7"
    assert (record["name"], record["late"], record["e"]) == ("Oslo", True, {"url": "x\n"})
    assert (first.key, first.timestamp) == (b"connector", 1500)
    assert json.loads(second.value)["name"] == odd.name
    assert second.key == b"connector-2"


async def test_a_clock_that_is_ahead_makes_no_record_of_the_future(cluster: KafkaCluster) -> None:
    """Brokers refuse times to come, so a record's is when its event was read; its JSON has the event's."""
    sink = make(cluster)
    await sink.open(Resume(0, None))
    await sink.write(Batch([Event(2_100_000_000, 1, "Init", 2_100_000_000, SOURCE)]))
    await sink.close()
    [record] = await run_sync(cluster.read, TOPIC)
    assert record.timestamp == 1_785_585_700_500
    assert json.loads(record.value)["t"] == 2_100_000_000


async def test_a_watermark_is_a_record(cluster: KafkaCluster) -> None:
    """It follows its connector's events to their partition, under an id that no event has."""
    sink = make(cluster)
    async with gate_before(cluster.ports[0]) as gate:
        cluster.advertise(1, gate.port)
        await sink.open(Resume(0, None))
        await sink.mark([Watermark(SOURCE, 1_785_585_600, 1_785_585_600, None)])
        gate.poison = ["account/connector/watermark"]
        with pytest.raises(SinkUnavailableError, match=r"refuses watermarks: .*; write watermarks = false"):
            await sink.mark([Watermark(SOURCE, 1_785_585_660, 1_785_585_660, None)])
        await sink.close()
        [record] = await run_sync(cluster.read, TOPIC)
    assert (record.key, id_of(record)) == (b"connector", "account/connector/watermark")
    told = json.loads(record.value)
    assert (told["k"], told["whole_through"]) == ("tailer.Watermark", 1_785_585_600)


async def test_a_connector_stays_in_one_partition_in_order() -> None:
    """With several brokers and partitions, each connector's events are in one of these, in their order."""
    batch = numbered(1000, connectors=9)
    with kafka_cluster(3) as cluster:
        cluster.create(TOPIC, 6)
        for partition in range(6):
            cluster.lead(TOPIC, partition, 1 + partition % 3)
        sink = make(cluster)
        await sink.open(Resume(0, None))
        await sink.write(batch)
        await sink.close()
        held = await run_sync(cluster.read, TOPIC)
    assert len({record.partition for record in held}) > 2
    for one in range(9):
        mine = [record for record in held if record.key == f"connector-{one}".encode()]
        assert len({record.partition for record in mine}) == 1
        assert [id_of(record) for record in mine] == ids_of(batch)[one::9]


class _RejectingPlace(_Place):
    """A broker behind a gate that looks at records."""

    def __init__(self, cluster: KafkaCluster, gate: Gate) -> None:
        super().__init__(cluster)
        self._gate = gate
        cluster.advertise(1, gate.port)

    def reject(self, ids: Collection[str]) -> None:
        self._gate.poison = ids


class TestKafkaSinkThatRejects(RejectionContract):
    """The sink goes through every test about poison, a broker refusing a lot for one of its records."""

    @pytest.fixture
    async def place(self, cluster: KafkaCluster) -> AsyncIterator[_RejectingPlace]:
        """Make a place."""
        async with gate_before(cluster.ports[0]) as gate:
            yield _RejectingPlace(cluster, gate)


async def test_a_topic_that_takes_little_gets_little_at_once(cluster: KafkaCluster) -> None:
    """Lots that are too large are cut until they are not; a record that is too large alone is rejected."""
    events = [*numbered(300).events, *numbered(1, connectors=3, e={"pad": "x" * 20_000}).events[1:]]
    async with gate_before(cluster.ports[0]) as gate:
        gate.largest = 10_000
        cluster.advertise(1, gate.port)
        sink = make(cluster)
        await sink.open(Resume(0, None))
        with pytest.raises(SinkRejectedError) as caught:
            await sink.write(Batch(events))
        await sink.write(make_batch(1, 300))
        await sink.close()
        assert await ids_held(cluster) == [*ids_of(Batch(events[:300]), make_batch(1, 300))]
    told = "it is more than the topic takes (max.message.bytes)"
    assert caught.value.rejected == {300: told, 301: told}


async def test_a_refusal_is_waited_for(cluster: KafkaCluster) -> None:
    """Whatever the brokers refuse that is not for a record, nothing is set aside, and nothing is twice."""
    sink = make(cluster)
    await sink.open(Resume(0, None))
    for code, said in [
        (3, f"there is no topic {TOPIC}; create it"),
        (6, "the lead of a partition has moved"),
        (19, r"too few replicas are in sync \(min\.insync\.replicas"),
        (29, f"may not write to the topic {TOPIC}; allow it Write"),
        (76, "can't read this compression"),
        (41, r"\(41\); the brokers' logs say more"),
        (9999, "it answers error 9999"),
    ]:
        cluster.refuse(PRODUCE, code)
        with pytest.raises(SinkUnavailableError, match=said):
            await sink.write(make_batch(1, 3))
    await sink.write(make_batch(1, 3))
    await sink.close()
    assert await ids_held(cluster) == ids_of(make_batch(1, 3))


async def test_an_unanswered_lot_is_known_when_it_comes_again(cluster: KafkaCluster) -> None:
    """What brokers took without an answer is sent again under its number, and is not there twice."""
    sink = make(cluster, timeout=0.3)
    async with gate_before(cluster.ports[0]) as gate:
        cluster.advertise(1, gate.port)
        await insist(sink, make_batch(1, 3))
        gate.is_mute = True
        batch = make_batch(4, 6)
        for _ in range(2):
            with pytest.raises(SinkUnavailableError, match=r"no answer within 0\.3s"):
                await sink.write(batch)
        gate.is_mute = False
        for one in (batch, make_batch(7, 9)):
            await insist(sink, one)
        await sink.close()
        assert gate.known
        assert await ids_held(cluster) == ids_of(make_batch(1, 9))


async def test_brokers_that_have_forgotten_get_another_number(cluster: KafkaCluster) -> None:
    """Brokers that don't know our number any more are waited for once; then all goes on under another one."""
    sink = make(cluster)
    async with gate_before(cluster.ports[0]) as gate:
        cluster.advertise(1, gate.port)
        await sink.open(Resume(0, None))
        await sink.write(make_batch(1, 3))
        gate.forget()
        batch = make_batch(4, 6)
        with pytest.raises(SinkUnavailableError, match=r"OUT_OF_ORDER_SEQUENCE_NUMBER \(45\)"):
            await sink.write(batch)
        await sink.write(batch)
        await sink.close()
        assert await ids_held(cluster) == ids_of(make_batch(1, 6))


async def test_another_batch_after_an_unanswered_one(cluster: KafkaCluster) -> None:
    """What was not answered never makes brokers take other events for it: those are there."""
    sink = make(cluster, timeout=0.3)
    async with gate_before(cluster.ports[0]) as gate:
        cluster.advertise(1, gate.port)
        await insist(sink, make_batch(1, 3))
        gate.is_mute = True
        with pytest.raises(SinkUnavailableError):
            await sink.write(make_batch(4, 6))
        gate.is_mute = False
        await insist(sink, make_batch(7, 9))
        await sink.close()
        assert await ids_held(cluster) == ids_of(make_batch(1, 9))


async def test_a_lost_connection_loses_nothing(cluster: KafkaCluster) -> None:
    """A broker that hangs up in an answer's place, or has closed an idle connection, gets the batch again."""
    sink = make(cluster)
    await sink.open(Resume(0, None))
    cluster.hang_up(PRODUCE)
    batch = make_batch(1, 3)
    with pytest.raises(SinkUnavailableError, match=r"broker 127\.0\.0\.1:\d+: the connection broke"):
        await sink.write(batch)
    await sink.write(batch)
    await run_sync(cluster.stop)
    await run_sync(cluster.start)
    await sink.write(make_batch(4, 6))  # at once: the connection was idle
    await sink.close()
    assert await ids_held(cluster) == ids_of(make_batch(1, 6))


async def test_the_lead_of_a_partition_moves() -> None:
    """A partition without a leader is waited for; the next leader gets what waited."""
    with kafka_cluster(2) as cluster:
        cluster.create(TOPIC)
        sink = make(cluster)
        cluster.lead(TOPIC, 0, -1)
        await sink.open(Resume(0, None))
        with pytest.raises(SinkUnavailableError, match=f"partition 0 of the topic {TOPIC} has no leader"):
            await sink.write(make_batch(1, 3))
        for broker in (1, 2):
            cluster.lead(TOPIC, 0, broker)
            batch = make_batch(3 * broker - 2, 3 * broker)
            while True:
                try:
                    await sink.write(batch)
                    break
                except SinkUnavailableError as error:
                    assert "has moved" in str(error)  # noqa: PT017 - only where it has been elsewhere before
        await sink.close()
        assert await ids_held(cluster) == ids_of(make_batch(1, 6))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_the_password_stays_secret(cluster: KafkaCluster, tmp_path: Path, mechanism: str) -> None:
    """A user's password comes from a file, which may get another one at any time, and is in no message."""
    secret = tmp_path / "secret"
    secret.write_text("hunter 3\n")
    async with gate_before(cluster.ports[0], ("ops", "hunter 2")) as gate:
        cluster.advertise(1, gate.port)
        servers = (f"127.0.0.1:{gate.port}",)
        sink = make(cluster, servers=servers, user="ops", mechanism=mechanism, password_file=secret)
        with pytest.raises(SinkUnavailableError, match="it refuses user or password; correct") as caught:
            await sink.open(Resume(0, None))
        assert "hunter" not in f"{caught.value}{caught.value.__cause__!r}"
        secret.write_text("hunter 2\n")
        await sink.open(Resume(0, None))
        await sink.write(make_batch(1, 2))
        await sink.close()
        options = {"servers": servers, "user": "ops", "mechanism": mechanism, "password_env": "K"}
        assert "1 broker;" in await make(cluster, environ={"K": "hunter 2"}, **options).check()
        with pytest.raises(SinkUnavailableError, match=r"hangs up; perhaps it wants TLS .* or a user"):
            await make(cluster, servers=servers).check()
        cluster.advertise(1, cluster.ports[0])
        assert await ids_held(cluster) == ids_of(make_batch(1, 2))


@needs_openssl
async def test_brokers_are_known_by_their_certificates(cluster: KafkaCluster, tmp_path: Path) -> None:
    """Nothing is sent to a broker whose certificate and name are not trusted, unless that is asked for."""
    certificate = await run_sync(make_certificate, tmp_path)
    port = cluster.ports[0]
    async with in_front_of(port, certificate) as front:
        cluster.advertise(1, front)
        servers = (f"127.0.0.1:{front}",)
        sink = make(cluster, servers=servers, tls=True, ca_file=certificate.file)
        assert ", encrypted, " in await sink.check()
        await sink.open(Resume(0, None))
        await sink.write(make_batch(1, 1))
        await sink.close()
        by_name = make(cluster, servers=(f"localhost:{front}",), tls=True, ca_file=certificate.file)
        for stranger in (make(cluster, servers=servers, tls=True), by_name):
            with pytest.raises(SinkUnavailableError, match=r"certificate|mismatch"):
                await stranger.check()
        assert ", encrypted, " in await make(cluster, servers=servers, tls=True, verify=False).check()
        with pytest.raises(SinkUnavailableError, match=r"hangs up|no answer|connection broke"):
            await make(cluster, servers=servers, timeout=0.3).check()
    cluster.advertise(1, port)
    with pytest.raises(SinkUnavailableError, match=r"wants no TLS|speak TLS"):
        await make(cluster, tls=True, timeout=0.3).check()
    assert await ids_held(cluster) == ids_of(make_batch(1, 1))


async def test_check_says_what_is_there(cluster: KafkaCluster) -> None:
    """The sentence names brokers, the way there, the topic, and how safe it is; so does what is missing."""
    said = await make(cluster).check()
    assert said == (
        f"Kafka at {cluster.servers[0]}, not encrypted, has 1 broker; the topic {TOPIC} has 1 partition of 1"
        " replica, so what that broker loses is lost"
    )
    for _ in range(2):  # the first question would have made it
        with pytest.raises(SinkUnavailableError, match=r"there is no topic other; create it"):
            await make(cluster, topic="other").check()
    cluster.spoil(TOPIC, 29)
    with pytest.raises(SinkUnavailableError, match=f"may not write to the topic {TOPIC}; allow it Write"):
        await make(cluster).check()


async def test_check_knows_brokers_that_make_topics(cluster: KafkaCluster) -> None:
    """A missing topic is fine where the brokers say that they make it."""
    async with gate_before(cluster.ports[0]) as gate:
        cluster.advertise(1, gate.port)
        gate.settings = {"auto.create.topics.enable": "true"}
        said = await make(cluster, topic="other").check()
        assert said.endswith("the topic other is missing, but the brokers make it with the first event")
        gate.settings = {"auto.create.topics.enable": "false"}
        with pytest.raises(SinkUnavailableError, match="there is no topic other; create it"):
            await make(cluster, topic="other").check()


async def test_check_finds_brokers_that_say_the_wrong_address(cluster: KafkaCluster) -> None:
    """A broker that can't be reached where it says that it can is named: it has answered elsewhere."""
    port = free_port()
    cluster.advertise(1, port)
    with pytest.raises(
        SinkUnavailableError, match=f"127.0.0.1:{port}: Connection refused; check it, and its advertised"
    ):
        await make(cluster).check()


async def test_the_next_server_is_asked(cluster: KafkaCluster) -> None:
    """Of several servers one that answers is enough; if none does, each is named with its reason."""
    away = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    assert await make(cluster, servers=(*away, *cluster.servers)).check()
    told = "; ".join(f"broker {one}: Connection refused; check servers, and the broker" for one in away)
    with pytest.raises(SinkUnavailableError, match=told):
        await make(cluster, servers=tuple(away)).check()


async def test_numbers_can_be_done_without(cluster: KafkaCluster) -> None:
    """Brokers that number nobody, or not this user, are named with the way out, which works."""
    cluster.refuse(NUMBER, 31)
    with pytest.raises(SinkUnavailableError, match="allow it IdempotentWrite, or set idempotent = false"):
        await make(cluster).open(Resume(0, None))
    cluster.forbid(NUMBER)
    with pytest.raises(SinkUnavailableError, match="number no batches; set idempotent = false"):
        await make(cluster).open(Resume(0, None))
    async with gate_before(cluster.ports[0]) as gate:
        cluster.advertise(1, gate.port)
        sink = make(cluster, idempotent=False)
        await sink.open(Resume(0, None))
        await sink.write(make_batch(1, 3))
        await sink.write(make_batch(4, 6))
        await sink.close()
        assert await ids_held(cluster) == ids_of(make_batch(1, 6))


async def test_records_are_compressed(cluster: KafkaCluster) -> None:
    """With gzip any consumer reads the same."""
    sink = make(cluster, compression="gzip")
    async with gate_before(cluster.ports[0]) as gate:
        gate.largest = 20_000
        cluster.advertise(1, gate.port)
        await sink.open(Resume(0, None))
        await sink.write(numbered(500))
        await sink.close()
        assert await ids_held(cluster) == ids_of(numbered(500))


async def test_a_stop_in_the_middle_is_clean(cluster: KafkaCluster) -> None:
    """A write that is cancelled while the brokers say nothing leaves nothing behind."""
    sink = make(cluster)
    async with gate_before(cluster.ports[0]) as gate:
        cluster.advertise(1, gate.port)
        gate.is_mute = True
        await sink.open(Resume(0, None))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await sink.write(make_batch(1, 3))
        await sink.close()
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"servers": ("kafka://h",)}, 'write "HOST:9092", without a scheme'),
        ({"servers": ("h:0",)}, 'write "HOST:9092"'),
        ({"servers": ("u:hunter2@h:1",)}, 'write "HOST:9092"'),
        ({"verify": False}, "have no effect without tls = true"),
        ({"tls": True, "key_file": Path("k")}, "key_file has no effect without cert_file"),
        ({"user": "u"}, "user and password need each other"),
        ({"password_env": "A"}, "user and password need each other"),
        ({"user": "u", "password_env": "A", "password_file": Path("b")}, "exclude each other"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], said: str) -> None:
    """Options that can't be are refused in one sentence, without what may be a secret."""
    with pytest.raises(ValueError, match=said) as caught:
        KafkaSink.Config(**options)
    assert "hunter2" not in str(caught.value)


@pytest.mark.skipif(find_spec("cramjam") is not None, reason="cramjam is installed")
@pytest.mark.parametrize("compression", ["snappy", "lz4"])
def test_a_missing_codec_is_named(compression: Any) -> None:
    """A compression that needs a package more says which, and what there is without."""
    with pytest.raises(
        ValueError, match='needs the package cramjam; run: pip install cramjam, or write "gzip"'
    ):
        KafkaSink.Config(compression=compression)


async def test_fields_can_be_chosen(cluster: KafkaCluster) -> None:
    """The record has the fields that are wanted; the id stays beside it."""
    table = {"type": "kafka", "servers": cluster.servers, "fields": {"kind": "k"}}
    made = plan(table, "sinks[0]", Path())
    sink = made.build(SinkContext("s", BytesIO(), {}, ignore, fields=made.options.fields))
    await sink.open(Resume(0, None))
    await sink.write(Batch([Event(1, 7, "Leave", 2, SOURCE)]))
    await sink.close()
    [record] = await run_sync(cluster.read, TOPIC)
    assert (id_of(record), record.value) == ("account/connector/1.7", b'{"kind":"Leave"}')


def test_the_client_logs_no_passwords(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever has all of Python's logging shown sees nothing of what aiokafka sends."""
    with caplog.at_level("DEBUG"):
        logging.getLogger("aiokafka.conn").debug("Request: hunter2")
    assert not caplog.records
