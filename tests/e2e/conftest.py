"""Processes that end with their test, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.e2e.processes import Simulator
from tests.servers.nats import NatsServer, nats_server
from tests.servers.postgres import PostgresServer, postgres_server
from tests.servers.redis import RedisServer, redis_server

Simulate: TypeAlias = Callable[..., Simulator]


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    """Give a stack that ends the processes that were entered into it."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="session")
def nats() -> Iterator[NatsServer]:
    """Give a private NATS server, the same for all tests of a process."""
    with nats_server() as server:
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
def simulate(tmp_path: Path, processes: ExitStack) -> Simulate:
    """Give what starts a simulator with some options in the test's folder."""
    return lambda *options: processes.enter_context(Simulator(tmp_path, *options))
