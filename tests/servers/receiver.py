"""A private receiver of events over HTTP that has on the disk what it has acknowledged."""

from __future__ import annotations

import base64
import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.servers.process import ServerProcess

Protocol: TypeAlias = Literal["lines", "bulk", "otlp"]
"""What one takes; see `tests/data/programs/receiver.py`."""

_PROGRAM = Path(__file__).parents[1] / "data" / "programs" / "receiver.py"


class Receiver(ServerProcess):
    """A server that keeps what it has taken, whenever it is killed.

    Args:
        folder: Where everything lies.
        protocol: What it takes.
    """

    def __init__(self, folder: Path, protocol: Protocol) -> None:
        def command(port: int) -> list[str]:
            return [sys.executable, "-E", str(_PROGRAM), str(folder), str(port), protocol]

        super().__init__(folder, command, _is_ready)
        self._protocol = protocol
        self._kept = folder / "kept"

    @property
    def url(self) -> str:
        """The way to it."""
        return f"http://127.0.0.1:{self.port}"

    def held(self) -> list[dict[str, Any]]:
        """Give the records that it holds, as often as it holds them; called while nothing is under way."""
        lines = self._kept.read_bytes().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith(b"\n")]
        if self._protocol != "otlp":
            return [json.loads(line) for line in whole]
        return [record for line in whole for record in _records(base64.b64decode(line))]


@contextmanager
def receiver(folder: Path, protocol: Protocol) -> Iterator[Receiver]:
    """Run one for as long as the context lasts."""
    server = Receiver(folder, protocol)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _records(body: bytes) -> Iterator[dict[str, Any]]:
    """Give the records of a request, with the names that they have in JSON Lines."""
    for logs in ExportLogsServiceRequest.FromString(body).resource_logs:
        of_all = _attributes(logs.resource.attributes)
        whose = {"account": of_all["cloud.account.id"], "connector": of_all["service.instance.id"]}
        for record in (record for scope in logs.scope_logs for record in scope.log_records):
            told = _attributes(record.attributes)
            seen = record.observed_time_unix_nano / 1e9
            yield {**told, **whose, "id": told["log.record.uid"], "k": record.body.string_value, "seen": seen}


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


def _is_ready(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
