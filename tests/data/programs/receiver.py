"""A server that a user might have: what it takes over HTTP is on the disk before it answers.

``receiver.py FOLDER PORT PROTOCOL`` keeps a line for each thing that it takes in ``FOLDER/kept``, and goes on
with that file when it is started again. Protocols, each as strict as its documentation:

- ``lines``: JSON Lines.
- ``bulk``: Elasticsearch's ``_bulk``; a document whose ``_id`` is there already is not taken again.
- ``otlp``: requests of OTLP logs as protobuf; a line is one in base64.
"""

import base64
import gzip
import json
import os
import sys
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

Taken = tuple[int, str, bytes]
"""Status, type and body of an answer."""


class Kept:
    """The file; a line that a death left unfinished was not answered for, and is cut off."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        whole = path.read_bytes()
        self.lines = whole[: whole.rfind(b"\n") + 1].splitlines()
        os.ftruncate(self._file, sum(len(line) + 1 for line in self.lines))

    def add(self, lines: Iterable[bytes]) -> None:
        """Append lines; what is written survives the death of this process."""
        text = b"".join(line + b"\n" for line in lines)
        while text:
            text = text[os.write(self._file, text) :]


class Lines:
    """Takes JSON Lines."""

    address = ("/in", "application/x-ndjson")

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def take(self, body: bytes) -> Taken:
        """Take them all."""
        lines = body.splitlines()
        for line in lines:
            json.loads(line)
        self._kept.add(lines)
        return 200, "text/plain", b""


class Bulk:
    """Creates documents."""

    address = ("/_bulk", "application/x-ndjson")

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._known = {json.loads(line)["id"] for line in kept.lines}

    def take(self, body: bytes) -> Taken:
        """Take those that are new, and judge each alone."""
        lines = body.splitlines()
        items = [
            {"create": {"_id": json.loads(action)["create"]["_id"], "status": self._create(action, document)}}
            for action, document in zip(lines[::2], lines[1::2], strict=True)
        ]
        errors = any(item["create"]["status"] != 201 for item in items)
        return 200, "application/json", json.dumps({"errors": errors, "items": items}).encode()

    def _create(self, action: bytes, document: bytes) -> int:
        one = json.loads(action)["create"]["_id"]
        if json.loads(document)["id"] != one:
            return 400
        if one in self._known:
            return 409
        self._kept.add([document])
        self._known.add(one)
        return 201


class Otlp:
    """Takes requests of logs."""

    address = ("/v1/logs", "application/x-protobuf")

    def __init__(self, kept: Kept) -> None:
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as service  # noqa: PLC0415

        self._kept = kept
        self._read: Callable[[bytes], Any] = service.ExportLogsServiceRequest.FromString
        self._answer = service.ExportLogsServiceResponse().SerializeToString()

    def take(self, body: bytes) -> Taken:
        """Take all records or none."""
        self._read(body)
        self._kept.add([base64.b64encode(body)])
        return 200, "application/x-protobuf", self._answer


def serve(place: Lines | Bulk | Otlp, port: int) -> None:
    """Serve until killed; one request at a time, as they would be if they came to one index."""
    one_at_a_time = Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one piece

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                self.close_connection = True  # the client died meanwhile
                return
            with one_at_a_time:
                status, kind, answer = self._judge(body)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _judge(self, body: bytes) -> Taken:
            if (self.path.partition("?")[0], self.headers.get_content_type()) != place.address:
                return 404, "text/plain", b"no such thing here"
            try:
                is_gzip = self.headers["Content-Encoding"] == "gzip"
                return place.take(gzip.decompress(body) if is_gzip else body)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it
                return 400, "text/plain", repr(error).encode()

        def log_message(self, *_: object) -> None:
            pass

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    folder, chosen, protocol = sys.argv[1:]
    make: dict[str, Callable[[Kept], Lines | Bulk | Otlp]] = {"lines": Lines, "bulk": Bulk, "otlp": Otlp}
    serve(make[protocol](Kept(Path(folder) / "kept")), int(chosen))
