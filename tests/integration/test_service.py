"""The service on a real socket, and clients of every sort."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest

from tailer.app.daemon import service
from tailer.app.daemon.service import PageFailed, Service
from tailer.app.status.facts import FleetStatus, JournalStatus, Status
from tailer.config.addresses import Address
from tailer.errors import ConfigError
from tailer.observe import Report

STATUS = Status(
    taken_at=1.0,
    phase="running",
    process=None,
    journal=JournalStatus(path=None, head=0, used_bytes=None),
    fleet=FleetStatus(connectors=3, well=3),
)


class Staged:
    """Shows what a test wants."""

    def __init__(self) -> None:
        self.sick: str | None = None
        self.waits: list[str] = []
        self.told: Status | None = STATUS
        self.reports: list[Report] = []

    def ailment(self) -> str | None:
        """As the test says."""
        return self.sick

    def obstacles(self) -> list[str]:
        """As the test says."""
        return self.waits

    def status(self) -> Status | None:
        """As the test says."""
        return self.told


class Client:
    """Asks the service.

    Args:
        address: Where it listens.
        staged: What it shows.
    """

    def __init__(self, address: Address, staged: Staged) -> None:
        self.address = address
        self.staged = staged

    async def ask(
        self, path: str, method: str = "GET", **options: Any
    ) -> tuple[int, str, aiohttp.ClientResponse]:
        """Send one request; return status, body and the answer itself."""
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"http://{self.address}{path}", **options) as answer,
        ):
            return answer.status, await answer.text(), answer

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection and say nothing."""
        return await asyncio.open_connection(self.address.host, self.address.port)


@asynccontextmanager
async def served(address: Address = Address("127.0.0.1", 0)) -> AsyncIterator[Client]:  # noqa: B008 - frozen
    """A service and a client."""
    staged = Staged()
    served = Service(address, staged, staged.reports.append)
    try:
        yield Client(await served.open(), staged)
    finally:
        await served.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
async def test_every_page_answers(host: str) -> None:
    """The four pages answer on each sort of address, with the port that the system chose."""
    async with served(Address(host, 0)) as client:
        assert client.address.port > 0
        assert (await client.ask("/healthz"))[:2] == (200, '{"alive":true}\n')
        assert (await client.ask("/readyz"))[:2] == (200, '{"ready":true}\n')
        code, body, _ = await client.ask("/status")
        assert (code, msgspec.json.decode(body, type=Status)) == (200, STATUS)
        code, body, answer = await client.ask("/metrics")
        assert code == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert 'tailer_connectors{state="well"} 3.0\n' in body
    assert client.staged.reports == []


async def test_reasons_are_told() -> None:
    """Who is not alive or not ready answers 503, with the reasons."""
    async with served() as client:
        client.staged.sick = "stuck"
        client.staged.waits = ["the journal is full", "stuck"]
        assert (await client.ask("/healthz"))[:2] == (503, '{"alive":false,"reasons":["stuck"]}\n')
        code, body, _ = await client.ask("/readyz")
        assert (code, msgspec.json.decode(body)["reasons"]) == (503, client.staged.waits)
        assert "tailer_ready 0.0\n" in (await client.ask("/metrics"))[1]


async def test_start_has_no_status_yet() -> None:
    """Before anything is known /status says so."""
    async with served() as client:
        client.staged.told = None
        assert (await client.ask("/status"))[:2] == (503, '{"error":"it is starting"}\n')
        assert (await client.ask("/metrics"))[0] == 200


async def test_head_has_no_body() -> None:
    """HEAD answers as GET does, less the body."""
    async with served() as client:
        code, body, answer = await client.ask("/healthz", "HEAD")
        assert (code, body, answer.headers["Content-Length"]) == (200, "", "15")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_can_be_changed(method: str) -> None:
    """Any other method is refused, and told which ones there are."""
    async with served() as client:
        code, _, answer = await client.ask("/status", method)
        assert (code, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/", "/metrics/", "/healthz/../status%00", "/STATUS"])
async def test_unknown_page_names_the_known(path: str) -> None:
    """404 lists what there is."""
    async with served() as client:
        code, body, _ = await client.ask(path)
        assert code == 404
        assert "/metrics" in body


async def test_page_that_fails_is_told_and_harms_nothing() -> None:
    """A mistake of ours is a 500 without details, a report, and nothing else."""
    async with served() as client:
        client.staged.told = "no status"  # type: ignore[assignment]
        code, body, _ = await client.ask("/metrics")
        assert code == 500
        assert "str" not in body
        assert [type(report) for report in client.staged.reports] == [PageFailed]
        assert "/metrics" in str(client.staged.reports[0])
        assert (await client.ask("/healthz"))[0] == 200


async def test_garbage_is_answered_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    """A client that speaks no HTTP gets a 400; the log gets nothing."""
    async with served() as client:
        reader, writer = await client.connect()
        writer.write(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
        assert (await client.ask("/healthz"))[0] == 200
    assert capfd.readouterr().err == ""


async def test_silent_clients_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection on which nothing is asked for ends by itself."""
    monkeypatch.setattr(service, "CONNECTION_LIMIT", 0.05)
    async with served() as client:
        reader, writer = await client.connect()
        with pytest.raises(ConnectionResetError):
            raise ConnectionResetError if not await reader.read() else AssertionError("it was answered")
        writer.close()


async def test_clients_who_hold_their_connections_keep_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every place taken by silent clients, a probe is answered, and the oldest of them has to go."""
    monkeypatch.setattr(service, "MAX_CONNECTIONS", 3)
    async with served() as client:
        held = [await client.connect() for _ in range(3)]
        assert (await client.ask("/healthz"))[0] == 200
        assert await held[0][0].read() == b""
        for _, writer in held:
            writer.close()


async def test_burst_of_clients_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many connections that come at once no more than the bound are kept."""
    monkeypatch.setattr(service, "MAX_CONNECTIONS", 3)
    async with served() as client:
        clients = await asyncio.gather(*(client.connect() for _ in range(20)))
        ends = [asyncio.ensure_future(reader.read()) for reader, _ in clients]
        while sum(not end.done() for end in ends) > 3:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED, timeout=0.01)
        for end in ends:
            end.cancel()
        results = await asyncio.gather(*ends, return_exceptions=True)
        assert sum(isinstance(result, asyncio.CancelledError) for result in results) == 3
        for _, writer in clients:
            writer.close()


async def test_clients_do_not_hold_up_the_end() -> None:
    """A service with open connections closes at once."""
    async with served() as client:
        reader, writer = await client.connect()
    assert await reader.read() == b""
    writer.close()


async def test_port_that_is_taken_is_one_sentence() -> None:
    """Two services can't share a port; the second says so."""
    async with served() as client:
        with pytest.raises(ConfigError, match="another program has this port"):
            async with served(client.address):
                pass


async def test_address_of_another_machine_is_refused() -> None:
    """An address that this machine does not have is told as such."""
    with pytest.raises(ConfigError, match="no such address"):
        async with served(Address("192.0.2.1", 0)):
            pass
