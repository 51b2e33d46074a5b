"""Strict fakes of what events are sent to over HTTP: each knows one documented protocol, no more.

A request that breaks the protocol is answered as the real counterpart would, and noted in `Fake.broken`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from aiohttp import web
from google.protobuf.json_format import MessageToJson, Parse
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

TOKEN = "planted-token-0123456789abcdef"
Answers = Callable[[web.Request], web.StreamResponse]


class Fake:
    """A counterpart without a protocol of its own: it takes JSON Lines.

    Attributes:
        held: Ids of the events that it took, in its order.
        poison: Ids that it never takes.
        is_down: Whether it takes nothing at present.
        script: Answers to give before it behaves as usual.
        requests: Sizes in events of the requests that it understood.
        seen: Every request, with its body.
        broken: What was wrong with requests.
    """

    path: ClassVar[str] = "/in"
    content_type: ClassVar[str] = "application/x-ndjson"
    authorization: ClassVar[tuple[str, str]] = ("Authorization", f"Bearer {TOKEN}")

    def __init__(self) -> None:
        self.held: list[str] = []
        self.poison: Collection[str] = ()
        self.is_down = False
        self.script: list[Answers] = []
        self.requests: list[int] = []
        self.seen: list[tuple[web.Request, bytes]] = []
        self.broken: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        body = await request.read()
        self.seen.append((request, body))
        if self.script:
            return self.script.pop(0)(request)
        name, text = self.authorization
        if request.headers.get(name) != text:
            return web.Response(status=401, text="who are you?")
        if request.method in {"HEAD", "GET"}:
            return web.Response(text="ok")
        wrong = [
            what
            for what, right in [
                (request.method, "POST"),
                (request.path, self.path),
                (request.content_type, self.content_type),
            ]
            if what != right
        ]
        self.broken += wrong
        if wrong:
            return web.Response(status=404)
        return self.fail(body) if self.is_down else self.take(body)

    def fail(self, body: bytes) -> web.Response:
        """Answer while it is down."""
        return web.Response(status=503, text="try again")

    def take(self, body: bytes) -> web.Response:
        """Take a request, or refuse it as a whole."""
        events = self.events_in(body)
        self.requests.append(len(events))
        ids = [event["id"] for event in events]
        if set(ids) & set(self.poison):
            return web.Response(status=400, text="one of them is poison")
        self.held += ids
        return web.Response(status=200)

    def events_in(self, body: bytes) -> list[dict[str, Any]]:
        """Read the records."""
        assert body.endswith(b"\n")
        return [json.loads(line) for line in body.splitlines()]


class FakeArray(Fake):
    """Takes an array of records."""

    content_type = "application/json"

    def events_in(self, body: bytes) -> list[dict[str, Any]]:
        """Read the array."""
        read = json.loads(body)
        assert isinstance(read, list)
        return read


class FakeSplunk(Fake):
    """An HTTP Event Collector: refuses a batch for its first invalid event, and names it."""

    path = "/services/collector/event"
    content_type = "application/json"
    authorization = ("Authorization", f"Splunk {TOKEN}")

    def fail(self, body: bytes) -> web.Response:
        """Be busy."""
        return web.json_response({"text": "Server is busy", "code": 9}, status=503)

    def take(self, body: bytes) -> web.Response:
        """Read concatenated objects; ``time``, ``host``, ``source``, ``index``, ``fields`` and ``event``."""
        decoder, text, at = json.JSONDecoder(), body.decode(), 0
        ids: list[str] = []
        while at < len(text):
            told, at = decoder.raw_decode(text, at)
            at += text[at : at + 1] == "\n"
            assert told.keys() <= {"time", "host", "source", "index", "fields", "event"}
            assert isinstance(told["time"], float)
            if told["event"]["id"] in self.poison:
                refusal = {"text": "Invalid data format", "code": 6, "invalid-event-number": len(ids)}
                return web.json_response(refusal, status=400)
            ids.append(told["event"]["id"])
        self.requests.append(len(ids))
        self.held += ids
        return web.json_response({"text": "Success", "code": 0})


class FakeElasticsearch(Fake):
    """An index that knows its documents by id, and judges each alone."""

    path = "/_bulk"
    authorization = ("Authorization", f"ApiKey {TOKEN}")

    def fail(self, body: bytes) -> web.Response:
        """Take the first half, and be too busy for the rest."""
        return self._bulk(body, takes=len(body.splitlines()) // 4)

    def take(self, body: bytes) -> web.Response:
        """Take them all, but for poison."""
        return self._bulk(body, takes=2**31)

    def _bulk(self, body: bytes, takes: int) -> web.Response:
        assert body.endswith(b"\n")
        lines = [json.loads(line) for line in body.splitlines()]
        items = [
            self._create(action["create"], document, is_busy=number >= takes)
            for number, (action, document) in enumerate(zip(lines[::2], lines[1::2], strict=True))
        ]
        self.requests.append(len(items))
        errors = any(item["status"] >= 300 for item in items)
        return web.json_response({"errors": errors, "items": [{"create": item} for item in items]})

    def _create(self, action: dict[str, str], document: dict[str, Any], *, is_busy: bool) -> dict[str, Any]:
        assert action.keys() == {"_index", "_id"}
        assert action["_id"] == document["id"]
        assert document["@timestamp"].endswith("Z")
        if action["_id"] in self.poison:
            reason = {"type": "document_parsing_exception", "reason": "failed to parse field [n]"}
            return {"status": 400, "error": reason}
        if action["_id"] in self.held:
            return {"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "there"}}
        if is_busy:
            return {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "busy"}}
        self.held.append(action["_id"])
        return {"status": 201}


class FakeLoki(Fake):
    """Loki: keeps what it can of a request and then answers 400; knows entries that it has already."""

    path = "/loki/api/v1/push"
    content_type = "application/json"

    def __init__(self) -> None:
        super().__init__()
        self.streams: set[tuple[tuple[str, str], ...]] = set()

    def take(self, body: bytes) -> web.Response:
        """Take entries in the order of their times, as a query would show them."""
        told = json.loads(body)
        assert told.keys() == {"streams"}
        entries: list[tuple[int, dict[str, Any]]] = []
        for stream in told["streams"]:
            assert stream.keys() == {"stream", "values"}
            self.streams.add(tuple(stream["stream"].items()))
            for time, line in stream["values"]:
                assert isinstance(time, str)
                entries.append((int(time), json.loads(line)))
        self.requests.append(len(entries))
        entries.sort(key=lambda entry: (entry[0], entry[1]["n"]))
        ids = [record["id"] for _, record in entries]
        self.held += [one for one in ids if one not in self.poison and one not in self.held]
        ignored = sum(one in self.poison for one in ids)
        if ignored:
            words = f"entry too far behind, total ignored: {ignored} out of {len(ids)} for user fake"
            return web.Response(status=400, text=words)
        return web.Response(status=204)


class FakeDatadog(FakeArray):
    """Datadog's intake: at most a thousand logs, all or none."""

    path = "/api/v2/logs"
    authorization = ("DD-API-KEY", TOKEN)

    def take(self, body: bytes) -> web.Response:
        """Take an array of logs."""
        logs = self.events_in(body)
        assert len(logs) <= 1000
        for log in logs:
            assert {"ddsource", "ddtags", "hostname", "service", "status", "message"} <= log.keys()
            assert isinstance(log["timestamp"], int)
        answer = super().take(body)
        return web.json_response({}, status=202) if answer.status == 200 else answer


class FakeWebhook(Fake):
    """A chat's webhook; the messages have a line an event, of nothing but its id."""

    content_type = "application/json"

    def events_in(self, body: bytes) -> list[dict[str, Any]]:
        """Read a message."""
        told = json.loads(body)
        assert told.keys() == {"text"}
        return [{"id": line} for line in told["text"].split("\n")]


class FakeOtlp(Fake):
    """A receiver of OTLP logs as protobuf; sorts by time, as whoever looks at logs does."""

    path = "/v1/logs"
    content_type = "application/x-protobuf"

    def fail(self, body: bytes) -> web.Response:
        """Tell by a status."""
        return web.Response(status=503, body=self.written(ExportLogsPartialSuccess(error_message="full")))

    def take(self, body: bytes) -> web.Response:
        """Take all records or none."""
        request = self.read(body)
        records = [
            record
            for logs in request.resource_logs
            for scope in logs.scope_logs
            for record in scope.log_records
        ]
        assert all(record.body.string_value for record in records)
        self.requests.append(len(records))
        told = [
            (record.time_unix_nano, {pair.key: pair.value for pair in record.attributes})
            for record in records
        ]
        told.sort(key=lambda pair: (pair[0], pair[1]["n"].int_value))
        ids = [attributes["log.record.uid"].string_value for _, attributes in told]
        if set(ids) & set(self.poison):
            words = ExportLogsPartialSuccess(error_message="one of them is poison")
            return web.Response(status=400, body=self.written(words))
        self.held += ids
        return web.Response(body=self.written(ExportLogsServiceResponse()), content_type=self.content_type)

    def read(self, body: bytes) -> ExportLogsServiceRequest:
        """Decode a request by the official classes."""
        return ExportLogsServiceRequest.FromString(body)

    def written(self, message: Message) -> bytes:
        """Encode a message of an answer."""
        return message.SerializeToString()


class FakeOtlpJson(FakeOtlp):
    """The same in JSON, which the official classes read too."""

    content_type = "application/json"

    def read(self, body: bytes) -> ExportLogsServiceRequest:
        """Decode a request."""
        return Parse(body, ExportLogsServiceRequest())

    def written(self, message: Message) -> bytes:
        """Encode a message of an answer."""
        return MessageToJson(message).encode()


def saying(status: int, text: str = "", **headers: str) -> Answers:
    """Make an answer for a script; underscores in names of headers stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: web.Response(status=status, text=text, headers=named)


def hanging_up(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer, for a script."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


@asynccontextmanager
async def serving(fake: Fake, **options: Any) -> AsyncIterator[str]:
    """Run a fake on a port of its own; gives its origin."""
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", fake.answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, **options).start()
        scheme = "https" if options.get("ssl_context") else "http"
        yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
