"""Events a second from the journal (SQLite) to acknowledged, sink by sink, next to a plain script's.

The plain script has the same events in memory and the same client; it has no journal, no order, no commits
and no answer to trouble. The counterpart is a process of its own.

    python tests/benchmarks/sinks.py [--events 200000] [CASE ...]

A case more is one line in `CASES`: what to configure, what starts its counterpart, and the plain script.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from random import random
from typing import Any, NamedTuple

import aiohttp
import msgspec
from acknowledging import acknowledging
from brokers import adding, kafka, nats, producing, publishing, redis
from tables import Rows, fill_postgres, fill_sqlite, postgres

from tailer.clock import SystemClock
from tailer.core.progress import Checkpoint
from tailer.interfaces import Commit
from tailer.journal.sqlite import SqliteJournal
from tailer.model import Event, Segment, Source
from tailer.observe import ignore
from tailer.pipeline.board import Board
from tailer.pipeline.delivery import Delivery
from tailer.pipeline.reader import Reader, ReaderOptions
from tailer.pipeline.room import Room
from tailer.pipeline.tally import Tally
from tailer.sinks.options import SinkContext, SinkOptions, estimate_bytes
from tailer.sinks.registry import plan

START = 1_790_000_000
PAGE = 1000
CONNECTORS = 5
BATCH = SinkOptions(type="").max_events
KINDS = ("Reconcile", "RekeyComplete", "Leave", "HaTransition")

Plain = Callable[[str, Sequence[Event]], Awaitable[None]]


class Case(NamedTuple):
    """One sink and its counterpart.

    Attributes:
        table: Its ``[[sinks]]`` table; a text ``{}`` in a value becomes what `counterpart` gave.
        counterpart: Runs what the events go to, and gives its address or path.
        plain: Does the same by hand, given that address.
    """

    table: Mapping[str, Any]
    counterpart: Callable[[], AbstractContextManager[str]]
    plain: Plain


class Rates(NamedTuple):
    """What one run came to; the CPU is that of this process alone, and says more on a busy machine."""

    events_per_second: float
    cpu_us: float


class Instant(NamedTuple):
    """When a run began."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> Instant:
        """Give this instant."""
        return cls(time.perf_counter(), time.process_time())

    def rates(self, events: int) -> Rates:
        """Tell what was reached since."""
        end = self.now()
        return Rates(events / (end.wall - self.wall), (end.cpu - self.cpu) / events * 1e6)


@contextmanager
def folder() -> Iterator[str]:
    """Give a folder, for sinks that write files."""
    with tempfile.TemporaryDirectory() as path:
        yield path


def record_of(event: Event) -> dict[str, Any]:
    """Make a record as a script would."""
    return {
        "id": event.id,
        "time": event.time.isoformat(),
        "account": event.account,
        "connector": event.connector,
        "name": event.name,
        "serial": event.serial,
        "k": event.k,
        "level": event.level,
        "t": event.t,
        "n": event.n,
        "a": event.a,
        "seen": event.seen,
        "late": event.late,
    }


def posting(path: str, content_type: str, write: Callable[[Sequence[Event]], bytes], most: int) -> Plain:
    """Make a plain script that posts bodies of at most `most` events."""

    async def post(address: str, events: Sequence[Event]) -> None:
        headers = {"Content-Type": content_type}
        async with aiohttp.ClientSession(headers=headers) as session:
            for first in range(0, len(events), most):
                body = write(events[first : first + most])
                async with session.post(address + path, data=body) as answer:
                    await answer.read()
                    answer.raise_for_status()

    return post


def write_lines(events: Sequence[Event]) -> bytes:
    """Write JSON Lines."""
    encode = msgspec.json.encode
    return b"".join(encode(record_of(event)) + b"\n" for event in events)


def write_bulk(events: Sequence[Event]) -> bytes:
    """Write a _bulk body."""
    encode = msgspec.json.encode
    return b"".join(
        b"%s\n%s\n"
        % (
            encode({"create": {"_index": "wan", "_id": event.id}}),
            encode({"@timestamp": event.time.isoformat(), **record_of(event)}),
        )
        for event in events
    )


def write_loki(events: Sequence[Event]) -> bytes:
    """Write streams."""
    encode = msgspec.json.encode
    streams: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for event in events:
        line = encode(record_of(event)).decode()
        streams.setdefault((event.connector, event.level), []).append((str(int(event.t * 1e9)), line))
    return encode(
        {
            "streams": [
                {"stream": {"connector": connector, "level": level}, "values": values}
                for (connector, level), values in streams.items()
            ]
        }
    )


def write_splunk(events: Sequence[Event]) -> bytes:
    """Write HEC events."""
    encode = msgspec.json.encode
    return b"".join(
        encode({"time": event.t, "host": event.name, "event": record_of(event)}) for event in events
    )


def write_otlp(events: Sequence[Event]) -> bytes:
    """Write OTLP as protobuf, one resource a connector."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (  # noqa: PLC0415 - an extra
        ExportLogsServiceRequest,
    )

    request = ExportLogsServiceRequest()
    scopes: dict[str, Any] = {}
    for event in events:
        if event.connector not in scopes:
            logs = request.resource_logs.add()
            logs.resource.attributes.add(key="service.instance.id").value.string_value = event.connector
            scopes[event.connector] = logs.scope_logs.add()
        record = scopes[event.connector].log_records.add()
        record.time_unix_nano = int(event.t * 1e9)
        record.observed_time_unix_nano = int(event.seen * 1e9)
        record.severity_text = event.level
        record.body.string_value = event.k
        record.attributes.add(key="log.record.uid").value.string_value = event.id
        record.attributes.add(key="t").value.int_value = int(event.t)
        record.attributes.add(key="n").value.int_value = int(event.n)
        record.attributes.add(key="a").value.int_value = int(event.a)
        record.attributes.add(key="late").value.bool_value = event.late
    return bytes(request.SerializeToString())


async def append(path: str, events: Sequence[Event]) -> None:
    """Append to a file, synced batch by batch."""
    import os  # noqa: PLC0415 - this case alone

    def run() -> None:
        with (Path(path) / "plain.jsonl").open("wb") as file:
            for first in range(0, len(events), BATCH):
                file.write(write_lines(events[first : first + BATCH]))
                file.flush()
                os.fsync(file.fileno())

    await asyncio.to_thread(run)


ACKNOWLEDGE = ("grep", "--line-buffered", "-o", '[^"/]*/[^"/]*/[^"/]*')
"""A program that prints the id of each line."""


async def pipe(_folder: str, events: Sequence[Event]) -> None:
    """Feed a program, and wait for as many lines."""
    process = await asyncio.create_subprocess_exec(
        *ACKNOWLEDGE, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for first in range(0, len(events), BATCH):
        some = events[first : first + BATCH]
        process.stdin.write(write_lines(some))
        for _ in some:
            await process.stdout.readline()
    process.stdin.close()
    await process.wait()


def filling(fill: Callable[[str, Sequence[Event], Rows, int], None]) -> Plain:
    """Make a plain script of one that fills a table."""

    def rows(events: Sequence[Event]) -> list[tuple[Any, ...]]:
        return [tuple(record_of(event).values()) for event in events]

    async def run(address: str, events: Sequence[Event]) -> None:
        await asyncio.to_thread(fill, address, events, rows, BATCH)

    return run


_SWALLOW = """
import socket
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    while True:
        stream, _ = listener.accept()
        while stream.recv(1 << 20): pass
        stream.close()
"""


@contextmanager
def swallowing() -> Iterator[str]:
    """Run what reads a stream and says nothing; gives its port."""
    command = [sys.executable, "-c", _SWALLOW]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def write_syslog(port: str, events: Sequence[Event]) -> None:
    """Send messages with their lengths."""
    _, writer = await asyncio.open_connection("127.0.0.1", int(port))
    for first in range(0, len(events), BATCH):
        for event in events[first : first + BATCH]:
            fields = "".join(f' {name}="{value}"' for name, value in record_of(event).items())
            head = f"<13>1 {event.time.isoformat()} {event.connector} tailer - {event.k}"
            text = f"{head} [x@32473{fields}] {event.k}"
            writer.write(f"{len(text.encode())} {text}".encode())
        await writer.drain()
    writer.close()
    await writer.wait_closed()


CASES: Mapping[str, Case] = {
    "syslog": Case(
        {"type": "syslog", "host": "127.0.0.1", "port": "{}", "protocol": "tcp"}, swallowing, write_syslog
    ),
    "exec": Case({"type": "exec", "command": [*ACKNOWLEDGE]}, folder, pipe),
    "file": Case({"type": "file", "path": "{}/events.jsonl"}, folder, append),
    "sqlite": Case({"type": "sqlite", "path": "{}/events.db"}, folder, filling(fill_sqlite)),
    "postgres": Case({"type": "postgres", "dsn": "{}", "create": True}, postgres, filling(fill_postgres)),
    "http": Case(
        {"type": "http", "url": "{}/in"},
        acknowledging,
        posting("/in", "application/x-ndjson", write_lines, BATCH),
    ),
    "splunk": Case(
        {"type": "http", "url": "{}", "preset": "splunk"},
        acknowledging,
        posting("/services/collector/event", "application/json", write_splunk, 2000),
    ),
    "elasticsearch": Case(
        {"type": "http", "url": "{}", "preset": "elasticsearch", "index": "wan"},
        acknowledging,
        posting("/_bulk", "application/x-ndjson", write_bulk, BATCH),
    ),
    "loki": Case(
        {"type": "http", "url": "{}", "preset": "loki"},
        acknowledging,
        posting("/loki/api/v1/push", "application/json", write_loki, 2000),
    ),
    "otlp": Case(
        {"type": "otlp", "url": "{}"},
        acknowledging,
        posting("/v1/logs", "application/x-protobuf", write_otlp, 1000),
    ),
    "kafka": Case({"type": "kafka", "servers": ["{}"]}, kafka, producing(write_lines)),
    "nats": Case({"type": "nats", "servers": ["{}"], "create": True}, nats, publishing(write_lines)),
    "redis": Case({"type": "redis", "url": "{}"}, redis, adding(write_lines)),
}


def make_events(count: int) -> list[Segment]:
    """Make pages of events of some connectors, three a second each."""
    segments: list[Segment] = []
    for number in range(count // PAGE):
        connector = number % CONNECTORS
        first = number // CONNECTORS * PAGE
        source = Source(
            "account" * 4, f"connector-{connector}" * 2, f"Branch {connector}", f"S{connector}", START + first
        )
        events = [
            Event(START + n // 3, n % 3, KINDS[n % len(KINDS)], START + n // 3 + 1, source)
            for n in range(first, first + PAGE)
        ]
        segments.append(Segment(source, events, START + first, START + first))
    return segments


@asynccontextmanager
async def filled(path: Path, segments: Sequence[Segment]) -> AsyncIterator[SqliteJournal]:
    """Give a journal that holds all of it."""
    journal = SqliteJournal(path, pace=0.0)
    await journal.open()
    try:
        claim = await journal.claim("account")
        for segment in segments:
            checkpoint = Checkpoint(origin=0.0, floor=0.0)
            source = segment.source
            await journal.commit(claim, Commit(source.account, source.connector, checkpoint, segment))
        yield journal
    finally:
        await journal.close()


async def deliver(journal: SqliteJournal, table: Mapping[str, Any], name: str) -> int:
    """Deliver everything to a sink; give how much that was."""
    made = plan({"name": name, **table}, "sinks[0]", Path())
    clock, board, options = SystemClock(), Board(), made.options
    reader = Reader(
        journal,
        board,
        ReaderOptions(
            name=name,
            order=options.order,
            hold=7.0,
            max_held=100_000,
            max_events=options.max_events,
            max_bytes=options.max_bytes,
            estimate=estimate_bytes,
        ),
        clock=clock,
        api_now=clock.wall,
        tally=Tally(),
    )
    sink = made.build(SinkContext(name, sys.stdout.buffer, {}, ignore))
    delivery = Delivery(
        sink, reader, board, clock=clock, observe=ignore, random=random, room=Room(clock, ignore)
    )
    await reader.open()
    board.finish(all_read=True)
    await delivery.run()
    return delivery.delivered


def fill(value: object, address: str) -> object:
    """Put an address into what a table says; one that is all there is may be a number."""
    if value == "{}" and address.isdecimal():
        return int(address)
    if isinstance(value, list):
        return [fill(one, address) for one in value]
    return value.replace("{}", address) if isinstance(value, str) else value


async def measure(name: str, case: Case, journal: SqliteJournal, events: Sequence[Event]) -> None:
    """Run one case both ways and print a line."""
    with case.counterpart() as address:
        table = {key: fill(value, address) for key, value in case.table.items()}
        began = Instant.now()
        delivered = await deliver(journal, table, name)
        ours = began.rates(delivered)
        began = Instant.now()
        await case.plain(address, events)
        plain = began.rates(len(events))
    assert delivered == len(events), f"{delivered} of {len(events)} were delivered"
    print(
        f"{name:<16} {ours.events_per_second:>9,.0f} events/s  {ours.cpu_us:>5.1f} us CPU/event   "
        f"plain {plain.events_per_second:>9,.0f}  {plain.cpu_us:>5.1f}   "
        f"{ours.events_per_second / plain.events_per_second:.2f} of its speed, "
        f"{ours.cpu_us / plain.cpu_us:.2f} of its CPU",
        flush=True,
    )


async def run(names: Sequence[str], count: int) -> None:
    """Measure some cases over one journal."""
    segments = make_events(count)
    events = [event for segment in segments for event in segment.events]
    with tempfile.TemporaryDirectory() as path:
        async with filled(Path(path) / "j.db", segments) as journal:
            for name in names:
                await measure(name, CASES[name], journal, events)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("cases", nargs="*", metavar="CASE", default=[], help=f"any of: {', '.join(CASES)}")
    parser.add_argument("--events", type=int, default=200_000)
    arguments = parser.parse_args()
    unknown = set(arguments.cases) - CASES.keys()
    if unknown:
        parser.error(f"no case is called {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    asyncio.run(run(arguments.cases or list(CASES), arguments.events))


if __name__ == "__main__":
    main()
