"""Publishes events to a JetStream stream of NATS, each exactly once within the stream's window.

Rules:

1. A message's id (``Nats-Msg-Id``) is the event's. The stream forgets ids after its duplicate window: what is
   sent again later than that is stored again. So what was stored of a batch is remembered here as well, until
   all of it is: only what was refused, or got no answer, is sent again.
2. Messages are under way many at a time, in their order. One that is too long, for the server or for the
   stream, is rejected alone. All else is waited for: a mistake in the configuration costs no events.
3. What the stream promises less than one might think is said when it is opened, and by `check`.

Source: NATS's documentation, "JetStream model deep dive", and the error codes of nats-server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio.to_thread

from tailer.core.durations import format_duration
from tailer.errors import SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Watermark
from tailer.sinks.address import Address
from tailer.sinks.extras import extra
from tailer.sinks.formats.choice import make_format
from tailer.sinks.formats.watermarks import id_of, render_watermarks
from tailer.sinks.nats.config import NatsConfig
from tailer.sinks.options import SinkContext
from tailer.sinks.secrets import SecretSource
from tailer.sinks.text import escaped
from tailer.sinks.tls import make_tls

with extra("nats"):
    from nats.js.api import StorageType, StreamConfig, StreamInfo

    from tailer.sinks.nats.faults import KNOWN, TOO_LONG, reason_of
    from tailer.sinks.nats.line import Line, Message
    from tailer.sinks.nats.login import Credentials, Login
    from tailer.sinks.nats.stream import StreamDoubted, doubts_about, unfit

_UNDER_WAY = 1000
"""Messages without an answer: with a thousand the server is busy; more takes memory, and is no faster."""

_OLDEST = (2, 9, 0)
"""The oldest server that was tried, and the first that Debian has; NATS itself mends the newest two only."""


class NatsSink:
    """A stream in NATS JetStream.

    Args:
        config: See `NatsConfig`.
        context: Names the sink; its environment has the secrets, its observer is told of a stream's limits.

    Raises:
        ConfigError: A secret's variable is not set.
    """

    Config = NatsConfig

    def __init__(self, config: NatsConfig, context: SinkContext) -> None:
        self._config = config
        self._name = context.name
        self._observe = context.observer
        self._password, self._token, self._credentials = (
            SecretSource(context.name, option, variable, file, context.environ, any_text=True)
            for option, variable, file in (
                ("password", config.password_env, config.password_file),
                ("token", config.token_env, config.token_file),
                ("credentials", config.credentials_env, config.credentials_file),
            )
        )
        self._format = make_format("jsonl", fields=context.fields)
        self._where = ", ".join(address.where for address in config.addresses)
        self._line: Line | None = None
        self._taken: set[str] = set()
        self._doubts: list[str] = []

    async def check(self) -> str:
        """Say which server and stream would get events, and what the stream promises.

        Raises:
            SinkUnavailableError: They could not be delivered now; the message says why and what to do.
        """
        config = self._config
        line, address = await self._connect()
        try:
            async with self._translated():
                info = await line.find(config.stream)
        finally:
            await line.close()
        way = "encrypted" if address.scheme == "tls" else "not encrypted"
        server = f"NATS {'.'.join(map(str, line.version))} at {address.where}, {way}"
        if info is None:
            self._refuse_missing()
            return f"{server}; the stream {config.stream} does not exist yet and is made"
        doubts = self._examine(info)
        window = format_duration(info.config.duplicate_window)
        found = (
            f"the stream {config.stream} has {info.state.messages} messages and remembers ids for {window}"
        )
        return "; ".join([server, found, *doubts])

    async def open(self, resume: Resume) -> bytes | None:  # noqa: ARG002 - the stream knows what it has
        """Connect, make the stream if that is wanted, and look whether it is fit; publishes nothing.

        Raises:
            SinkUnavailableError: It is not; the message says why and what to do.
        """
        await self._connected()
        return None

    async def write(self, batch: Batch) -> bytes | None:
        """Publish a batch, but for what the stream has taken of it in an earlier try.

        Raises:
            SinkUnavailableError: The server is away, or does not take what it is sent.
            SinkRejectedError: Some events are too long; all others are stored.
        """
        records = await anyio.to_thread.run_sync(self._format.render, batch.events)
        # Escaped, as a header can't carry everything that a connector's id might hold one day.
        ids = [escaped(event.id) for event in batch.events]
        rejected = await self._send(list(map(Message, ids, records.split(b"\n"))))
        if rejected:
            reasons = dict(sorted(rejected.items()))
            raise SinkRejectedError(next(iter(reasons.values())), rejected=reasons)
        return None

    async def mark(self, watermarks: Sequence[Watermark]) -> bytes | None:
        """Publish a message for each watermark; one that comes again with the same times is stored once.

        Raises:
            SinkUnavailableError: The server is away, or does not take what it is sent.
        """
        ids = [
            escaped(f"{id_of(one)}/{one.read_through}.{one.whole_through}.{one.settled_through}")
            for one in watermarks
        ]
        rejected = await self._send(list(map(Message, ids, render_watermarks(watermarks).split(b"\n"))))
        if rejected:
            reason = next(iter(rejected.values()))
            raise self._unavailable(f"it refuses watermarks: {reason}; write watermarks = false")
        return None

    async def close(self) -> None:
        """Hang up; what was answered is the server's."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    async def _send(self, messages: Sequence[Message]) -> dict[int, str]:
        """Publish what the stream has not taken in an earlier try; give why some will never be taken."""
        waiting = [(index, one) for index, one in enumerate(messages) if one.id not in self._taken]
        line = self._line
        if line is None or line.is_closed:
            line = await self._connected()
        rejected: dict[int, str] = {}
        async with self._translated():
            for first in range(0, len(waiting), _UNDER_WAY):
                rejected |= await self._publish(line, waiting[first : first + _UNDER_WAY])
        self._taken.clear()
        return rejected

    async def _publish(self, line: Line, numbered: Sequence[tuple[int, Message]]) -> dict[int, str]:
        """Publish some of a batch; give the reasons of what will never be taken, by the index in it."""
        config = self._config
        rejected: dict[int, str] = {}
        fitting: list[tuple[int, Message]] = []
        for index, message in numbered:
            length, room = len(message.payload), line.room(message.id, config.stream)
            if length <= room:
                fitting.append((index, message))
            else:
                rejected[index] = f"it has {length} bytes; the server's max_payload leaves room for {room}"
        if not fitting:
            return rejected
        refusals = await line.publish(
            config.subject, config.stream, [message for _, message in fitting], self._taken
        )
        for number, refusal in sorted(refusals.items()):
            if refusal.code != TOO_LONG:
                await self.close()
                raise self._unavailable(refusal.reason)
            index, message = fitting[number]
            rejected[index] = f"it has {len(message.payload)} bytes; the stream's max_msg_size allows less"
        return rejected

    async def _connected(self) -> Line:
        """Connect, and get the stream ready."""
        await self.close()
        line, _ = await self._connect()
        try:
            async with self._translated():
                await self._prepare(line)
        except BaseException:
            await line.close()
            raise
        self._line = line
        return line

    async def _connect(self) -> tuple[Line, Address]:
        """Connect to the first server that lets us."""
        faults: list[str] = []
        addresses = self._config.addresses
        for address in addresses:
            try:
                line = await self._connect_to(address)
            except KNOWN as error:
                faults.append(self._reason_of(error))
            else:
                if line.version >= _OLDEST:
                    return line, address
                await line.close()
                have, need = (".".join(map(str, one)) for one in (line.version, _OLDEST))
                faults.append(f"it is NATS {have}, too old; install {need} or newer")
        if len(faults) == 1:
            raise self._unavailable(faults[0])
        raise self._unavailable("; ".join(map("{0.where}: {1}".format, addresses, faults)))

    async def _connect_to(self, address: Address) -> Line:
        config, trust = self._config, None
        if address.scheme == "tls":
            trust = await anyio.to_thread.run_sync(make_tls, config, self._name)
        return await Line.connect(address, await self._login(), config.timeout, trust)

    async def _login(self) -> Login:
        content = await self._credentials.read()
        try:
            credentials = None if content is None else Credentials(content)
        except ValueError as error:
            file = self._config.credentials_file
            where = "the variable of credentials_env" if file is None else f"file {file}"
            raise SinkUnavailableError(f"Sink {self._name!r}: {where} {error}") from None
        return Login(await self._password.read(), await self._token.read(), credentials)

    async def _prepare(self, line: Line) -> None:
        """Look at the stream, or make it."""
        config = self._config
        info = await line.find(config.stream)
        if info is None:
            self._refuse_missing()
            info = await line.make(
                StreamConfig(
                    name=config.stream,
                    subjects=[config.subject],
                    storage=StorageType.FILE,
                    duplicate_window=config.duplicate_window,
                    num_replicas=config.replicas,
                    max_age=config.max_age,
                )
            )
        doubts, before = self._examine(info), self._doubts
        self._doubts = doubts
        if doubts and doubts != before:
            self._observe(StreamDoubted(self._name, config.stream, doubts))

    def _examine(self, info: StreamInfo) -> list[str]:
        """Make sure that the stream takes events; say what it does not promise."""
        reason = unfit(info.config, self._config.subject)
        if reason is not None:
            raise self._unavailable(reason)
        return doubts_about(info.config, self._config.duplicate_window)

    def _refuse_missing(self) -> None:
        if not self._config.create:
            raise self._unavailable(
                f"there is no stream {self._config.stream}; write create = true, or make it"
            )

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        """Raise what goes wrong inside as what the pipeline can react to, and hang up."""
        try:
            yield
        except KNOWN as error:
            await self.close()
            raise self._unavailable(self._reason_of(error)) from error

    def _reason_of(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within {self._config.timeout:g}s"
        return reason_of(error)

    def _unavailable(self, reason: str) -> SinkUnavailableError:
        return SinkUnavailableError(f"Sink {self._name!r} can't publish to NATS at {self._where}: {reason}")
