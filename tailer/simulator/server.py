"""The rim of the simulator: aiohttp on loopback, the clock, and the truth file."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path

import msgspec
from aiohttp import web

from tailer.core.durations import Seconds
from tailer.simulator.answers import Answer, http_date
from tailer.simulator.faults import FAULTS, Faults, Scene
from tailer.simulator.options import SimulatorOptions
from tailer.simulator.service import BASE_PATH, Service
from tailer.simulator.truth import Ledger, append, read_known
from tailer.simulator.world import World

HOST = "127.0.0.1"
STATS_PATH = "/simulator/stats"

_TRUTH_INTERVAL: Seconds = 0.25  # twice as often as promised
_SHUTDOWN_TIMEOUT: Seconds = 2.0


class Stats(msgspec.Struct):
    """What the server has seen; also given as JSON at `STATS_PATH`.

    Attributes:
        requests: Requests to the imitated API.
        crossings: How often the quota was crossed.
        refused: Requests refused by the quota.
        by_path: Requests per path, those for single events under ``.../events/{t}.{n}``.
        by_status: Answers given whole, per HTTP status.
        faults: Strikes per kind of fault.
    """

    requests: int = 0
    crossings: int = 0
    refused: int = 0
    by_path: Counter[str] = msgspec.field(default_factory=Counter)
    by_status: Counter[str] = msgspec.field(default_factory=Counter)
    faults: Counter[str] = msgspec.field(default_factory=Counter)


class Server:
    """A running simulator.

    Attributes:
        base_url: What a client takes as the API's base.
        port: TCP port on 127.0.0.1.
        account: The account id.
        token: The bearer token that is accepted.
        world: What is behind the answers.
        stats: What was asked so far.
        stopping: Set when the server ends, by its context or by an error.
    """

    def __init__(self, options: SimulatorOptions, world: World, clock: Callable[[], float]) -> None:
        self.options = options
        self.world = world
        self.stats = Stats()
        self.account = options.account
        self.token = options.token
        self.port = 0
        self._clock = clock
        self._service = Service(options, world)
        self._faults = Faults(options.faults, options.seed)
        self._rays = random.Random()
        self.stopping = asyncio.Event()

    @property
    def base_url(self) -> str:
        """What a client takes as the API's base."""
        return f"http://{HOST}:{self.port}{BASE_PATH}"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, or let a fault do it."""
        if request.path == STATS_PATH:
            return web.Response(body=msgspec.json.encode(self.stats), content_type="application/json")
        if self.options.latency:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), self.options.latency)
        now = self._clock()
        self.stats.requests += 1
        self.stats.by_path[_counted_path(request.path)] += 1
        fault = self._faults.choose(now - self.world.started_at, self._service.place_of(request.path))
        # Where nobody is at home, nobody counts the request either.
        answer = Answer(body=b"") if fault == "down" else self._respond(request, now)
        headers = self._common_headers(now)
        if fault is not None and answer.status != HTTPStatus.TOO_MANY_REQUESTS:
            self.stats.faults[fault] += 1
            scene = Scene(
                request=request, truth=answer, headers=headers, stopping=self.stopping, rng=self._faults.rng
            )
            outcome = await FAULTS[fault](scene)
            if isinstance(outcome, web.StreamResponse):
                return outcome
            answer = outcome
        self.stats.by_status[str(int(answer.status))] += 1
        response = web.Response(
            status=answer.status,
            body=answer.body,
            content_type=answer.content_type,
            headers={**headers, **answer.headers},
        )
        if self.options.gzip and "gzip" in request.headers.get("Accept-Encoding", ""):
            response.enable_compression(web.ContentCoding.gzip)  # left to itself, aiohttp takes deflate
        return response

    def _respond(self, request: web.BaseRequest, now: float) -> Answer:
        answer = self._service.respond(request.method, request.path, request.query, request.headers, now)
        quota = self._service.quota
        self.stats.crossings, self.stats.refused = quota.crossings, quota.refused
        return answer

    def _common_headers(self, now: float) -> dict[str, str]:
        ray = f"{self._rays.getrandbits(64):016x}-LIS"
        return {"Date": http_date(now), "Server": "cloudflare", "CF-RAY": ray}


class Scribe:
    """Keeps the truth file up to date while the server runs."""

    def __init__(self, path: Path, ledger: Ledger, world: World, clock: Callable[[], float]) -> None:
        self._path = path
        self._ledger = ledger
        self._world = world
        self._clock = clock

    async def write_due(self) -> None:
        """Write what has become visible; on return it is in the file.

        Raises:
            OSError: The file cannot be written.
        """
        now = self._clock()
        self._world.tell_all(now)
        lines = self._ledger.collect(now)
        if lines:
            await asyncio.to_thread(append, self._path, lines)

    async def write_until(self, stopping: asyncio.Event) -> None:
        """Write again and again until the server ends, and once more then.

        An error ends the server too: a truth with holes would accuse an innocent client.
        """
        try:
            while not stopping.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), _TRUTH_INTERVAL)
                await self.write_due()
        finally:
            stopping.set()


@asynccontextmanager
async def serve(options: SimulatorOptions, clock: Callable[[], float] = time.time) -> AsyncIterator[Server]:
    """Run the simulator on 127.0.0.1 for as long as the context lasts.

    Args:
        options: The world and the server's manners.
        clock: Epoch seconds; `clock_offset` is added to it. Tests step it as they like, forward.

    Yields:
        The server, listening; where a truth file is wanted it holds the history already.

    Raises:
        OSError: The port is taken, or the truth file cannot be read or written (the latter may also be
            raised at the end).
        ValueError: The truth file holds something else.
    """

    def now() -> float:
        return clock() + options.clock_offset

    truth = Path(options.truth) if options.truth else None
    ledger = Ledger(await asyncio.to_thread(read_known, truth)) if truth else None
    world = World(options, now(), ledger.witness if ledger else None)
    server = Server(options, world, now)
    scribe = Scribe(truth, ledger, world, now) if truth and ledger else None
    if scribe:
        await scribe.write_due()
    runner = web.ServerRunner(
        web.Server(server.handle, handler_cancellation=True, keepalive_timeout=options.keep_alive),
        handle_signals=False,
        shutdown_timeout=_SHUTDOWN_TIMEOUT,
    )
    await runner.setup()
    writing = asyncio.create_task(scribe.write_until(server.stopping)) if scribe else None
    try:
        await web.TCPSite(runner, HOST, options.port).start()
        server.port = runner.addresses[0][1]
        yield server
    finally:
        server.stopping.set()
        await runner.cleanup()
        if writing:
            await writing


def _counted_path(path: str) -> str:
    """The path under which a request is counted: single events would make as many paths as events."""
    head, _, last = path.rpartition("/events/")
    return path if not head or last == "latest" else f"{head}/events/{{t}}.{{n}}"
