"""The sinks `http` and `otlp` keep what all sinks promise, whatever they speak to."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tailer.clock import SystemClock
from tailer.interfaces import Sink
from tailer.observe import ignore
from tailer.sinks.http.sink import HttpSink
from tailer.sinks.options import SinkContext
from tailer.sinks.otlp.sink import OtlpSink
from tailer.testing.rejection_contract import RejectingPlace, RejectionContract
from tailer.testing.sink_contract import SinkContract
from tests.integration.http_fakes import (
    TOKEN,
    Fake,
    FakeArray,
    FakeDatadog,
    FakeElasticsearch,
    FakeLoki,
    FakeOtlp,
    FakeOtlpJson,
    FakeSplunk,
    FakeWebhook,
    serving,
)


class Case(NamedTuple):
    """A counterpart, and the options that fit it."""

    fake: type[Fake]
    options: Mapping[str, Any]
    exactly_once: bool = False
    sink: type[HttpSink | OtlpSink] = HttpSink


CASES = {
    "otlp-protobuf": Case(FakeOtlp, {"compress": "gzip"}, sink=OtlpSink),
    "otlp-json": Case(FakeOtlpJson, {"encoding": "json"}, sink=OtlpSink),
    "jsonl": Case(Fake, {"path": "/in"}),
    "jsonl-compressed": Case(Fake, {"path": "/in", "compress": "gzip"}),
    "json": Case(FakeArray, {"path": "/in", "body": "json"}),
    "an-event-a-request": Case(Fake, {"path": "/in", "per": "event"}),
    "template": Case(
        FakeArray,
        {
            "path": "/in",
            "body": "template",
            "template": '{{"id":{id!j}}}',
            "begin": "[",
            "separator": ",",
            "end": "]",
            "headers": {"Content-Type": "application/json"},
        },
    ),
    "splunk": Case(
        FakeSplunk, {"preset": "splunk", "index": "wan", "labels": {"site": "eu"}, "compress": "gzip"}
    ),
    "elasticsearch": Case(FakeElasticsearch, {"preset": "elasticsearch", "index": "wan"}, exactly_once=True),
    "loki": Case(FakeLoki, {"preset": "loki", "labels": {"job": "tailer"}, "compress": "gzip"}),
    "datadog": Case(FakeDatadog, {"preset": "datadog", "labels": {"team": "noc"}}),
    "webhook": Case(
        FakeWebhook, {"path": "/in", "preset": "webhook", "template": "{id}", "min_interval": 0.0}
    ),
}


class _HttpPlace:
    """A fake, and a sink that speaks to it; opening fails while the token's file is away."""

    can_fail_open = True

    def __init__(self, case: Case, fake: Fake, origin: str, folder: Path) -> None:
        self.exactly_once = case.exactly_once
        self.fake = fake
        self._token = folder / "token"
        self._token.write_text(TOKEN)
        options = dict(case.options)
        url = origin + options.pop("path", "")
        config: Any = case.sink.Config(url=url, token_file=self._token, **options)
        context = SinkContext("under-test", BytesIO(), {}, ignore, SystemClock())
        self._make = partial(case.sink, config, context)
        self.has_watermarks = getattr(config, "no_watermarks", None) is None

    def build(self) -> Sink:
        return self._make()

    def held(self) -> Sequence[str]:
        assert self.fake.broken == []
        return [one for one in self.fake.held if not one.endswith("/watermark")]

    def fail(self) -> None:
        self.fake.is_down = True

    def mend(self) -> None:
        self.fake.is_down = False

    def fail_open(self) -> None:
        self._token.unlink()

    def mend_open(self) -> None:
        self._token.write_text(TOKEN)

    def reject(self, ids: Collection[str]) -> None:
        self.fake.poison = ids


class TestHttpSink(SinkContract, RejectionContract):
    """Each way to write and each preset goes through every test of both suites."""

    @pytest.fixture(params=CASES)
    async def place(self, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RejectingPlace]:
        """Start a fake."""
        case = CASES[request.param]
        fake = case.fake()
        async with serving(fake) as origin:
            yield _HttpPlace(case, fake, origin, tmp_path)
