"""Sends batches over HTTP, and gets each event accepted or rejected, whatever the counterpart answers.

What answers mean is told at `tailer.sinks.http.answers`; what a preset sends, in its module. Delivery is at
least once: a crash, or a request whose answer was lost, may repeat what was sent since the last commit. What
was accepted before a failure is not sent again after it, as long as the process lives.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import partial

import anyio.to_thread

from tailer.config.credentials import Secret
from tailer.core.durations import Seconds
from tailer.errors import SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch
from tailer.sinks.http.answers import TOO_LARGE, Answer, Away, Refused, Taken, describe
from tailer.sinks.http.connection import Connection
from tailer.sinks.http.options import RequestOptions
from tailer.sinks.http.parts import Parts
from tailer.sinks.http.preset import Preset
from tailer.sinks.http.target import read_target, with_path
from tailer.sinks.options import SinkContext
from tailer.sinks.secrets import SecretSource
from tailer.sinks.tls import make_tls


class RequestSink:
    """A counterpart that takes events over HTTP.

    Args:
        options: The way there.
        preset: What it is.
        context: Its ``environ`` has the variables that the options name.
        method: Of requests.
        min_interval: Shortest time between two of them; ``None``: the preset's.

    Raises:
        ConfigError: A variable is not set.
    """

    def __init__(
        self,
        options: RequestOptions,
        preset: Preset,
        context: SinkContext,
        *,
        method: str = "POST",
        min_interval: Seconds | None = None,
    ) -> None:
        self._options = options
        self._preset = preset
        self._context = context
        self._method = method
        name, environ = context.name, context.environ
        self._url = SecretSource(name, "url", options.url_env, options.url_file, environ)
        self._token = SecretSource(name, "token", options.token_env, options.token_file, environ)
        self._max_bytes = self._preset.max_bytes
        self._interval = preset.min_interval if min_interval is None else min_interval
        self._bytes_an_event: float = 1.0
        self._next_at = float("-inf")
        self._line: _Line | None = None
        self._parts: Parts | None = None

    async def check(self) -> str:
        """Ask the counterpart for something that has no effect.

        Raises:
            SinkUnavailableError: It can't be reached, refuses the credentials, or fails.
        """
        line = await self._connect()
        try:
            return await self._look(line)
        finally:
            await line.connection.close()

    async def open(self, resume: Resume) -> bytes | None:  # noqa: ARG002 - the counterpart has no place
        """Read secrets and certificates; the first batch connects.

        Raises:
            SinkUnavailableError: A file can't be used.
        """
        await self.close()
        self._line = await self._connect()
        return None

    async def write(self, batch: Batch) -> bytes | None:
        """Send a batch in as many requests as it takes.

        Raises:
            SinkUnavailableError: The counterpart is away, or refuses whatever it is sent.
            SinkRejectedError: It will never take some events, all of which are named.
        """
        parts = self._parts
        if parts is None or parts.events is not batch.events:
            parts = self._parts = Parts(batch.events)
        try:
            while events := parts.next(self._fitting()):
                body = self._preset.render(events)
                self._bytes_an_event = len(body) / len(events)
                if len(body) > self._max_bytes and len(events) > 1:
                    parts.halve()
                else:
                    await self._deliver(parts, body, len(events))
        except SinkUnavailableError:
            await self.close()  # a file may hold a new token or certificate by the next try
            raise
        self._parts = None
        if parts.rejected:
            reason = next(iter(parts.rejected.values()))
            raise SinkRejectedError(reason, rejected=dict(sorted(parts.rejected.items())))
        return None

    async def pass_on(self, bodies: Sequence[bytes]) -> None:
        """Send bodies that hold no events, each until it is accepted.

        Raises:
            SinkUnavailableError: The counterpart is away, or refuses one: then there is nothing to set aside.
        """
        try:
            for body in bodies:
                line, answer = await self._exchange(body)
                match self._preset.judge(answer, 1):
                    case Away(reason=reason, retry_after=retry_after):
                        raise line.connection.failed(reason, retry_after)
                    case Refused(reason=reason):
                        raise line.connection.failed(
                            f"takes no watermarks ({reason}); teach it to, or write watermarks = false"
                        )
        except SinkUnavailableError:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection."""
        line, self._line = self._line, None
        if line is not None:
            await line.connection.close()

    def _fitting(self) -> int:
        """Give how many events a request may have, by their number and by what the last ones took."""
        by_size = int(0.9 * self._max_bytes / self._bytes_an_event)  # the next ones may be longer
        return max(1, min(self._preset.max_events, by_size))

    async def _deliver(self, parts: Parts, body: bytes, count: int) -> None:
        """Send one request and note what became of its events."""
        line, answer = await self._exchange(body)
        if answer.status == TOO_LARGE and count > 1:
            self._max_bytes = len(body) // 2  # so the next batch is not refused for the same reason
        verdict = self._preset.judge(answer, count)
        parts.settle(verdict)
        match verdict:
            case Away(reason=reason, retry_after=retry_after):
                raise line.connection.failed(reason, retry_after)
            case Taken(why=why, retry_after=retry_after) if why:
                raise line.connection.failed(why, retry_after)

    async def _exchange(self, body: bytes) -> tuple[_Line, Answer]:
        """Send one request when its turn has come; raises ``SinkUnavailableError`` if no answer comes."""
        line = self._line
        if line is None:
            line = self._line = await self._connect()
        await self._wait_for_turn()
        answer = await line.connection.send(
            self._method,
            {"Content-Type": self._preset.content_type, **line.headers},
            body,
            compress=self._options.compress == "gzip",
            secret=line.token,
        )
        return line, answer

    async def _wait_for_turn(self) -> None:
        clock = self._context.clock
        now = clock.monotonic()
        if self._next_at > now:
            await clock.sleep(self._next_at - now)
        self._next_at = clock.monotonic() + self._interval

    async def _connect(self) -> _Line:
        """Read what the files and variables hold now."""
        options, name = self._options, self._context.name
        token = await self._token.read()
        written = await self._url.read()
        try:
            url = read_target(
                options.url or "" if written is None else written.reveal(), plain_http=options.plain_http
            )
        except ValueError as error:
            raise SinkUnavailableError(f"Sink {name!r}: its url {error}") from None
        tls = None  # reading the system's authorities takes a while
        if url.scheme == "https":
            tls = await anyio.to_thread.run_sync(partial(make_tls, options, name))
        connection = Connection(name, with_path(url, self._preset.path), tls, options.timeout)
        return _Line(connection, {**options.headers, **_login(options, self._preset, token)}, token)

    async def _look(self, line: _Line) -> str:
        """Probe; whether events are taken, only a delivery shows."""
        probe, connection = self._preset.probe, line.connection
        method = "HEAD" if probe is None else "GET"
        answer = await connection.send(method, line.headers, path=probe, secret=line.token)
        # 403 tells nothing: a token that may only write is not allowed to look.
        if answer.status in {401, 407} or answer.status >= 500:
            raise connection.failed(f"answers {describe(answer)} when it is looked at; repair that first")
        return (
            f"{connection.url.origin()} answers HTTP {answer.status} to {method}; whether it takes events,"
            " the first delivery shows"
        )


class _Line:
    """A connection with what each of its requests carries."""

    def __init__(self, connection: Connection, headers: Mapping[str, str], token: Secret | None) -> None:
        self.connection = connection
        self.headers = headers
        self.token = token


def _login(options: RequestOptions, preset: Preset, token: Secret | None) -> Mapping[str, str]:
    """Give the headers that carry the token."""
    if token is None:
        return {}
    secret = token.reveal()
    if options.user is not None:
        return {"Authorization": f"Basic {b64encode(f'{options.user}:{secret}'.encode()).decode('ascii')}"}
    return preset.authorization(secret) if options.token_header is None else {options.token_header: secret}
