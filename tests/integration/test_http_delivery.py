"""What the sink `http` does when its counterpart is difficult."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from tailer.errors import ConfigError, SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Watermark
from tailer.observe import ignore
from tailer.sinks.http.config import HttpConfig
from tailer.sinks.http.sink import HttpSink
from tailer.sinks.options import SinkContext
from tailer.testing.sink_contract import ids_of, make_batch
from tests.integration.client_desk import LeapingClock, talking
from tests.integration.http_fakes import (
    TOKEN,
    Fake,
    FakeElasticsearch,
    FakeSplunk,
    hanging_up,
    saying,
    serving,
)

BATCH = make_batch(1, 8)


class Desk:
    """A fake, and a sink that was opened."""

    def __init__(self, fake: Fake, sink: HttpSink, clock: LeapingClock) -> None:
        self.fake = fake
        self.sink = sink
        self.clock = clock

    async def fail(self, batch: Batch = BATCH) -> SinkUnavailableError:
        """Write a batch that does not get through; give the error."""
        with pytest.raises(SinkUnavailableError) as caught:
            await self.sink.write(batch)
        assert TOKEN not in f"{caught.value}{caught.value.__cause__!r}{caught.value.__context__!r}"
        return caught.value


def sink_of(clock: LeapingClock | None = None, **options: Any) -> HttpSink:
    """Make a sink whose token is in a variable, unless the options have another place."""
    if "token_file" not in options:
        options["token_env"] = "TOKEN"
    context = SinkContext(
        "siem", BytesIO(), {"TOKEN": TOKEN, "HOOK": f"https://x/{TOKEN}"}, ignore, clock or LeapingClock()
    )
    return HttpSink(HttpConfig(**options), context)


async def open_desk(origin: str, fake: Fake, **options: Any) -> Desk:
    """Open a sink to a fake."""
    clock = LeapingClock()
    sink = sink_of(clock, **{"url": f"{origin}/in", "timeout": 5.0, **options})
    await sink.open(Resume(0, None))
    return Desk(fake, sink, clock)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A sink for JSON Lines."""
    fake = Fake()
    async with serving(fake) as origin:
        desk = await open_desk(origin, fake)
        yield desk
        await desk.sink.close()


class _Gate(list[str]):
    """No poison, but a counterpart that fails once, after so many requests."""

    def __init__(self, fake: Fake, opens_after: int) -> None:
        super().__init__()
        self._fake = fake
        self._left = opens_after

    def __iter__(self) -> Iterator[str]:
        self._left -= 1
        if self._left == 0:
            self._fake.script = [saying(503)]
        return super().__iter__()


async def test_a_busy_counterpart_is_left_alone_for_as_long_as_it_asks(desk: Desk) -> None:
    """The wait goes to who backs off, and the sentence names sink, server and words, but no path."""
    desk.fake.script = [saying(429, "slow down", Retry_After="17")]
    error = await desk.fail()
    assert error.retry_after == 17.0
    assert str(error).startswith("Sink 'siem': http://127.0.0.1:")
    assert str(error).endswith(" takes nothing at present (HTTP 429: slow down)")
    await desk.sink.write(BATCH)
    assert desk.fake.held == ids_of(BATCH)


async def test_a_redirect_is_not_followed(desk: Desk) -> None:
    """Events and credentials go to nobody whom the configuration does not name."""
    desk.fake.script = [saying(307, Location="/elsewhere")]
    assert "redirects" in str(await desk.fail())
    assert [request.path for request, _ in desk.fake.seen] == ["/in"]


async def test_an_echoed_token_is_masked(desk: Desk) -> None:
    """A counterpart that repeats the credentials does not get them into a log."""
    desk.fake.script = [saying(500, f"what is {TOKEN}?")]
    assert "what is [redacted]?" in str(await desk.fail())


async def test_a_lost_connection_is_written_again(desk: Desk) -> None:
    """A connection that ends without an answer leaves the batch to be sent again."""
    desk.fake.script = [hanging_up]
    assert "closed the connection without an answer" in str(await desk.fail())
    await desk.sink.write(BATCH)
    assert desk.fake.held == ids_of(BATCH)


async def test_nobody_listens(desk: Desk) -> None:
    """A refused connection names what to check."""
    lonely = sink_of(url="http://127.0.0.1:1/in")
    await lonely.open(Resume(0, None))
    with pytest.raises(SinkUnavailableError, match=r"can't be reached .*check the network and url"):
        await lonely.write(BATCH)
    await lonely.close()


async def test_a_counterpart_that_hangs_is_given_up(desk: Desk) -> None:
    """After `timeout` the batch waits for another try."""

    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with talking(hang) as url:
        slow = await open_desk(url, desk.fake, timeout=0.1)
        assert "did not answer within timeout" in str(await slow.fail())
        await slow.sink.close()


async def test_an_endless_answer_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is read up to a bound."""
    monkeypatch.setattr("tailer.sinks.http.connection._MAX_ANSWER_BYTES", 1000)
    desk.fake.script = [saying(200, "x" * 100_000)]
    assert "at a length that no delivery needs" in str(await desk.fail())


async def test_a_new_token_is_used_after_a_refusal(tmp_path: Path) -> None:
    """A refused token sets nothing aside; its file is read again for the next try."""
    file = tmp_path / "token"
    file.write_text("old")
    fake = Fake()
    async with serving(fake) as origin:
        desk = await open_desk(origin, fake, token_file=file)
        error = await desk.fail()
        assert "refuses the credentials (HTTP 401: who are you?)" in str(error)
        file.write_text(TOKEN)
        await desk.sink.write(BATCH)
        assert fake.held == ids_of(BATCH)
        await desk.sink.close()


async def test_what_was_accepted_is_not_sent_again_after_a_failure(desk: Desk) -> None:
    """A batch in several requests goes on where it stopped."""
    async with serving(desk.fake) as origin:
        single = await open_desk(origin, desk.fake, per="event")
        desk.fake.poison = _Gate(desk.fake, opens_after=3)
        await single.fail()
        assert desk.fake.held == ids_of(BATCH)[:3]
        await single.sink.write(BATCH)
        await single.sink.close()
    assert desk.fake.held == ids_of(BATCH)


async def test_a_request_that_is_too_large_is_halved_once_and_for_all(desk: Desk) -> None:
    """After a 413 requests have half the size that was refused."""
    desk.fake.script = [saying(413)]
    await desk.sink.write(BATCH)
    later = make_batch(11, 18)
    await desk.sink.write(later)
    assert max(desk.fake.requests) <= 4
    assert desk.fake.held == ids_of(BATCH, later)


@pytest.mark.parametrize("compress", ["none", "gzip"])
async def test_a_large_batch_goes_in_requests_that_the_counterpart_takes(compress: str) -> None:
    """No body is longer than the preset allows, and only the first is not fitted at once."""
    fake, batch = FakeSplunk(), make_batch(1, 10_000)
    async with serving(fake) as origin:
        sink = sink_of(url=origin, preset="splunk", compress=compress)
        await sink.open(Resume(0, None))
        await sink.write(batch)
        await sink.close()
    assert fake.held == ids_of(batch)
    assert max(len(body) for _, body in fake.seen) <= 1_000_000
    assert 2 <= len(fake.requests) <= 12


async def test_a_long_body_goes_out_whole(desk: Desk) -> None:
    """A batch of megabytes in one request arrives as it was written."""
    batch = make_batch(1, 10_000)
    await desk.sink.write(batch)
    assert desk.fake.requests == [10_000]
    assert desk.fake.held == ids_of(batch)


async def test_one_event_that_is_too_large_is_set_aside(desk: Desk) -> None:
    """What can't be made smaller is rejected."""
    desk.fake.script = [saying(413, "too large")]
    with pytest.raises(SinkRejectedError) as caught:
        await desk.sink.write(make_batch(1, 1))
    assert caught.value.rejected == {0: "HTTP 413: too large"}


async def test_watermarks_go_as_records(desk: Desk) -> None:
    """In a request of their own; a server that refuses them is told how to be left in peace."""
    marks = [Watermark(event.source, 7, 7, None) for event in make_batch(1, 2).events]
    desk.fake.script = [saying(400, "unknown kind")]
    with pytest.raises(SinkUnavailableError, match=r"takes no watermarks \(HTTP 400: unknown kind\)"):
        await desk.sink.mark(marks)
    await desk.sink.mark(marks)
    assert desk.fake.held == [f"{one.ref}/watermark" for one in marks]
    assert desk.fake.requests == [2]


async def test_requests_keep_their_distance(desk: Desk) -> None:
    """`min_interval` lies between any two requests."""
    async with serving(desk.fake) as origin:
        slow = await open_desk(origin, desk.fake, per="event", min_interval=10.0)
        await slow.sink.write(make_batch(1, 3))
        assert slow.clock.naps == pytest.approx([10.0, 10.0], abs=5.0)
        await slow.sink.close()


@pytest.mark.parametrize(
    ("options", "name", "text"),
    [
        ({"user": "elastic"}, "Authorization", "Basic ZWxhc3RpYzpwbGFudGVkLXRva2VuLTAxMjM0NTY3ODlhYmNkZWY="),
        ({"token_header": "X-Api-Key"}, "X-Api-Key", TOKEN),
        ({"headers": {"X-Scope-OrgID": "noc"}}, "X-Scope-OrgID", "noc"),
        ({"headers": {"content-type": "text/x"}}, "Content-Type", "text/x"),
    ],
)
async def test_headers_are_those_of_the_options(
    desk: Desk, options: dict[str, Any], name: str, text: str
) -> None:
    """Each way to sign in has its header, and one's own headers go along."""
    desk.fake.script = [saying(200)]
    async with serving(desk.fake) as origin:
        other = await open_desk(origin, desk.fake, **options)
        await other.sink.write(BATCH)
        await other.sink.close()
    request, _ = desk.fake.seen[-1]
    assert request.headers.getall(name) == [text]
    assert request.headers["User-Agent"].startswith("cf-tailer")


async def test_a_variable_that_is_not_set_is_a_mistake() -> None:
    """Only another start could mend it."""
    with pytest.raises(ConfigError, match="url_env of sink 'siem': variable NONE is not set"):
        sink_of(url_env="NONE")


async def test_an_address_in_a_file_is_checked_and_not_shown(tmp_path: Path) -> None:
    """An address that is a secret is refused without being told."""
    file = tmp_path / "hook"
    file.write_text(f"http://hooks.example/{TOKEN}")
    sink = sink_of(url_file=file, preset="webhook")
    with pytest.raises(SinkUnavailableError, match="its url would show") as caught:
        await sink.open(Resume(0, None))
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "options", "said"),
    [
        (200, {}, "answers HTTP 200 to HEAD"),
        (405, {}, "answers HTTP 405 to HEAD"),
        (200, {"preset": "elasticsearch", "index": "wan"}, "answers HTTP 200 to GET"),
        (401, {}, None),
        (502, {}, None),
        (403, {"preset": "elasticsearch", "index": "wan"}, "answers HTTP 403 to GET"),
    ],
)
async def test_a_check_looks_without_effect(
    desk: Desk, status: int, options: dict[str, Any], said: str | None
) -> None:
    """A read that has no effect; refused credentials and failures are told."""
    desk.fake.script = [saying(status)]
    async with serving(desk.fake) as origin:
        sink = sink_of(url=origin, **options)
        if said is None:
            with pytest.raises(SinkUnavailableError, match=f"answers HTTP {status} when it is looked at"):
                await sink.check()
        else:
            assert said in await sink.check()


async def test_items_that_found_no_room_are_sent_again_alone() -> None:
    """What _bulk accepted before a 429 is not sent again; the batch is accepted in the end, once."""
    fake = FakeElasticsearch()
    async with serving(fake) as origin:
        sink = sink_of(url=origin, preset="elasticsearch", index="wan")
        await sink.open(Resume(0, None))
        fake.is_down = True
        with pytest.raises(SinkUnavailableError, match="does not take 4 of 8 documents"):
            await sink.write(BATCH)
        fake.is_down = False
        await sink.write(BATCH)
        await sink.close()
    assert fake.requests == [8, 4]
    assert fake.held == ids_of(BATCH)


@pytest.mark.skipif(which("openssl") is None, reason="makes its certificates with openssl")
async def test_certificates_of_both_sides_are_checked(tmp_path: Path) -> None:
    """The server's authority is named by ca_file, and cert_file with key_file show who we are."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-nodes", "-days", "2"),
        *("-keyout", key, "-out", cert, "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await made.wait() == 0
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=cert)
    context.load_cert_chain(cert, key)
    context.verify_mode = ssl.CERT_REQUIRED
    fake = Fake()
    async with serving(fake, ssl_context=context) as origin:
        untrusting = await open_desk(origin, fake)
        assert "fails at TLS (self-signed certificate)" in str(await untrusting.fail())
        nameless = await open_desk(origin, fake, ca_file=cert)
        await nameless.fail()
        trusted = await open_desk(origin, fake, ca_file=cert, cert_file=cert, key_file=key)
        await trusted.sink.write(BATCH)
        for one in (untrusting, nameless, trusted):
            await one.sink.close()
    assert fake.held == ids_of(BATCH)
