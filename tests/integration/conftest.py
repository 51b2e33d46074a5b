"""Journals, servers and files of sinks, for more than one file of tests."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tailer.journal import files
from tailer.journal.schema import connect, connect_reader
from tailer.journal.sqlite import SqliteJournal
from tests.integration.desk import Desk, Make, Watch
from tests.servers.nats import NatsServer, nats_server
from tests.servers.postgres import PostgresServer, postgres_server
from tests.servers.redis import RedisServer, redis_server

Open = Callable[..., Awaitable[SqliteJournal]]


@pytest.fixture
async def open_sqlite(tmp_path: Path) -> AsyncIterator[Open]:
    """Give what opens a journal, by default ``j.db`` and without a pace; close what a test left open."""
    opened: list[SqliteJournal] = []

    async def open_one(path: Path = tmp_path / "j.db", **options: Any) -> SqliteJournal:
        journal = SqliteJournal(path, **{"pace": 0.0, **options})
        await journal.open()
        opened.append(journal)
        return journal

    yield open_one
    for journal in opened:
        await journal.close()


@pytest.fixture(scope="session")
def nats() -> Iterator[NatsServer]:
    """Give a private NATS server, the same for all tests of a process; it is killed, the machine is not."""
    with nats_server("2m") as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Give a private PostgreSQL server, the same for all tests of a process."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """Give a private Redis server, the same for all tests of a process."""
    with redis_server() as server:
        yield server


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[sqlite3.Connection]]:
    """Give the connections of the journals that are opened, writers and readers."""
    made: dict[str, list[sqlite3.Connection]] = {"writers": [], "readers": []}

    def writer(path: Path) -> sqlite3.Connection:
        made["writers"].append(connect(path))
        return made["writers"][-1]

    def reader(path: Path) -> sqlite3.Connection:
        made["readers"].append(connect_reader(path))
        return made["readers"][-1]

    monkeypatch.setattr(files, "connect", writer)
    monkeypatch.setattr(files, "connect_reader", reader)
    return made


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Give a desk with nothing on it."""
    return Desk(tmp_path)


@pytest.fixture
def watch() -> Watch:
    """Give a clock."""
    return Watch()


@pytest.fixture
def make(tmp_path: Path, watch: Watch) -> Make:
    """Give what makes a desk with options, by default one batch a file."""

    def make_desk(**options: Any) -> Desk:
        return Desk(tmp_path, watch, **{"rotate_size": 1, **options})

    return make_desk
