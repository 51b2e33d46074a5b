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
from pathlib import Path
from typing import Annotated

import anyio.to_thread
from msgspec import Meta

from tailer.config.tables import Duration
from tailer.core.durations import format_duration
from tailer.errors import SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch
from tailer.sinks.address import Address, read_address
from tailer.sinks.extras import extra
from tailer.sinks.formats.choice import make_format
from tailer.sinks.options import SinkContext
from tailer.sinks.secrets import SecretSource, check_pair
from tailer.sinks.text import escaped
from tailer.sinks.tls import Timeout, TlsOptions, check_tls, make_tls

with extra("nats"):
    from nats.js.api import StorageType, StreamConfig, StreamInfo

    from tailer.sinks.nats_faults import KNOWN, TOO_LONG, reason_of
    from tailer.sinks.nats_line import Line, Message
    from tailer.sinks.nats_stream import StreamDoubted, doubts_about, unfit

_PORTS = {"nats": 4222, "tls": 4222}

_UNDER_WAY = 1000
"""Messages without an answer: with a thousand the server is busy; more takes memory, and is no faster."""

_OLDEST = (2, 9, 0)
"""The oldest server that was tried, and the first that Debian has; NATS itself mends the newest two only."""


class NatsSink:
    """A stream in NATS JetStream.

    Args:
        config: See `Config`.
        context: Names the sink; its environment has the secrets, its observer is told of a stream's limits.

    Raises:
        ConfigError: A secret's variable is not set.
    """

    class Config(TlsOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Options, besides those of TLS, which ``tls://`` asks for.

        Attributes:
            servers: Where the servers are, tried in this order: ``nats://user@host:4222``, ``tls`` for TLS.
            password_env: The variable that holds the user's password.
            password_file: A file that holds it; read again for each connection.
            token_env: The variable that holds a token, for servers that ask for one instead.
            token_file: A file that holds it; read again for each connection.
            stream: The stream; another one that takes the subject is refused.
            subject: The subject of all messages, without wildcards.
            create: Whether the stream is made if it is missing, in files, for this subject. One that is there
                is never changed.
            duplicate_window: How long the stream has to remember ids, some 270 bytes of the server's memory
                each: longer than an outage or a crash lasts, by a minute. One that is made does; of one that
                forgets sooner it is said. NATS itself has 2 minutes.
            replicas: How many servers keep a stream that is made.
            max_age: How long a stream that is made keeps events; absent: for ever.
            timeout: Longest wait for a connection, and for the answers to up to 1000 messages.
        """

        servers: Annotated[tuple[str, ...], Meta(min_length=1)] = ("nats://127.0.0.1:4222",)
        password_env: str | None = None
        password_file: Path | None = None
        token_env: str | None = None
        token_file: Path | None = None
        stream: Annotated[str, Meta(pattern=r"^[^\s.*>/\\]{1,255}$")] = "tailer"
        subject: Annotated[str, Meta(pattern=r"^[^\s.*>]+(\.[^\s.*>]+)*$")] = "tailer.events"
        create: bool = False
        duplicate_window: Annotated[Duration, Meta(ge=0.1)] = 3600.0
        replicas: Annotated[int, Meta(ge=1, le=5)] = 1
        max_age: Annotated[Duration, Meta(ge=0.1)] | None = None
        timeout: Timeout = 10.0

        def __post_init__(self) -> None:
            check_pair("password", self.password_env, self.password_file)
            check_pair("token", self.token_env, self.token_file)
            check_tls(self)
            self._check_who()
            schemes = {address.scheme for address in self.addresses}
            if "tls" not in schemes and (self.ca_file or self.cert_file or not self.verify):
                raise ValueError("ca_file, cert_file and verify have no effect without tls:// in servers")
            if self.max_age is not None and self.max_age < self.duplicate_window:
                raise ValueError("max_age must not be less than duplicate_window")

        def _check_who(self) -> None:
            users = [bool(address.user) for address in self.addresses]
            has_password = bool(self.password_env or self.password_file)
            has_token = bool(self.token_env or self.token_file)
            if has_token and (has_password or any(users)):
                raise ValueError("a token is instead of user and password; keep one of both")
            if has_password and not all(users):
                raise ValueError("a password needs its user in each of servers; write nats://USER@HOST:4222")
            if any(users) and not has_password:
                raise ValueError(
                    "a user in servers needs password_env or password_file; a token belongs to token_env or"
                    " token_file"
                )

        @property
        def no_fields(self) -> None:
            """Why fields can't be chosen: they can."""

        @property
        def addresses(self) -> list[Address]:
            """Where the servers are."""
            return [read_address("servers", one, _PORTS) for one in self.servers]

    def __init__(self, config: Config, context: SinkContext) -> None:
        self._config = config
        self._name = context.name
        self._observe = context.observer
        self._password, self._token = (
            SecretSource(context.name, option, variable, file, context.environ, any_text=True)
            for option, variable, file in (
                ("password", config.password_env, config.password_file),
                ("token", config.token_env, config.token_file),
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
        messages = [
            (index, Message(*one))
            for index, one in enumerate(zip(ids, records.split(b"\n"), strict=False))
            if one[0] not in self._taken
        ]
        line = self._line
        if line is None or line.is_closed:
            line = await self._connected()
        rejected: dict[int, str] = {}
        async with self._translated():
            for first in range(0, len(messages), _UNDER_WAY):
                rejected |= await self._publish(line, messages[first : first + _UNDER_WAY])
        self._taken.clear()
        if rejected:
            reasons = dict(sorted(rejected.items()))
            raise SinkRejectedError(next(iter(reasons.values())), rejected=reasons)
        return None

    async def close(self) -> None:
        """Hang up; what was answered is the server's."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()

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
        config = self._config
        password, token = await self._password.read(), await self._token.read()
        trust = None
        if address.scheme == "tls":
            trust = await anyio.to_thread.run_sync(make_tls, config, self._name)
        return await Line.connect(address, config.timeout, trust, password=password, token=token)

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
