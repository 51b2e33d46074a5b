import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tailer.simulator.options import SimulatorOptions
from tailer.simulator.rules import Burst, parse_fault
from tailer.simulator.server import Server, serve

START = 1_790_000_000.0


class HandClock:
    """A clock that moves when a test says so."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        """Epoch seconds."""
        return self.now


@asynccontextmanager
async def running(
    clock: HandClock | None = None, **chosen: Any
) -> AsyncIterator[tuple[Server, aiohttp.ClientSession]]:
    """A small simulator, and a session that has its token."""
    options = SimulatorOptions(**{"connectors": 2, "history": 600.0, **chosen})
    async with serve(options, clock or HandClock()) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            yield server, session


def listing(server: Server) -> str:
    """URL of List Connectors."""
    return f"{server.base_url}/accounts/{server.account}/magic/connectors"


def events(server: Server, place: int = 0) -> str:
    """URL of one connector's events, all times."""
    connector = server.world.connectors[place].id
    return f"{listing(server)}/{connector}/telemetry/events?from=0&to=9999999999&limit=1000"


async def get(session: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    """(status, body) of one request."""
    async with session.get(url) as response:
        return response.status, await response.text()


async def test_server_lives_in_its_own_time() -> None:
    """Date, heartbeats and events follow the injected clock with its offset."""
    clock = HandClock()
    async with running(clock, clock_offset=-120.0, rate=5.0) as (server, session):
        async with session.get(listing(server)) as response:
            assert parsedate_to_datetime(response.headers["Date"]).timestamp() == START - 120
            rows = (await response.json())["result"]
        assert rows[0]["last_heartbeat"].startswith("2026-09-21T14:11:20")
        before = json.loads((await get(session, events(server)))[1])["result"]["items"]
        clock.now += 60
        after = json.loads((await get(session, events(server)))[1])["result"]["items"]
    assert max(row["t"] for row in before) <= START - 120 < max(row["t"] for row in after)


@pytest.mark.parametrize(
    ("kind", "status", "token"),
    [
        ("400", 400, '"success":false'),
        ("401", 401, '"code":10000'),
        ("403", 403, '"code":10000'),
        ("403-9109", 403, '"code":9109'),
        ("404", 404, '"code":7003'),
        ("429", 429, '"code":10000'),
        ("429-bare", 429, '"code":10000'),
        ("429-date", 429, '"code":10000'),
        ("429-huge", 429, '"code":10000'),
        ("500", 500, '"success":false'),
        ("500-echo", 500, "Authorization: Bearer "),
        ("500-final", 500, '"success":false'),
        ("502-html", 502, "<html>"),
        ("520", 520, "520"),
        ("close", 200, '"success":true'),
        ("code-971", 200, '"code":971'),
        ("code-971-403", 403, '"code":971'),
        ("html-200", 200, "<html>"),
        ("not-json", 200, "upstream"),
        ("success-false", 200, '"success":false'),
        ("wrong-shape", 200, '"success":true'),
    ],
)
async def test_fault_replaces_the_answer(kind: str, status: int, token: str) -> None:
    """A fault gives its own status and body, and is counted."""
    async with running(faults=(parse_fault(f"{kind}:1"),)) as (server, session):
        found, body = await get(session, events(server))
        assert (found, token in body) == (status, True)
        assert server.stats.faults == {kind: 1}
        assert server.stats.by_status == {str(status): 1}


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("429", "Retry-After", "1"),
        ("429-bare", "Retry-After", None),
        ("429-date", "Retry-After", "Mon, 21 Sep 2026 14:13:25 GMT"),
        ("429-huge", "Retry-After", "86400"),
        ("429-zero", "Retry-After", "0"),
        ("500-final", "x-should-retry", "false"),
        ("close", "Connection", "close"),
    ],
)
async def test_fault_has_its_header(kind: str, name: str, value: str | None) -> None:
    """A fault that lies in a header has it beside the usual ones."""
    async with (
        running(faults=(parse_fault(f"{kind}:1"),)) as (server, session),
        session.get(listing(server)) as response,
    ):
        assert response.headers.get(name) == value
        assert "Ratelimit" in response.headers


async def test_bodies_are_compressed_only_where_asked() -> None:
    """With gzip a body is compressed for a client that accepts it, and reads the same."""
    found = []
    for gzip in (False, True):
        async with running(gzip=gzip) as (server, session), session.get(listing(server)) as response:
            found.append((response.headers.get("Content-Encoding"), await response.text()))
    assert [encoding for encoding, _ in found] == [None, "gzip"]
    assert found[0][1] == found[1][1]


async def test_idle_connections_are_closed_where_asked() -> None:
    """A kept connection that idles too long ends, and its client is told nothing beforehand."""
    async with running(keep_alive=0.05) as (server, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /simulator/stats HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        rest = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert head.startswith(b"HTTP/1.1 200")
    assert b"close" not in head.lower()
    assert rest.startswith(b"{")


async def test_latency_delays_each_answer() -> None:
    """With a latency no answer comes at once, and none is waited for beyond the server's end."""
    async with running(latency=3600.0) as (server, session):
        waiting = asyncio.create_task(get(session, listing(server)))
        assert (await get(session, f"http://127.0.0.1:{server.port}/simulator/stats"))[0] == 200
        assert not waiting.done()
        server.stopping.set()
        assert (await waiting)[0] == 200


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("reset", aiohttp.ClientOSError),
        ("down", aiohttp.ServerDisconnectedError),
        ("truncated", aiohttp.ClientPayloadError),
    ],
)
async def test_fault_breaks_the_connection(kind: str, error: type[Exception]) -> None:
    """A fault of the connection reaches the client as such."""
    async with running(faults=(parse_fault(f"{kind}:1"),)) as (server, session):
        with pytest.raises(error):
            await get(session, events(server))


async def test_fault_strikes_only_its_connector_and_span() -> None:
    """A fault with a place and a span leaves other connectors and other times alone."""
    clock = HandClock()
    async with running(clock, faults=(parse_fault("500#1@10-20"),)) as (server, session):
        found = []
        for now in (START + 9, START + 10, START + 20):
            clock.now = now
            found.append([(await get(session, events(server, place)))[0] for place in (0, 1)])
            found[-1].append((await get(session, listing(server)))[0])
    assert found == [[200, 200, 200], [200, 500, 200], [200, 200, 200]]


async def test_hanging_answers_do_not_keep_the_server_from_ending() -> None:
    """A request that is never answered ends with the server."""
    async with running(faults=(parse_fault("hang:1"),)) as (server, session):
        waiting = asyncio.create_task(get(session, events(server)))
        while not server.stats.faults:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)
        assert not waiting.done()
        server.stopping.set()
        with pytest.raises(aiohttp.ClientError):
            await waiting


async def test_dripping_answer_is_whole_in_the_end() -> None:
    """A drip is slow, but gives the true answer."""
    async with running(faults=(parse_fault("drip:1"),), rate=0.0) as (server, session):
        body = json.loads((await get(session, events(server)))[1])
    assert body["result"] == {"count": 0, "items": []}


async def test_crossing_is_counted_and_told() -> None:
    """The statistics tell requests, crossings and paths, without credentials and outside the quota."""
    async with running(quota=2) as (server, session):
        for _ in range(4):
            await get(session, listing(server))
        await get(session, f"{events(server).partition('?')[0]}/123.4")
        async with aiohttp.ClientSession() as stranger:
            stats = json.loads((await get(stranger, f"http://127.0.0.1:{server.port}/simulator/stats"))[1])
    path = f"/client/v4/accounts/{server.account}/magic/connectors"
    connector = server.world.connectors[0].id
    assert stats == {
        "requests": 5,
        "crossings": 1,
        "refused": 3,
        "by_path": {path: 4, f"{path}/{connector}/telemetry/events/{{t}}.{{n}}": 1},
        "by_status": {"200": 2, "429": 3},
        "faults": {},
    }


async def test_truth_grows_as_events_become_visible(tmp_path: Path) -> None:
    """The truth file holds the visible history at once, then each event when it becomes visible."""
    truth = tmp_path / "truth.jsonl"
    clock = HandClock()
    async with running(clock, truth=str(truth), delay=30.0, bursts=(Burst(events=500, offset=5.0),)) as (
        server,
        session,
    ):
        first = truth.read_text().splitlines()
        assert 300 < len(first) < 1000
        assert all(json.loads(line)["visible_at"] <= START for line in first)
        clock.now += 100
        shown = [json.loads((await get(session, events(server, place)))[1])["result"] for place in (0, 1)]
    later = [json.loads(line) for line in truth.read_text().splitlines()]
    assert all(START < line["visible_at"] <= START + 100 for line in later[len(first) :])
    assert "cursor" not in shown[1]
    connector = server.world.connectors[1].id
    true = {(line["t"], line["n"], line["k"], line["a"]) for line in later if line["connector"] == connector}
    assert true == {(row["t"], row["n"], row["k"], row["a"]) for row in shown[1]["items"]}
    assert sum(line["t"] == START + 5 for line in later) >= 500


async def test_lost_truth_file_ends_the_server(tmp_path: Path) -> None:
    """When the truth can no longer be written the server stops, and its end raises."""
    folder = tmp_path / "gone"
    folder.mkdir()
    clock = HandClock()
    has_stopped = False
    with pytest.raises(FileNotFoundError):  # noqa: PT012 - the context is what raises
        async with running(clock, truth=str(folder / "truth.jsonl"), rate=50.0) as (server, _):
            (folder / "truth.jsonl").unlink()
            folder.rmdir()
            clock.now += 100
            has_stopped = await asyncio.wait_for(server.stopping.wait(), 10)
    assert has_stopped


async def test_nothing_is_left_behind() -> None:
    """After the context no task and no listening socket is left."""
    async with running() as (server, session):
        await get(session, listing(server))
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0


COMMAND = [sys.executable, "-c", "from tailer.cli.commands.simulate import command; command()", "--rate", "1"]


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_command_says_where_it_is_and_ends_on_a_signal(number: int, exit_code: int) -> None:
    """The program prints one line of JSON, a command line to paste, and ends cleanly on a signal."""
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        os.kill(process.pid, number)
        rest, words = process.communicate(timeout=20)
    facts = json.loads(line)
    assert set(facts) == {"base_url", "account", "token", "connectors"}
    assert facts["base_url"].startswith("http://127.0.0.1:")
    assert (process.returncode, rest) == (exit_code, "")
    assert f"CLOUDFLARE_BASE_URL={facts['base_url']} " in words
    assert words.endswith(" tailer tail\n")


def test_taken_port_is_one_sentence_and_exit_2() -> None:
    """A port that is taken ends the program with exit code 2 and a sentence that names it."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        ended = subprocess.run(
            [*COMMAND, "--port", port], capture_output=True, text=True, timeout=20, check=False
        )
    assert ended.returncode == 2
    assert f"port {port} on 127.0.0.1 is taken" in ended.stderr.splitlines()[-1]
