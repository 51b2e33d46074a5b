"""Writes events to a table in PostgreSQL, each exactly once.

Rules:

1. Which events are there is told by the table itself (`tailer.sinks.postgres.table`), in the transaction that
   adds more. A connection that is lost in a commit leaves open whether it took place: the batch is written
   again, and what was there by then stays as it is.
2. What an error asks for stands at `tailer.sinks.postgres.faults`. PostgreSQL does not say which event it
   does not like, so nothing is named and smaller parts of the batch follow.
3. No answer within the timeout cuts the line. A server that lives gives up by itself a little earlier.
4. Months get their partitions ahead. Where that fails, for a lock or for lack of rights, events go to the
   default partition, and it is tried again: nothing waits for it.

The client is psycopg, whose libpq knows every way to a server that a PostgreSQL user knows (``.pgpass``,
services, several hosts, Kerberos). It is handed whole rows as bytes, so it costs next to nothing.

Source: PostgreSQL's manual, "Database Connection Control Functions".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

import anyio.to_thread
import msgspec
from msgspec import Meta

from tailer.config.tables import Duration
from tailer.core.durations import Seconds
from tailer.errors import SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Watermark
from tailer.sinks.extras import extra
from tailer.sinks.formats.chosen import FIXED_COLUMNS
from tailer.sinks.formats.copy_rows import CopyFormat
from tailer.sinks.options import SinkContext
from tailer.sinks.postgres.marks import MarkSql, values_of
from tailer.sinks.postgres.table import COPY, TableSql, begin, month_end, months_around
from tailer.sinks.secrets import SecretSource, check_pair

with extra("postgres"):
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    from tailer.sinks.postgres.faults import is_rejection, passes_by_itself, reason_of
    from tailer.sinks.postgres.line import Line

_TRIES = 3
"""Of a transaction that met another one; more in a row mean that something else is wrong."""

_MONTHS_AGAIN: Seconds = 3600.0


class PostgresSink:
    """A table of events in PostgreSQL, each in it exactly once.

    Args:
        config: See `Config`.
        context: Names the sink; its environment has the password, its clock tells which months are near.

    Raises:
        ConfigError: The password's variable is not set.
    """

    class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Options.

        Attributes:
            dsn: Where the database is, as PostgreSQL's own programs take it: ``postgresql://USER@HOST/DATABASE``
                or ``host=HOST dbname=DATABASE``, without a password. What it leaves out comes from where they
                take it: variables such as ``PGHOST``, service files, ``.pgpass``.
            password_env: The variable that holds the password.
            password_file: A file that holds it; read again for each connection.
            sslmode: As in libpq; "verify-full" is the one that knows whom it talks to. Absent: what `dsn` or
                ``PGSSLMODE`` say, else "prefer", which is right for one's own machine only.
            ca_file: PEM file of authorities to trust instead of libpq's choice.
            cert_file: PEM file of our own certificate.
            key_file: PEM file of its key, which others must not be able to read.
            table: The table, in lower case, perhaps with its schema: "telemetry.events".
            create: Whether the table, with indexes and views, is made if it is missing.
            partition: "month": a table that is made has a partition for each month.
            timeout: Longest wait for a connection, and for each statement of a batch.
        """

        dsn: str = ""
        password_env: str | None = None
        password_file: Path | None = None
        sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] | None = None
        ca_file: Path | None = None
        cert_file: Path | None = None
        key_file: Path | None = None
        table: Annotated[str, Meta(pattern=r"^([a-z_][a-z0-9_]{0,40}\.)?[a-z_][a-z0-9_]{0,40}$")] = (
            "tailer_events"
        )
        create: bool = False
        partition: Literal["none", "month"] = "none"
        timeout: Annotated[Duration, Meta(ge=1, le=600)] = 30.0

        def __post_init__(self) -> None:
            check_pair("password", self.password_env, self.password_file)
            try:
                given = conninfo_to_dict(self.dsn)
            except psycopg.Error:  # whose words may hold a password
                raise ValueError(
                    'dsn is not understood; write "postgresql://USER@HOST/DATABASE" or "host=... dbname=..."'
                ) from None
            if {"password", "sslpassword"} & given.keys():
                raise ValueError("dsn must hold no password; name it with password_env or password_file")
            if self.partition != "none" and not self.create:
                raise ValueError("partition has no effect without create = true; add it")

        @property
        def no_fields(self) -> str:
            """Why fields can't be chosen."""
            return FIXED_COLUMNS

        @property
        def encryption(self) -> dict[str, str]:
            """What libpq is told of TLS."""
            options = {
                "sslmode": self.sslmode,
                "sslrootcert": self.ca_file,
                "sslcert": self.cert_file,
                "sslkey": self.key_file,
            }
            return {name: str(value) for name, value in options.items() if value is not None}

    def __init__(self, config: Config, context: SinkContext) -> None:
        self._config = config
        self._name = context.name
        self._clock = context.clock
        variable, file = config.password_env, config.password_file
        self._password = SecretSource(
            context.name, "password", variable, file, context.environ, any_text=True
        )
        self._sql = TableSql(config.table)
        self._marks = MarkSql(config.table)
        self._is_marked = context.watermarks
        self._format = CopyFormat()
        self._line: Line | None = None
        self._key = ""
        self._months_due = 0.0

    async def check(self) -> str:
        """Say which server and table would get events, and whether the way there is encrypted.

        Raises:
            SinkUnavailableError: They could not be delivered now; the message says why and what to do.
        """
        async with self._translated(), await self._connect() as line:
            found = "does not exist yet and is made"
            if not self._config.create or await line.ask(self._sql.describe):
                found = f"has about {await self._examine(line)} events and is added to"
            if self._is_marked and (not self._config.create or await self._has_marks(line)):
                await self._examine_marks(line)
            return f"{line.description}; the table {self._config.table} {found}"

    async def open(self, resume: Resume) -> bytes | None:  # noqa: ARG002 - the table knows what it has
        """Connect, make the table if that is wanted, and look whether it is fit; writes no event.

        Raises:
            SinkUnavailableError: It is not; the message says why and what to do.
        """
        await self._connected()
        return None

    async def write(self, batch: Batch) -> bytes | None:
        """Add a batch durably; what is there already stays as it is.

        Raises:
            SinkUnavailableError: The server is away, or does not take what it is sent, whatever that is.
            SinkRejectedError: An event can never be taken; nothing was added.
        """
        rows = await anyio.to_thread.run_sync(self._format.render, batch.events)
        line = self._line
        if line is None or line.is_closed:
            line = await self._connected()
        async with self._translated():
            await self._prepare_months(line)
            for tries_left in reversed(range(_TRIES)):
                try:
                    await self._store(line, rows)
                    break
                except psycopg.Error as error:
                    if not tries_left or not passes_by_itself(error):
                        raise
        return None

    async def mark(self, watermarks: Sequence[Watermark]) -> bytes | None:
        """Note durably how far connectors were read, in a table of its own with a row for each.

        Raises:
            SinkUnavailableError: The server is away, or does not take what it is sent, whatever that is.
        """
        line = self._line
        if line is None or line.is_closed:
            line = await self._connected()
        try:
            async with self._translated(), line.transaction(begin(self._config.timeout)):
                await line.run(self._marks.upsert, values_of(watermarks))
                await line.run("COMMIT")
        except SinkRejectedError as error:
            raise self._unavailable(f"{self._marks.table} refuses watermarks ({error})") from error
        return None

    async def close(self) -> None:
        """Let go of the connection; all that was accepted is committed."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    async def _connect(self) -> Line:
        password = await self._password.read()
        secret = {} if password is None else {"password": password.reveal()}
        config = self._config
        return await Line.connect(config.dsn, config.timeout, **config.encryption, **secret)

    async def _connected(self) -> Line:
        """Connect, and get the table ready."""
        await self.close()
        async with self._translated():
            line = await self._connect()
            try:
                if self._config.create and not await line.ask(self._sql.describe):
                    await line.run(self._sql.create(is_partitioned=self._config.partition == "month"))
                await self._examine(line)
                if self._is_marked:
                    if self._config.create and not await self._has_marks(line):
                        await line.run(self._marks.create)
                    await self._examine_marks(line)
            except BaseException:
                await line.close()
                raise
            self._line = line
            self._months_due = 0.0
            return line

    async def _examine(self, line: Line) -> int:
        """Look whether the table can take events; give about how many it has.

        Raises:
            SinkUnavailableError: It can't.
        """
        table = self._config.table
        facts = await line.ask(self._sql.describe)
        if not facts:
            raise self._unavailable(f"there is no table {table}; write create = true, or make it")
        kind, has_default, count, keys = facts[0]
        if kind == "p" and not has_default:
            raise self._unavailable(f"{table} has no default partition, for late events; make one")
        if self._config.partition == "month" and kind != "p":
            raise self._unavailable(f"{table} has no partitions; leave partition out, or name another table")
        self._key = next((one for one in ("id", "id,time") if one in keys), "")
        if not self._key:
            raise self._unavailable(
                f"{table} has no unique index on (id) or, partitioned, (id, time); make it"
            )
        await line.run(self._sql.look)
        await self._examine_rights(line, self._sql.rights)
        return int(count)

    async def _has_marks(self, line: Line) -> bool:
        """Tell whether the table for watermarks is there; who may not make tables may not even try."""
        return bool((await line.ask(self._marks.find))[0][0])

    async def _examine_marks(self, line: Line) -> None:
        """Look whether watermarks can be stored; raises ``SinkUnavailableError``."""
        if not await self._has_marks(line):
            raise self._unavailable(
                f"there is no table {self._marks.table} for watermarks; write create = true, or make it"
            )
        await line.run(self._marks.look)
        await self._examine_rights(line, self._marks.rights)

    async def _examine_rights(self, line: Line, question: str) -> None:
        missing = (await line.ask(question))[0][0]
        if missing:
            raise self._unavailable(f"this user has no right to {', '.join(missing)}; grant it")

    async def _store(self, line: Line, rows: bytes) -> None:
        """Run the transaction of a batch."""
        async with line.transaction(begin(self._config.timeout)):
            await line.copy(COPY, rows)
            await line.run(self._sql.finish(self._key))

    async def _prepare_months(self, line: Line) -> None:
        """Make the partitions of the months around the present one, when a new one has begun."""
        now = self._clock.wall()
        if self._config.partition != "month" or now < self._months_due:
            return
        self._months_due = month_end(now)
        for month in months_around(now):
            try:
                async with line.transaction("BEGIN; SET LOCAL lock_timeout = '1s'"):
                    await line.run(f"{self._sql.create_month(month)}; COMMIT")
            except psycopg.Error:
                if line.is_closed:
                    raise
                self._months_due = min(self._months_due, now + _MONTHS_AGAIN)

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        """Raise what goes wrong inside as what the pipeline can react to."""
        try:
            yield
        except psycopg.Error as error:
            reason = reason_of(error)
            if is_rejection(error):
                raise SinkRejectedError(reason) from error
            raise self._unavailable(reason) from error
        except TimeoutError as error:
            raise self._unavailable(f"no answer within {self._config.timeout:g}s") from error

    def _unavailable(self, reason: str) -> SinkUnavailableError:
        return SinkUnavailableError(f"Sink {self._name!r} can't write to PostgreSQL: {reason}")
