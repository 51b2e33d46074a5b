"""Adds events to a stream of Redis or Valkey, each at least once.

Rules:

1. An entry gets its id from the server (``*``): ids of our own would have to grow, and those of late events
   do not. The event's id is a field, by which a reader can tell an event that came again.
2. Entries go out in pipelines, outside of a transaction, and each has an answer of its own. What was taken of
   a batch is remembered until all of it was, so that only what was refused, or got no answer, is sent again.
3. The client itself tries nothing twice: it would not know what was taken.
4. Watermarks are entries like the others; their ids end in ``/watermark``, and come again and again.
5. What an error asks for stands at `tailer.sinks.redis.faults`.

Source: Redis's documentation, "XADD" and "Redis pipelining".
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import anyio.to_thread
from msgspec import Meta

from tailer.errors import SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Watermark
from tailer.sinks.address import Address, read_address
from tailer.sinks.extras import extra
from tailer.sinks.formats.choice import make_format
from tailer.sinks.formats.watermarks import id_of, render_watermarks
from tailer.sinks.options import SinkContext
from tailer.sinks.secrets import SecretSource, check_pair
from tailer.sinks.tls import Timeout, TlsOptions, check_tls, make_tls

with extra("redis"):
    from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError

    from tailer.sinks.redis.faults import reason_of

_PORTS = {"redis": 6379, "rediss": 6379}

_PIPELINE = 1000
"""Entries of one pipeline: more makes nothing faster, and the server keeps the answers in its memory."""


class RedisSink:
    """A stream in Redis or Valkey, each event in it at least once.

    Args:
        config: See `Config`.
        context: Names the sink; its environment has the password.

    Raises:
        ConfigError: The password's variable is not set.
    """

    class Config(TlsOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Options, besides those of TLS, which ``rediss://`` asks for.

        Attributes:
            url: Where the server is: ``redis://user@host:6379/0``, with ``rediss`` for TLS. The path is the
                number of the database, 0 by default; without a user it is Redis's own ("default").
            password_env: The variable that holds the password.
            password_file: A file that holds it; read again for each connection.
            stream: The key of the stream, which is made with its first entry.
            max_length: Most entries that the stream keeps, roughly: the oldest are dropped in whole nodes, so
                there may be some hundred more. Absent: all, until the server's memory is full.
            timeout: Longest wait for a connection, and for the answers to up to 1000 entries.
        """

        url: str = "redis://127.0.0.1:6379"
        password_env: str | None = None
        password_file: Path | None = None
        stream: Annotated[str, Meta(min_length=1, max_length=1000)] = "tailer:events"
        max_length: Annotated[int, Meta(ge=1)] | None = None
        timeout: Timeout = 10.0

        def __post_init__(self) -> None:
            check_pair("password", self.password_env, self.password_file)
            check_tls(self)
            address = self.address
            if address.path and not (address.path.isascii() and address.path.isdigit()):
                raise ValueError("url must end with the number of a database, such as /0")
            if address.scheme == "redis" and (self.ca_file or self.cert_file or not self.verify):
                raise ValueError("ca_file, cert_file and verify have no effect without rediss:// in url")

        @property
        def no_fields(self) -> None:
            """Why fields can't be chosen: they can."""

        @property
        def address(self) -> Address:
            """Where the server is."""
            return read_address("url", self.url, _PORTS)

    def __init__(self, config: Config, context: SinkContext) -> None:
        self._config = config
        self._name = context.name
        variable, file = config.password_env, config.password_file
        self._password = SecretSource(
            context.name, "password", variable, file, context.environ, any_text=True
        )
        self._format = make_format("jsonl", fields=context.fields)
        self._client: Redis | None = None
        self._taken: set[str] = set()

    async def check(self) -> str:
        """Say which server and stream would get events, and what the server does to keep them.

        Raises:
            SinkUnavailableError: They could not be delivered now; the message says why and what to do.
        """
        config = self._config
        async with self._translated():
            client = await self._connect()
            try:
                facts: dict[str, Any] = await client.info()
                kind = _text(await client.type(config.stream))
                count = await client.xlen(config.stream) if kind == "stream" else 0
            finally:
                await client.aclose()
        if kind not in {"stream", "none"}:
            raise self._unavailable(f"the key {config.stream} holds a {kind}; name another")
        if facts.get("role") == "slave" and facts.get("slave_read_only"):
            raise self._unavailable("it is a replica, which takes no writes; name the primary in url")
        return f"{_describe(facts, config.address)}; the stream {config.stream} has {count} entries"

    async def open(self, resume: Resume) -> bytes | None:  # noqa: ARG002 - the journal knows what is accepted
        """Connect; writes nothing.

        Raises:
            SinkUnavailableError: The server is away, or does not let us in.
        """
        await self._connected()
        return None

    async def write(self, batch: Batch) -> bytes | None:
        """Add a batch, but for what the server has taken of it in an earlier try.

        Raises:
            SinkUnavailableError: The server is away, or does not take what it is sent, whatever that is.
        """
        records = await anyio.to_thread.run_sync(self._format.render, batch.events)
        ids = [event.id for event in batch.events]
        entries = [one for one in zip(ids, records.split(b"\n"), strict=False) if one[0] not in self._taken]
        await self._send(entries)
        self._taken.clear()
        return None

    async def mark(self, watermarks: Sequence[Watermark]) -> bytes | None:
        """Add an entry for each watermark; after a failure all of them again.

        Raises:
            SinkUnavailableError: The server is away, or does not take what it is sent, whatever that is.
        """
        records = render_watermarks(watermarks).split(b"\n")
        ids = [id_of(one) for one in watermarks]
        try:
            await self._send(list(zip(ids, records, strict=False)))
        finally:
            self._taken.difference_update(ids)
        return None

    async def close(self) -> None:
        """Hang up; what was answered is the server's."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(RedisError, OSError):
                await client.aclose()

    async def _send(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Add entries, a pipeline after the other; raises ``SinkUnavailableError``."""
        client = self._client or await self._connected()
        async with self._translated():
            for first in range(0, len(entries), _PIPELINE):
                await self._add(client, entries[first : first + _PIPELINE])

    async def _add(self, client: Redis, entries: Sequence[tuple[str, bytes]]) -> None:
        """Add entries and note which were taken; raises the first refusal, if there is one."""
        config = self._config
        pipeline = client.pipeline(transaction=False)
        for event_id, record in entries:
            pipeline.xadd(config.stream, {"id": event_id, "event": record}, maxlen=config.max_length)
        async with asyncio.timeout(config.timeout):
            answers = await pipeline.execute(raise_on_error=False)
        refusal = None
        for (event_id, _), answer in zip(entries, answers, strict=True):
            if not isinstance(answer, Exception):
                self._taken.add(event_id)
            elif refusal is None:
                refusal = answer
        if refusal is not None:
            raise refusal

    async def _connected(self) -> Redis:
        await self.close()
        async with self._translated():
            self._client = await self._connect()
        return self._client

    async def _connect(self) -> Redis:
        """Connect, and make sure that somebody answers."""
        config, address = self._config, self._config.address
        password = await self._password.read()
        way: dict[str, Any] = {"connection_class": Connection}
        if address.scheme == "rediss":
            trust = await anyio.to_thread.run_sync(make_tls, config, self._name)
            way = {"connection_class": _TlsConnection, "trust": trust}
        pool = ConnectionPool(
            **way,
            host=address.host,
            port=address.port,
            db=int(address.path or 0),
            username=address.user or None,
            password=None if password is None else password.reveal(),
            socket_timeout=config.timeout,
            socket_connect_timeout=config.timeout,
            protocol=2,  # the older one, which every server and proxy speaks
            retry=Retry(NoBackoff(), 0),
            max_connections=1,
            driver_info=None,  # its version would be looked up in files, and users need one right more
        )
        client = Redis.from_pool(pool)
        try:
            async with asyncio.timeout(config.timeout):
                await client.ping()
        except BaseException:
            await client.aclose()
            raise
        return client

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        """Raise what goes wrong inside as what the pipeline can react to, and hang up."""
        try:
            yield
        except (TimeoutError, RedisError, OSError) as error:
            await self.close()
            silent = isinstance(error, TimeoutError)
            reason = f"no answer within {self._config.timeout:g}s" if silent else None
            raise self._unavailable(reason or reason_of(error, self._config.stream)) from error

    def _unavailable(self, reason: str) -> SinkUnavailableError:
        where = self._config.address.where
        return SinkUnavailableError(f"Sink {self._name!r} can't write to Redis at {where}: {reason}")


class _TlsConnection(SSLConnection):
    """A connection whose TLS settings were made elsewhere, in a thread, for that reads files."""

    def __init__(self, *, trust: ssl.SSLContext, **options: Any) -> None:
        super().__init__(**options)
        self.ssl_context.context = trust


def _text(answer: bytes | str) -> str:
    return answer if isinstance(answer, str) else answer.decode()


def _describe(facts: dict[str, Any], address: Address) -> str:
    """Say what a server is, and whether it keeps what it has answered."""
    is_valkey = "valkey_version" in facts
    version = facts.get("valkey_version") if is_valkey else facts.get("redis_version", "(unknown version)")
    way = "encrypted" if address.scheme == "rediss" else "not encrypted"
    keeps = (
        "keeps an append-only file"
        if facts.get("aof_enabled")
        else "keeps no append-only file, so its crash loses what it took last"
    )
    return f"{'Valkey' if is_valkey else 'Redis'} {version} at {address.where}, {way}, {keeps}"
