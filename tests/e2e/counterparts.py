"""The places that sinks deliver to, as the campaigns of `tests.e2e.crashes` need them."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
import pytest

from tests.e2e.crashes import Counterpart, Place
from tests.e2e.truth import Record
from tests.servers.kafka import KafkaCluster, kafka_cluster
from tests.servers.nats import NatsServer, messages_in
from tests.servers.postgres import PostgresServer
from tests.servers.receiver import Protocol, Receiver, receiver
from tests.servers.redis import RedisServer
from tests.servers.rsyslog import Rsyslog, rsyslog

Make: TypeAlias = Callable[[pytest.FixtureRequest, Path], Counterpart]
"""Makes a counterpart, given who asks for it and a folder of its own."""

_KEEPER = Path(__file__).parents[1] / "data" / "programs" / "keeper.py"
_PARAMETER = re.compile(r' (\w+)="((?:[^"\\]|\\.)*)"')
_COLUMNS = ", ".join(Record._fields)


class SqliteFile:
    """A SQLite file; it goes away when another program locks it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "events.db"
        self.table = f'type = "sqlite"\npath = "{self._path}"\ntimeout = "50ms"\nmax_events = 100'
        self._other: sqlite3.Connection | None = None

    def kill(self) -> None:
        """Lock it."""
        self._other = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        self._other.execute("BEGIN IMMEDIATE")

    def start(self) -> None:
        """Unlock it."""
        assert self._other is not None
        self._other.close()

    def held(self) -> list[Record]:
        """Read the table."""
        with closing(sqlite3.connect(self._path)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone():
                return []
            rows = connection.execute(f"SELECT {_COLUMNS} FROM events")  # noqa: S608 - our own names
            return [Record(*row)._replace(late=bool(row[-1])) for row in rows]


class PostgresDatabase:
    """A database on a private server, which dies with all its processes."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._dsn = server.make_database("crashes")
        self.table = (
            f'type = "postgres"\ndsn = "{self._dsn}"\ncreate = true\ntimeout = "5s"\nmax_events = 100'
        )
        self.kill = server.kill
        self.start = server.start

    def held(self) -> list[Record]:
        """Read the table."""
        columns = _COLUMNS.replace(" t, n,", " t::text, n::text,").replace(" a,", " a::text,")
        question = f"SELECT {columns} FROM tailer_events"  # noqa: S608 - as above
        with psycopg.connect(self._dsn) as connection:
            if connection.execute("SELECT to_regclass('tailer_events')").fetchone() == (None,):
                return []
            rows = connection.execute(question.encode()).fetchall()
        return [_record(dict(zip(Record._fields, row, strict=True))) for row in rows]


class KeepingProgram:
    """A program that keeps events in a file; it is killed, and can't be started for a while."""

    def __init__(self, folder: Path, acknowledge: str) -> None:
        self._folder = folder
        self._program = folder / "keeper"
        self._program.write_text(f"#!{sys.executable} -SE\n{_KEEPER.read_text()}")
        self._program.chmod(0o700)
        words = json.dumps(["./keeper", ".", *(["batch"] if acknowledge == "exit" else [])])
        self.table = (
            f'type = "exec"\nfolder = "{folder}"\ncommand = {words}\n'
            f'acknowledge = "{acknowledge}"\nmax_events = 100'
        )

    def kill(self) -> None:
        """Kill the one that was started last, and take the rest away."""
        self._program.rename(self._folder / "away")
        with suppress(FileNotFoundError, ProcessLookupError, ValueError):  # it is not that far yet, or gone
            os.kill(int(self._folder.joinpath("keeper.pid").read_text()), signal.SIGKILL)

    def start(self) -> None:
        """Put it back."""
        self._folder.joinpath("away").rename(self._program)

    def held(self) -> list[Record]:
        """Read what it keeps, but for lines in which it was killed."""
        file = self._folder / "kept.jsonl"
        text = file.read_text(errors="replace") if file.exists() else ""
        whole = (json.loads(line) for line in text.split("\n") if line.endswith("}"))
        return [Record(**{name: one[name] for name in Record._fields}) for one in whole]


class RedisStream:
    """A stream on a private server, which has on the disk what it has acknowledged."""

    def __init__(self, server: RedisServer) -> None:
        server.empty()
        self._server = server
        self.table = f'type = "redis"\nurl = "{server.url}"\ntimeout = "5s"\nmax_events = 100'
        self.kill = server.kill
        self.start = server.start

    def held(self) -> list[Record]:
        """Read the stream."""
        with self._server.client() as client:
            rows = [json.loads(fields["event"]) for _, fields in client.xrange("tailer:events")]
        return [Record(**{name: row[name] for name in Record._fields}) for row in rows]


class HttpReceiver:
    """A server that takes events over HTTP, which has on the disk what it has acknowledged."""

    def __init__(self, server: Receiver, options: str) -> None:
        self._server = server
        self.table = f'{options.format(url=server.url)}\ntimeout = "5s"\nmax_events = 100'
        self.kill = server.kill
        self.start = server.start

    def held(self) -> list[Record]:
        """Read what it keeps."""
        return [Record(**{name: one[name] for name in Record._fields}) for one in self._server.held()]


class NatsStream:
    """A stream on a private server, which has on the disk what it has acknowledged."""

    def __init__(self, server: NatsServer) -> None:
        server.empty()
        self._server = server
        where = f'servers = ["{server.url}"]\ncreate = true\ntimeout = "5s"'
        self.table = f'type = "nats"\n{where}\nmax_events = 100'
        self.kill = server.kill
        self.start = server.start

    def held(self) -> list[Record]:
        """Read the stream."""
        rows = messages_in(self._server.url)
        return [Record(**{name: row[name] for name in Record._fields}) for row in rows]


class KafkaTopic:
    """A stand-in for Kafka that can't be reached for a while; it is never killed, for it keeps nothing."""

    def __init__(self, cluster: KafkaCluster) -> None:
        cluster.create("tailer-events", 4)
        self._cluster = cluster
        servers = json.dumps(cluster.servers)
        self.table = f'type = "kafka"\nservers = {servers}\ntimeout = "5s"\nmax_events = 100'
        self.kill = cluster.stop
        self.start = cluster.start

    def held(self) -> list[Record]:
        """Read the topic."""
        rows = [json.loads(record.value) for record in self._cluster.read("tailer-events")]
        return [Record(**{name: row[name] for name in Record._fields}) for row in rows]


class SyslogReceiver:
    """A real rsyslog, which is never killed: syslog can't know what it has lost."""

    def __init__(self, server: Rsyslog) -> None:
        self._server = server
        where = f'host = "127.0.0.1"\nport = {server.tcp}\nprotocol = "tcp"'
        self.table = f'type = "syslog"\n{where}\nmax_events = 100'

    def kill(self) -> None:
        """Let it live."""

    start = kill

    def held(self) -> list[Record]:
        """Read what it has written; a message that was cut by a death is none."""
        text = self._server.file.read_text() if self._server.file.exists() else ""
        whole = (dict(_PARAMETER.findall(line)) for line in text.splitlines() if ' late="' in line)
        return [
            _record({**{name: one[name] for name in Record._fields}, "late": one["late"] == "true"})
            for one in whole
        ]


_INDEX = 'type = "http"\npreset = "elasticsearch"\nurl = "{url}"\nindex = "events"'


def _http(protocol: Protocol, options: str) -> Make:
    return lambda request, folder: HttpReceiver(
        request.getfixturevalue("processes").enter_context(receiver(folder, protocol)), options
    )


COUNTERPARTS: dict[str, Make] = {
    "sqlite": lambda _, folder: SqliteFile(folder),
    "postgres": lambda request, _: PostgresDatabase(request.getfixturevalue("postgres")),
    "nats": lambda request, _: NatsStream(request.getfixturevalue("nats")),
    "elasticsearch": _http("bulk", _INDEX),
}
"""Every durable one to which each event comes once, by the sink that delivers to it."""

REPEATING: dict[str, Make] = {
    "exec-line": lambda _, folder: KeepingProgram(folder, "line"),
    "exec-exit": lambda _, folder: KeepingProgram(folder, "exit"),
    "redis": lambda request, _: RedisStream(request.getfixturevalue("redis")),
    "kafka": lambda request, _: KafkaTopic(
        request.getfixturevalue("processes").enter_context(kafka_cluster(2))
    ),
    "http": _http("lines", 'type = "http"\nurl = "{url}/in"\ncompress = "gzip"'),
    "otlp": _http("otlp", 'type = "otlp"\nurl = "{url}"'),
    "syslog": lambda request, folder: SyslogReceiver(
        request.getfixturevalue("processes").enter_context(rsyslog(folder))
    ),
}
"""Those that get a batch again after a crash or an unanswered write; a batch has at most 100 events."""

SPARED = {"syslog"}
"""Those that are there all the time: nobody can tell what they have lost."""

EVERY = (*COUNTERPARTS, *REPEATING)
"""The names of all; the campaigns take theirs from here, so an entry above is all that a new one needs."""


def make_place(name: str, request: pytest.FixtureRequest, folder: Path) -> Place:
    """Make a counterpart that runs, in a folder below `folder`; skips where its server is not installed."""
    own = folder / name
    own.mkdir()
    make = {**COUNTERPARTS, **REPEATING}[name]
    return Place(name, make(request, own), repeats=100 if name in REPEATING else 0, dies=name not in SPARED)


def _record(row: dict[str, Any]) -> Record:
    """Make a record of a row whose numbers are texts, so that whole ones are ints."""
    return Record(**{**row, **{name: json.loads(row[name]) for name in ("t", "n", "a")}})
