"""The NATS sink's promises, against a real server: every event once, as long as the stream remembers it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import nats as client
import psutil
import pytest
from anyio.to_thread import run_sync
from nats.js.errors import ServerError

from tailer.errors import SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Event, Source, Watermark
from tailer.observe import Report
from tailer.sinks.nats.sink import NatsSink
from tailer.sinks.options import SinkContext
from tailer.sinks.registry import plan
from tailer.testing.sink_contract import SinkContract, ids_of, make_batch
from tests.servers.listener import listening
from tests.servers.nats import NatsServer, messages_in
from tests.servers.nats_accounts import make_realm
from tests.servers.process import free_port
from tests.servers.tls import make_certificate, needs_openssl

SOURCE = Source("account", "connector", "Oslo", "A1", 1_785_585_700.5)
STREAM: dict[str, Any] = {"name": "tailer", "subjects": ["tailer.events"]}


def make(
    url: str, environ: dict[str, str] | None = None, reports: list[Report] | None = None, **options: Any
) -> NatsSink:
    """Build a sink that makes its stream."""
    config = NatsSink.Config(**{"servers": (url,), "create": True, "timeout": 30.0, **options})
    observe = ([] if reports is None else reports).append
    return NatsSink(config, SinkContext("bus", BytesIO(), environ or {}, observe))


async def held(server: NatsServer) -> list[dict[str, Any]]:
    """Read the stream's records."""
    return await run_sync(messages_in, server.url)


async def ids_held(server: NatsServer) -> list[str]:
    """Read the events' ids."""
    return [record["id"] for record in await held(server)]


async def ask(server: NatsServer, **stream: Any) -> None:
    """Make a stream in place of those that are there."""
    await run_sync(server.empty)
    async with await client.connect(server.url) as line:
        while True:
            with suppress(ServerError):  # the server is not done with the former one of that name
                await line.jetstream().add_stream(**stream)
                break


async def again(server: NatsServer, *options: str) -> None:
    """Start the server once more, with some options."""
    await run_sync(server.kill)
    await run_sync(server.start, *options)


@pytest.fixture(autouse=True)
async def server(nats: NatsServer) -> AsyncIterator[NatsServer]:
    """Give a server that holds nothing and lets everybody in, and leave one behind."""
    await run_sync(nats.empty)
    yield nats
    if not nats.is_plain:
        await again(nats)


class _Place:
    """A server that can be killed."""

    exactly_once = True
    can_fail_open = True

    def __init__(self, server: NatsServer) -> None:
        self._server = server
        self.fail = self.fail_open = server.kill
        self.mend = self.mend_open = server.start

    def build(self) -> NatsSink:
        return make(self._server.url)

    def held(self) -> Sequence[str]:
        ids = [record["id"] for record in messages_in(self._server.url)]
        return [one for one in ids if not one.endswith("/watermark")]


class TestNatsSink(SinkContract):
    """The sink goes through every test of the suite, with a server that is killed and comes back."""

    @pytest.fixture
    def place(self, server: NatsServer) -> _Place:
        """Make a place."""
        return _Place(server)


async def store(sink: NatsSink, *events: Event) -> None:
    """Let a sink write a batch, and no more."""
    await sink.open(Resume(0, None))
    try:
        await sink.write(Batch(events))
    finally:
        await sink.close()


async def test_a_message_is_the_record(server: NatsServer) -> None:
    """A message is the record as JSON; an id that no header can carry does no harm."""
    odd = Source("account", "con\r\nnector\ud800", "a\0ü", "", 1.0)
    leave = Event(1, 7, "Leave", 2, SOURCE, True, {"url": "x"})
    await store(make(server.url), leave, Event(2, 8, "x", 3, odd))
    first, second = await held(server)
    assert (first["id"], first["name"], first["e"]) == ("account/connector/1.7", "Oslo", {"url": "x"})
    assert second["connector"] == odd.connector


async def test_a_watermark_comes_once(server: NatsServer) -> None:
    """It is a record among the others; what is told again after a crash is known by its times."""
    sink = make(server.url)
    await sink.open(Resume(0, None))
    for whole in (7, 9, 7):
        await sink.mark([Watermark(event.source, 9, whole, None) for event in make_batch(1, 2).events])
    await sink.close()
    told = [(record["id"], record["k"], record["whole_through"]) for record in await held(server)]
    assert sorted(told) == [
        (f"account/connector-{number}/watermark", "tailer.Watermark", whole)
        for number in (0, 1)
        for whole in (7, 9)
    ]


async def test_what_the_stream_forgot_is_there_twice(server: NatsServer) -> None:
    """Within the window an event that comes again is there once; behind it, it is there again."""
    sink = make(server.url, duplicate_window=0.5)
    for _ in range(2):
        await store(sink, *make_batch(1, 3).events)
    assert await ids_held(server) == ids_of(make_batch(1, 3))
    while len(await held(server)) == 3:  # until the window has passed
        await store(sink, *make_batch(1, 3).events)


async def test_only_what_is_too_long_is_rejected(server: NatsServer) -> None:
    """Events that the stream or the server finds too long are rejected alone, each with the reason."""
    await ask(server, **STREAM, max_msg_size=5000)
    pads = [1, 6000, 1_100_000, 1]
    events = [Event(n, n, "Init", n, SOURCE, False, {"pad": "x" * size}) for n, size in enumerate(pads)]
    with pytest.raises(SinkRejectedError) as caught:
        await store(make(server.url), *events)
    assert list(caught.value.rejected) == [1, 2]
    assert "bytes; the stream's max_msg_size allows less" in caught.value.rejected[1]
    assert "bytes; the server's max_payload leaves room for 104" in caught.value.rejected[2]
    assert [record["n"] for record in await held(server)] == [0, 3]


async def test_what_just_fits_is_taken(server: NatsServer) -> None:
    """The longest message that the server lets in is stored; one byte more is rejected, not hung up on."""
    sizes = range(1_048_200, 1_048_500)
    events = [Event(n, n, "Init", n, SOURCE, False, {"pad": "x" * size}) for n, size in enumerate(sizes)]
    first, last = 0, len(events)
    sink = make(server.url)
    await sink.open(Resume(0, None))
    while last - first > 1:
        middle = (first + last) // 2
        try:
            await sink.write(Batch([events[middle]]))
        except SinkRejectedError:
            last = middle
        else:
            first = middle
    await sink.close()
    assert 0 < first < len(events) - 1
    assert events[first].id in await ids_held(server)


@pytest.mark.parametrize(
    ("stream", "options", "said"),
    [
        ({}, {"create": False}, "there is no stream tailer; write create = true, or make it"),
        (
            {"name": "other", "subjects": ["tailer.>"]},
            {},
            r"subjects overlap .* \(10065\); name another subject",
        ),
        (
            {"name": "tailer", "subjects": ["x.*", "y"]},
            {},
            r"stream tailer takes x\.\*, y, not tailer\.events",
        ),
        ({**STREAM, "no_ack": True}, {}, "the stream tailer acknowledges nothing; mend its no_ack"),
    ],
)
async def test_a_stream_that_is_not_fit_is_waited_for(
    server: NatsServer, stream: Any, options: Any, said: str
) -> None:
    """No event is set aside for a stream that is missing or is another one; the message tells which."""
    if stream:
        await ask(server, **stream)
    sink = make(server.url, **options)
    with pytest.raises(SinkUnavailableError, match=said):
        await sink.open(Resume(0, None))
    await sink.close()


async def test_of_a_full_stream_only_the_rest_is_waited_for(server: NatsServer) -> None:
    """What a stream took before it was full is not sent again, be the stream's memory as short as it may."""
    await ask(server, **STREAM, max_msgs=2, discard="new")
    sink = make(server.url)
    await sink.open(Resume(0, None))
    with pytest.raises(SinkUnavailableError, match=r"exceeded \(10077\); the stream is full; raise its"):
        await sink.write(make_batch(1, 3))
    assert await ids_held(server) == ids_of(make_batch(1, 2))
    await ask(server, **STREAM)  # one that remembers nothing
    await sink.write(make_batch(1, 3))
    await sink.close()
    assert await ids_held(server) == ids_of(make_batch(3, 3))


async def test_a_stream_that_goes_away_is_waited_for(server: NatsServer) -> None:
    """Without its stream a subject has no listener, which is noticed at once, and the next try says more."""
    sink = make(server.url, create=False)
    await ask(server, **STREAM)
    await sink.open(Resume(0, None))
    await run_sync(server.empty)
    for said in ("no stream takes the subject; mend the stream's subjects", "there is no stream tailer"):
        with pytest.raises(SinkUnavailableError, match=said):
            await sink.write(make_batch(1, 2))
    await sink.close()


async def test_a_server_that_hangs_is_hung_up_on(server: NatsServer) -> None:
    """A server that reads nothing is away after the timeout, and nothing of the connection is left then."""
    big = Batch([Event(n, n, "Init", n, SOURCE, False, {"pad": "x" * 500_000}) for n in range(20)])
    sink = make(server.url, timeout=0.5)
    await sink.open(Resume(0, None))
    server.freeze()
    try:
        for _ in range(2):
            with pytest.raises(SinkUnavailableError, match=r"no answer within 0\.5s"):
                await sink.write(big)
        await settled(server)
    finally:
        server.thaw()
    while True:  # as often as it takes a slow disk
        with suppress(SinkUnavailableError):
            await sink.write(big)
            break
    await sink.close()
    assert await ids_held(server) == ids_of(big)


@pytest.mark.parametrize("after", [0.0, 0.01, 0.2])
async def test_being_cancelled_ends_it_at_once(server: NatsServer, after: float) -> None:
    """A write that is cancelled while the server hangs ends, and leaves nothing behind once it is closed."""
    big = Batch([Event(n, n, "Init", n, SOURCE, False, {"pad": "x" * 500_000}) for n in range(20)])
    sink = make(server.url, timeout=60.0)
    await sink.open(Resume(0, None))
    server.freeze()
    try:
        writing = asyncio.create_task(sink.write(big))
        await asyncio.sleep(after)  # any instant will do
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        await sink.close()
        await settled(server)
    finally:
        server.thaw()


def open_to(server: NatsServer) -> list[Any]:
    """Give our connections to a server."""
    ours = [one for one in psutil.Process().net_connections() if one.status == "ESTABLISHED"]
    return [one for one in ours if one.raddr.port == server.port]


async def settled(server: NatsServer) -> None:
    """Wait until nothing of a connection is left: no socket, and no task but the test's."""
    while open_to(server) or len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 - nobody would set an event
        await asyncio.sleep(0.01)


async def test_a_server_that_is_away_is_named() -> None:
    """A refused connection is told as such, of each server, without waiting for the timeout."""
    urls = [f"nats://127.0.0.1:{free_port()}" for _ in range(2)]
    one = make(urls[0], timeout=600.0)
    with pytest.raises(SinkUnavailableError, match=r"at 127\.0\.0\.1:\d+: Connection refused$"):
        await one.check()
    both = make("", servers=tuple(urls), timeout=600.0)
    each = r"127\.0\.0\.1:\d+: Connection refused"
    with pytest.raises(SinkUnavailableError, match=f"{each}; {each}$"):
        await both.open(Resume(0, None))
    await both.close()


async def test_the_next_server_is_tried(server: NatsServer) -> None:
    """Of several servers the first that answers is taken."""
    sink = make("", servers=(f"nats://127.0.0.1:{free_port()}", server.url))
    await store(sink, *make_batch(1, 1).events)
    assert len(await held(server)) == 1


async def test_the_password_stays_secret(server: NatsServer, tmp_path: Path) -> None:
    """A user's password comes from a file, which may get another one at any time, and is in no message."""
    await again(server, "--user", "ops", "--pass", "hunter 2")
    secret = tmp_path / "secret"
    secret.write_text("hunter 3\n")
    sink = make(server.url.replace("//", "//ops@"), password_file=secret)
    with pytest.raises(SinkUnavailableError, match="it refuses user and password, token or cre") as caught:
        await sink.open(Resume(0, None))
    assert "hunter" not in f"{caught.value}{caught.value.__cause__!r}"
    with pytest.raises(SinkUnavailableError, match="it refuses user and password, token or cre"):
        await make(server.url).check()
    secret.write_text("hunter 2\n")
    await store(sink, *make_batch(1, 2).events)
    await again(server)
    assert await ids_held(server) == ids_of(make_batch(1, 2))


async def test_a_token_lets_in(server: NatsServer) -> None:
    """Instead of user and password there may be a token, from a variable."""
    await again(server, "--auth", "s3cr:et@/ t")
    wrong = make(server.url, {"T": "s3"}, token_env="T")
    with pytest.raises(SinkUnavailableError, match="it refuses user and password, token or cre"):
        await wrong.check()
    await store(make(server.url, {"T": "s3cr:et@/ t"}, token_env="T"), *make_batch(1, 2).events)
    await again(server)
    assert await ids_held(server) == ids_of(make_batch(1, 2))


async def test_credentials_let_in(server: NatsServer, tmp_path: Path) -> None:
    """A credentials file lets in, whatever its line ends; another is refused, and shown nowhere."""
    ours, others = make_realm(), make_realm()
    config = tmp_path / "nats.conf"
    config.write_text(server.config + ours.config)
    await again(server, "-c", str(config))
    file = tmp_path / "tailer.creds"
    sink = make(server.url, credentials_file=file)
    for content, said in (
        (others.credentials, "it refuses user and password, token or credentials; correct them"),
        ("S3CRET\n", r"tailer\.creds holds no NATS credentials; name a \.creds file"),
        (ours.credentials.replace("SU", "SUS3CRET"), r"tailer\.creds holds a seed that is damaged"),
    ):
        file.write_text(content)
        with pytest.raises(SinkUnavailableError, match=said) as caught:
            await sink.open(Resume(0, None))
        assert "S3CRET" not in f"{caught.value}{caught.value.__cause__!r}"
    file.write_bytes(ours.credentials.replace("\n", "\r\n").encode())
    await store(sink, *make_batch(1, 2).events)
    same = make(server.url, {"C": ours.credentials}, credentials_env="C")
    assert "the stream tailer has 2 messages" in await same.check()


async def test_a_missing_right_is_named(server: NatsServer, tmp_path: Path) -> None:
    """What the user may not do is told in the server's words, without waiting for the timeout."""
    await ask(server, **STREAM)
    rights = 'publish: ["$JS.API.STREAM.INFO.tailer"], subscribe: "_INBOX.>"'
    users = f"authorization {{ users: [{{ user: ops, password: pw, permissions: {{ {rights} }} }}] }}\n"
    config = tmp_path / "nats.conf"
    config.write_text(server.config + users)
    await again(server, "-c", str(config))
    sink = make(server.url.replace("//", "//ops@"), {"P": "pw"}, password_env="P", timeout=600.0)
    await sink.open(Resume(0, None))
    with pytest.raises(SinkUnavailableError, match=r'lacks a right \(.* publish to "tailer\.events"'):
        await sink.write(make_batch(1, 2))
    await sink.close()


@needs_openssl
async def test_both_sides_show_certificates(server: NatsServer, tmp_path: Path) -> None:
    """Over TLS the server is known by its certificate, and so are we where it asks for ours."""
    certificate = await run_sync(make_certificate, tmp_path)
    shown = ["--tls", "--tlscert", str(certificate.file), "--tlskey", str(certificate.key)]
    await again(server, *shown, "--tlsverify", "--tlscacert", str(certificate.file))
    url = server.url.replace("nats:", "tls:")
    ours: dict[str, Any] = {"cert_file": certificate.file, "key_file": certificate.key}
    sink = make(url, ca_file=certificate.file, **ours)
    assert ", encrypted; the stream tailer does not exist yet" in await sink.check()
    await store(sink, *make_batch(1, 1).events)
    by_name = url.replace("127.0.0.1", "localhost")
    for stranger, said in (
        (make(url, **ours), r"certificate"),
        (make(by_name, ca_file=certificate.file, **ours), r"certificate|mismatch"),
        (make(url, ca_file=certificate.file), r"certificate|connection|reset|[Pp]ipe"),
        (make(server.url), "it asks for TLS; write tls:// instead of nats:// in servers"),
    ):
        with pytest.raises(SinkUnavailableError, match=said):
            await stranger.check()
    assert ", encrypted; " in await make(url, verify=False, **ours).check()
    await again(server)
    assert await ids_held(server) == ids_of(make_batch(1, 1))


@asynccontextmanager
async def greeting(greeting: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Listen, greet, and answer pings; give the port, and what was said by those who came."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        while line := await reader.readline():
            heard.append(line)
            if line == b"PING\r\n":
                writer.write(b"PONG\r\n")

    async with listening(serve) as port:
        yield port, heard


def info(**facts: Any) -> bytes:
    """Make a server's greeting."""
    return b"INFO " + json.dumps({"version": "2.12.0", "max_payload": 1000, **facts}).encode() + b"\r\n"


async def test_no_password_goes_out_in_the_clear() -> None:
    """Where TLS was asked for, whoever claims to know none learns nothing."""
    async with greeting(info(auth_required=True)) as (port, heard):
        sink = make(f"tls://ops@127.0.0.1:{port}", {"P": "hunter2"}, password_env="P", verify=False)
        with pytest.raises(SinkUnavailableError, match="it does not offer TLS, so nothing was sent"):
            await sink.check()
    assert heard == []


@pytest.mark.parametrize(
    ("greeted", "patience", "said"),
    [
        (info(version="2.8.4"), 30.0, r"it is NATS 2\.8\.4, too old; install 2\.9\.0 or newer"),
        (b"220 smtp ready\r\n", 30.0, "nobody speaks NATS there; correct servers"),
        (info(headers=True), 0.5, r"no answer within 0\.5s"),
    ],
)
async def test_a_server_that_will_not_do_is_named(greeted: bytes, patience: float, said: str) -> None:
    """One that is too old, or another thing, or answers no question, is told as what it is."""
    async with greeting(greeted) as (port, _):
        sink = make(f"nats://127.0.0.1:{port}", timeout=patience)
        with pytest.raises(SinkUnavailableError, match=said):
            await sink.open(Resume(0, None))
        await sink.close()


@pytest.mark.parametrize("is_on", [True, False])
async def test_without_jetstream_that_is_said(server: NatsServer, tmp_path: Path, is_on: bool) -> None:
    """JetStream is off by default, in the server and in each account; the message says what to do."""
    config = tmp_path / "nats.conf"
    accounts = "accounts { A { users: [{ user: ops, password: pw }] } }\n"
    config.write_text(f"{server.config if is_on else ''}{accounts}")
    await again(server, "-c", str(config))
    sink = make(server.url.replace("//", "//ops@"), {"P": "pw"}, password_env="P")
    with pytest.raises(SinkUnavailableError, match=r"; enable it .* for this account$"):
        await sink.check()


async def test_check_says_what_is_there(server: NatsServer) -> None:
    """The sentence names the server, the way there, the stream, and how long that remembers ids."""
    said = await make(server.url).check()
    where = f"at 127.0.0.1:{server.port}, not encrypted"
    assert f"{where}; the stream tailer does not exist yet and is made" in said
    await store(make(server.url), *make_batch(1, 3).events)
    said = await make(server.url).check()
    assert said.endswith(f"{where}; the stream tailer has 3 messages and remembers ids for 1h")


async def test_what_a_stream_does_not_promise_is_said(server: NatsServer) -> None:
    """A window that is shorter than wanted is said when it is opened, once, and by `check`."""
    await ask(server, **STREAM, duplicate_window=120, storage="memory")
    reports: list[Report] = []
    sink = make(server.url, reports=reports)
    for _ in range(2):
        await store(sink, *make_batch(1, 3).events)
    [report] = reports
    forgets = "it remembers ids for 2m only, not for 1h: what comes again after a longer outage or crash is"
    assert str(report).startswith(f"Sink 'bus', stream tailer: {forgets} there twice")
    assert "; it is in memory: the end of the server loses" in str(report)
    assert forgets in await make(server.url).check()
    await ask(server, **STREAM, duplicate_window=120)
    await store(make(server.url, reports=reports, duplicate_window=120.0), *make_batch(1, 3).events)
    assert len(reports) == 1


async def test_a_stream_is_made_as_wanted(server: NatsServer) -> None:
    """A stream that is made lies in files, and has the window and the age that were asked for."""
    await store(make(server.url, duplicate_window=90.0, max_age=86400.0), *make_batch(1, 1).events)
    async with await client.connect(server.url) as line:
        made = (await line.jetstream().stream_info("tailer")).config
    assert (made.duplicate_window, made.max_age, made.storage) == (90, 86400, "file")
    assert (made.subjects, made.num_replicas) == (["tailer.events"], 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"servers": ("nats://u:hunter2@h",)}, "servers must hold no password"),
        ({"servers": ("http://h",)}, r'write "nats://HOST:4222" \(schemes: nats, tls\)'),
        ({"servers": ("nats://h",), "verify": False}, "have no effect without tls://"),
        ({"servers": ("tls://h",), "key_file": Path("k")}, "key_file has no effect without cert_file"),
        ({"password_env": "A", "password_file": Path("b")}, "exclude each other"),
        ({"token_env": "A", "token_file": Path("b")}, "exclude each other"),
        ({"token_env": "A", "credentials_file": Path("b")}, "a token, and credentials exclude each other"),
        ({"password_env": "A"}, r"a password needs its user in each of servers; write nats://USER@HOST:4222"),
        ({"servers": ("nats://hunter2@h",)}, "a user in servers needs password_env .* a token belongs to"),
        ({"servers": ("nats://u@h",), "token_env": "A"}, "a token, and credentials exclude each other"),
        ({"max_age": 60.0}, "max_age must not be less than duplicate_window"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], said: str) -> None:
    """Options that can't be are refused in one sentence, without what may be a secret."""
    with pytest.raises(ValueError, match=said) as caught:
        NatsSink.Config(**options)
    assert "hunter2" not in str(caught.value)


async def test_fields_can_be_chosen(server: NatsServer) -> None:
    """The record has the fields that are wanted; the id stays the message's."""
    table = {"type": "nats", "servers": [server.url], "create": True, "fields": {"kind": "k"}}
    made = plan(table, "sinks[0]", Path())
    context = SinkContext("s", BytesIO(), {}, lambda _: None, fields=made.options.fields)
    sink = made.build(context)
    await sink.open(Resume(0, None))
    for _ in range(2):
        await sink.write(Batch([Event(1, 7, "Leave", 2, SOURCE)]))
    await sink.close()
    assert await held(server) == [{"kind": "Leave"}]
