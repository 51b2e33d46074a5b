"""The Redis sink's promises, against a real server: every event at least once, with its id."""

import json
import socket
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from anyio.to_thread import run_sync

from tailer.errors import SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Event, Source, Watermark
from tailer.observe import ignore
from tailer.sinks.options import SinkContext
from tailer.sinks.redis.sink import RedisSink
from tailer.sinks.registry import plan
from tailer.testing.sink_contract import SinkContract, ids_of, make_batch
from tests.servers.redis import RedisServer
from tests.servers.tls import in_front_of, make_certificate, needs_openssl

STREAM = "tailer:events"
SOURCE = Source("account", "connector", "Oslo", "A1", 1_785_585_700.5)


def make(url: str, environ: dict[str, str] | None = None, **options: Any) -> RedisSink:
    """Build a sink."""
    config = RedisSink.Config(url=url, **options)
    return RedisSink(config, SinkContext("stream", BytesIO(), environ or {}, ignore))


def held(server: RedisServer) -> list[dict[str, str]]:
    """Read the stream's fields."""
    with server.client() as client:
        return [fields for _, fields in client.xrange(STREAM)]


def ids_held(server: RedisServer) -> list[str]:
    """Read the events' ids."""
    return [fields["id"] for fields in held(server)]


def command(server: RedisServer, *words: str) -> None:
    """Have the server do something."""
    with server.client() as client:
        client.execute_command(*words)


@pytest.fixture(autouse=True)
def server(redis: RedisServer) -> Iterator[RedisServer]:
    """Give a server that holds nothing, and leave it running."""
    redis.empty()
    yield redis
    if not redis.is_running:
        redis.start()


class _Place:
    """A server that can be killed."""

    exactly_once = False
    can_fail_open = True

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self.fail = self.fail_open = server.kill
        self.mend = self.mend_open = server.start

    def build(self) -> RedisSink:
        return make(self._server.url)

    def held(self) -> Sequence[str]:
        return [one for one in ids_held(self._server) if not one.endswith("/watermark")]


class TestRedisSink(SinkContract):
    """The sink goes through every test of the suite, with a server that is killed and comes back."""

    @pytest.fixture
    def place(self, server: RedisServer) -> _Place:
        """Make a place."""
        return _Place(server)


async def test_an_entry_is_the_record_with_its_id(server: RedisServer) -> None:
    """An entry has the event's id and its record as JSON, whatever its texts hold."""
    odd = Source("account", "connector", "a\0\r\n'\"ü\ud800", "", 1.0)
    sink = make(server.url)
    await sink.open(Resume(0, None))
    await sink.write(Batch([Event(1, 7, "Leave", 2, SOURCE, True, {"url": "x\n"}), Event(2, 8, "x", 3, odd)]))
    await sink.close()
    first, second = held(server)
    record = json.loads(first["event"])
    assert first["id"] == record["id"] == "account/connector/1.7"
    assert (record["name"], record["late"], record["e"]) == ("Oslo", True, {"url": "x\n"})
    assert second["id"] == "account/connector/2.8"
    assert json.loads(second["event"])["name"] == odd.name


async def test_a_watermark_is_an_entry(server: RedisServer) -> None:
    """It has an id that no event has, under which later ones of the same connector come as well."""
    sink = make(server.url)
    await sink.open(Resume(0, None))
    for end in (1_785_585_600, 1_785_585_660):
        await sink.mark([Watermark(SOURCE, end, end, None)])
    await sink.close()
    found = held(server)
    assert [one["id"] for one in found] == ["account/connector/watermark"] * 2
    told = [json.loads(one["event"]) for one in found]
    assert [one["whole_through"] for one in told] == [1_785_585_600, 1_785_585_660]
    assert {one["k"] for one in told} == {"tailer.Watermark"}


async def test_nobody_or_a_stranger_is_told() -> None:
    """The sentence has the system's words and says where to look, without numbers of errors."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        for scheme, said in (
            ("redis", "no Redis; check url"),
            ("rediss", "does not speak TLS; check url and"),
        ):
            thread = Thread(target=answer_as_a_web_server, args=[listener])
            thread.start()
            with pytest.raises(SinkUnavailableError, match=f"{address}: what answers there .*{said}"):
                await make(f"{scheme}://{address}").check()
            await run_sync(thread.join)
    with pytest.raises(
        SinkUnavailableError, match=f"{address}: Connection refused; check url and the server"
    ):
        await make(f"redis://{address}").check()


def answer_as_a_web_server(listener: socket.socket) -> None:
    """Answer whoever comes as one that speaks another protocol does."""
    stream, _ = listener.accept()
    with stream:
        stream.recv(4096)
        stream.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")


async def test_old_entries_are_trimmed_on_request(server: RedisServer) -> None:
    """A stream with a greatest length keeps about so many entries, the newest."""
    sink = make(server.url, max_length=200)
    await sink.open(Resume(0, None))
    await sink.write(make_batch(1, 3000))
    await sink.close()
    kept = ids_held(server)
    assert 200 <= len(kept) < 1000
    assert kept == ids_of(make_batch(1, 3000))[-len(kept) :]


async def test_only_what_was_refused_comes_again(server: RedisServer) -> None:
    """A batch of which the server took a part, and then ran out of memory, is completed; nothing repeats."""
    size = 60_000  # enough for the memory to be full in the middle
    events = [Event(n, n, "Init", n, SOURCE, False, {"pad": "x" * size}) for n in range(100)]
    with server.client() as client:
        used = int(client.info("memory")["used_memory"])
    sink = make(server.url)
    await sink.open(Resume(0, None))
    command(server, "CONFIG", "SET", "maxmemory", str(used + 40 * size))
    try:
        with pytest.raises(SinkUnavailableError, match=r"memory is full \(OOM\); raise its maxmemory"):
            await sink.write(Batch(events))
        assert 0 < len(held(server)) < 100
    finally:
        command(server, "CONFIG", "SET", "maxmemory", "0")
    await sink.write(Batch(events))
    await sink.close()
    assert sorted(ids_held(server)) == sorted(event.id for event in events)


async def test_a_key_of_another_type_is_named(server: RedisServer) -> None:
    """A key that holds no stream is waited for, with a clear sentence; `check` says so too."""
    command(server, "SET", STREAM, "x")
    sink = make(server.url)
    await sink.open(Resume(0, None))
    with pytest.raises(SinkUnavailableError, match=r"key tailer:events holds something else than a stream"):
        await sink.write(make_batch(1, 2))
    with pytest.raises(SinkUnavailableError, match="holds a string; name another"):
        await sink.check()
    command(server, "DEL", STREAM)
    await sink.write(make_batch(1, 2))
    await sink.close()
    assert ids_held(server) == ids_of(make_batch(1, 2))


async def test_a_replica_is_waited_for(server: RedisServer) -> None:
    """A server that became a replica takes nothing until it is promoted; message and `check` say so."""
    sink = make(server.url)
    await sink.open(Resume(0, None))
    command(server, "REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(SinkUnavailableError, match=r"it is a replica.*READONLY.*name the primary"):
            await sink.write(make_batch(1, 2))
        with pytest.raises(SinkUnavailableError, match="it is a replica"):
            await sink.check()
    finally:
        command(server, "REPLICAOF", "NO", "ONE")
    await sink.write(make_batch(1, 2))
    await sink.close()
    assert ids_held(server) == ids_of(make_batch(1, 2))


async def test_a_server_that_hangs_is_hung_up_on(server: RedisServer) -> None:
    """A server that says nothing is away after the timeout; what it had got by then may come twice."""
    sink = make(server.url, timeout=0.5)
    await sink.open(Resume(0, None))
    server.freeze()
    try:
        for _ in range(2):
            with pytest.raises(SinkUnavailableError, match=r"no answer within 0\.5s"):
                await sink.write(make_batch(1, 2))
    finally:
        server.thaw()
    await sink.write(make_batch(1, 2))
    await sink.close()
    assert set(ids_held(server)) == set(ids_of(make_batch(1, 2)))


async def test_the_password_stays_secret(server: RedisServer, tmp_path: Path) -> None:
    """A user's password comes from a file, which may get another one at any time, and is in no message."""
    command(server, "ACL", "SETUSER", "ops", "reset", "on", ">hunter 2", "~tailer:*", "+ping", "+info")
    secret = tmp_path / "secret"
    secret.write_text("hunter 3\n")
    url = server.url.replace("//", "//ops@")
    sink = make(url, password_file=secret)
    with pytest.raises(SinkUnavailableError, match="it refuses user or password") as caught:
        await sink.open(Resume(0, None))
    assert "hunter" not in f"{caught.value}{caught.value.__cause__!r}"
    secret.write_text("hunter 2\n")
    await sink.open(Resume(0, None))
    with pytest.raises(SinkUnavailableError, match=r"lacks a right \(NOPERM\); allow \+ping and \+xadd"):
        await sink.write(make_batch(1, 2))
    command(server, "ACL", "SETUSER", "ops", "+xadd", "+type", "+xlen")
    await sink.write(make_batch(1, 2))
    await sink.close()
    assert "2 entries" in await make(url, password_env="R", environ={"R": "hunter 2"}).check()
    assert ids_held(server) == ids_of(make_batch(1, 2))


@needs_openssl
async def test_the_server_is_known_by_its_certificate(server: RedisServer, tmp_path: Path) -> None:
    """Nothing is sent to a server whose certificate and name are not trusted, unless that is asked for."""
    certificate = await run_sync(make_certificate, tmp_path)
    async with in_front_of(server.port, certificate) as port:
        front = f"rediss://127.0.0.1:{port}"
        sink = make(front, ca_file=certificate.file)
        assert ", encrypted, " in await sink.check()
        await sink.open(Resume(0, None))
        await sink.write(make_batch(1, 1))
        await sink.close()
        by_name = make(front.replace("127.0.0.1", "localhost"), ca_file=certificate.file)
        for stranger in (make(front), by_name):
            with pytest.raises(SinkUnavailableError, match=r"certificate|mismatch"):
                await stranger.check()
        assert ", encrypted, " in await make(front, verify=False).check()
    assert ids_held(server) == ids_of(make_batch(1, 1))


async def test_check_says_what_is_there(server: RedisServer) -> None:
    """The sentence names the server, the way there, whether it keeps a log, and the stream."""
    said = await make(server.url).check()
    where = f"at 127.0.0.1:{server.port}, not encrypted, keeps an append-only file"
    assert f"{where}; the stream {STREAM} has 0 entries" in said
    command(server, "CONFIG", "SET", "appendonly", "no")
    try:
        assert (
            "keeps no append-only file, so its crash loses what it took last"
            in await make(server.url).check()
        )
    finally:
        command(server, "CONFIG", "SET", "appendonly", "yes")


async def test_another_database_is_another_place(server: RedisServer) -> None:
    """The number at the end of the address is the database."""
    sink = make(f"{server.url}/3", stream="other")
    await sink.open(Resume(0, None))
    await sink.write(make_batch(1, 1))
    await sink.close()
    with server.client() as client:
        client.select(3)
        assert client.xlen("other") == 1
    assert not held(server)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "redis://u:hunter2@h"}, "url must hold no password"),
        ({"url": "http://h"}, r'write "redis://HOST:6379" \(schemes: redis, rediss\)'),
        ({"url": "redis://h:x"}, "url is not understood"),
        ({"url": "redis://h/x"}, "url must end with the number of a database"),
        ({"url": "redis://h", "verify": False}, "have no effect without rediss://"),
        ({"url": "rediss://h", "key_file": Path("k")}, "key_file has no effect without cert_file"),
        ({"password_env": "A", "password_file": Path("b")}, "exclude each other"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], said: str) -> None:
    """Options that can't be are refused in one sentence, without what may be a secret."""
    with pytest.raises(ValueError, match=said) as caught:
        RedisSink.Config(**options)
    assert "hunter2" not in str(caught.value)


async def test_fields_can_be_chosen(server: RedisServer) -> None:
    """The record has the fields that are wanted; the id stays beside it."""
    table = {"type": "redis", "url": server.url, "fields": {"kind": "k"}}
    made = plan(table, "sinks[0]", Path())
    sink = made.build(SinkContext("s", BytesIO(), {}, ignore, fields=made.options.fields))
    await sink.open(Resume(0, None))
    await sink.write(Batch([Event(1, 7, "Leave", 2, SOURCE)]))
    await sink.close()
    assert held(server) == [{"id": "account/connector/1.7", "event": '{"kind":"Leave"}'}]
