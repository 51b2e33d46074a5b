"""The syslog sink's promises: a real rsyslog understands it, and what can be noticed is."""

import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from anyio.to_thread import run_sync

from tailer.errors import SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Event, Source
from tailer.observe import ignore
from tailer.sinks.options import SinkContext
from tailer.sinks.syslog.sink import SyslogSink
from tailer.testing.sink_contract import SinkContract, ids_of, make_batch
from tests.servers.process import free_port
from tests.servers.rsyslog import Encryption, Rsyslog, rsyslog
from tests.servers.tls import make_certificate, needs_openssl

ID = re.compile(r' id="([^"]*)"')


def make(port: int, protocol: Any = "tcp", **options: Any) -> SyslogSink:
    """Build a sink for a receiver on loopback."""
    config = SyslogSink.Config(host="127.0.0.1", port=port, protocol=protocol, timeout=5.0, **options)
    return SyslogSink(config, SinkContext("logs", BytesIO(), {}, ignore))


def cut(data: bytes) -> list[str]:
    """Cut a stream into its messages; every one must have the length that it is said to have."""
    messages = []
    while data:
        length, _, data = data.partition(b" ")
        messages.append(data[: int(length)].decode())
        assert len(data) >= int(length)
        data = data[int(length) :]
    return messages


class _Place:
    """A receiver that reads when it is looked at; loopback keeps meanwhile what was sent."""

    exactly_once = False
    can_fail_open = True

    def __init__(self) -> None:
        self._held: list[str] = []
        self._streams: list[tuple[socket.socket, bytearray]] = []
        self._listener = self._listen(0)
        self._port = int(self._listener.getsockname()[1])

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        listener.setblocking(False)
        return listener

    def build(self) -> SyslogSink:
        return make(self._port)

    def held(self) -> Sequence[str]:
        self._read()
        texts = [message for _, data in self._streams for message in cut(bytes(data))]
        return [*self._held, *(ID.findall(message)[0] for message in texts)]

    def _read(self) -> None:
        try:
            while True:
                stream, _ = self._listener.accept()
                stream.setblocking(False)
                self._streams.append((stream, bytearray()))
        except BlockingIOError:
            pass
        for stream, data in self._streams:
            try:
                while some := stream.recv(1_000_000):
                    data.extend(some)
            except BlockingIOError:
                pass

    def fail(self) -> None:
        self._held = [*self.held()]
        for stream, _ in self._streams:
            stream.close()
        self._streams.clear()
        self._listener.close()

    def mend(self) -> None:
        if self._listener.fileno() < 0:
            self._listener = self._listen(self._port)

    fail_open = fail
    mend_open = mend


class TestSyslogSink(SinkContract):
    """The sink goes through every test of the suite, as far as a receiver that never dies goes."""

    @pytest.fixture
    def place(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Place]:
        """Make a place; it never closes its side by itself, and need not be waited for."""
        monkeypatch.setattr("tailer.sinks.syslog.line._FAREWELL", 0.01)
        monkeypatch.setattr("tailer.sinks.syslog.line._PROBATION", 0.01)
        place = _Place()
        yield place
        place.mend()
        place.fail()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Rsyslog]:
    """Run a real receiver."""
    with rsyslog(tmp_path) as running:
        yield running


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
async def test_rsyslog_understands_every_field(receiver: Rsyslog, protocol: str) -> None:
    """What a real receiver has parsed is what was sent, in its order."""
    sink = make(getattr(receiver, protocol), protocol, facility="local4")
    assert "acknowledges nothing" in await sink.check()
    await sink.open(Resume(0, None))
    source = Source("acc", "conn", 'B "ü" ]\\', "A1", 1.5)
    await sink.write(Batch([Event(1_785_585_600.25, 7, "HaError", 2, source)]))
    await sink.write(make_batch(1, 40))
    await sink.close()
    first, *others = receiver.wait_for(41)
    *head, data, text = first
    assert head == ["163", "2026-08-01T12:00:00.25Z", "conn", "tailer", "HaError"]
    assert data.startswith(
        '[tailer@32473 id="acc/conn/1785585600.25.7" account="acc" connector="conn" name="B'
    )
    assert '\\"ü\\" \\]\\\\\\\\" serial="A1"' in data or '\\"ü\\" \\]\\\\" serial="A1"' in data
    assert text.endswith('HaError B "ü" ]\\')
    assert [ID.findall(fields[5])[0] for fields in others] == ids_of(make_batch(1, 40))


async def test_nobody_is_told() -> None:
    """The sentence has the system's words and says where to look."""
    sink = make(free_port())
    with pytest.raises(SinkUnavailableError, match="Connection refused; check host, port and protocol"):
        await sink.check()


async def test_a_receiver_that_restarts_is_found_again() -> None:
    """A connection that was closed between two batches is noticed before anything is written to it."""
    place = _Place()
    sink = place.build()
    await sink.open(Resume(0, None))
    await sink.write(make_batch(1, 2))
    place.fail()
    place.mend()
    await sink.write(make_batch(3, 4))
    await sink.close()
    assert place.held() == ids_of(make_batch(1, 4))
    place.fail()


async def test_too_long_messages_are_named() -> None:
    """Only the one that does not fit is rejected; the others are sent."""
    place = _Place()
    sink = make(place._port, max_message=480)  # noqa: SLF001 - ours
    long = Event(1, 1, "Init", 1, Source("a", "b", "x" * 600, "", 1.0))
    fine = Event(1, 2, "Init", 1, Source("a", "b", "x", "", 1.0))
    await sink.open(Resume(0, None))
    with pytest.raises(SinkRejectedError) as caught:
        await sink.write(Batch([long, fine]))
    await sink.close()
    assert caught.value.rejected == {0: "its message is longer than max_message = 480 bytes"}
    assert place.held() == ["a/b/1.2"]
    place.fail()


@needs_openssl
async def test_rsyslog_takes_tls_from_those_it_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real receiver checks our certificate and gets every message; who has none is told, and loses none."""
    made = []
    for name in ("own", "ours", "other"):
        (tmp_path / name).mkdir()
        made.append(await run_sync(make_certificate, tmp_path / name))
    own, ours, other = made
    with rsyslog(tmp_path, Encryption(own, ours.file)) as receiver:
        known = make(receiver.tcp, "tls", ca_file=own.file, cert_file=ours.file, key_file=ours.key)
        assert "somebody listens" in await known.check()
        await known.open(Resume(0, None))
        await known.write(make_batch(1, 400))
        monkeypatch.setattr("tailer.sinks.syslog.line._PROBATION", 20.0)  # on a loaded machine
        for options in ({}, {"cert_file": other.file, "key_file": other.key}):
            stranger = make(receiver.tcp, "tls", ca_file=own.file, **options)
            for call in (stranger.check(), stranger.open(Resume(0, None)), stranger.write(make_batch(7, 9))):
                with pytest.raises(SinkUnavailableError, match="hangs up at once; its log may say"):
                    await call
            await stranger.close()
        await known.write(make_batch(401, 800))
        await known.close()
        messages = await run_sync(receiver.wait_for, 800)
    assert [ID.findall(fields[5])[0] for fields in messages] == ids_of(make_batch(1, 800))


@needs_openssl
async def test_tls(tmp_path: Path) -> None:
    """A receiver that is trusted gets everything to the last byte; another one gets nothing."""
    certificate = await run_sync(make_certificate, tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    received = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(2):
                raw, _ = listener.accept()
                try:
                    with context.wrap_socket(raw, server_side=True) as stream:
                        while some := stream.recv(65536):
                            received.extend(some)
                except ssl.SSLError:
                    raw.close()

        thread = Thread(target=serve)
        thread.start()
        port = int(listener.getsockname()[1])
        stranger = make(port, "tls")
        with pytest.raises(SinkUnavailableError, match=r"can't connect to tls .*self-signed"):
            await stranger.open(Resume(0, None))
        await stranger.close()
        sink = make(port, "tls", ca_file=certificate.file)
        await sink.open(Resume(0, None))
        await sink.write(make_batch(1, 500))
        await sink.close()
        thread.join(20)
    assert [ID.findall(message)[0] for message in cut(bytes(received))] == ids_of(make_batch(1, 500))


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"ca_file": Path("x")}, "need protocol"), ({"verify": False}, "need protocol")],
)
def test_options_that_make_no_sense(options: dict[str, Any], reason: str) -> None:
    """TLS options without TLS are refused."""
    with pytest.raises(ValueError, match=reason):
        make(1, "udp", **options)
