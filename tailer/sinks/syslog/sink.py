"""Sends events to a syslog receiver: RFC 5424 over UDP, TCP or TLS.

Rules:

1. Syslog acknowledges nothing. What the system has taken from us counts as delivered: a receiver that dies, a
   connection that breaks with something under way, a datagram that is dropped lose events, and nobody knows.
2. What can be noticed is: a connection that the receiver has closed is opened anew before a batch, and a
   batch in which sending fails is sent again as a whole, so a part of it may come twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

import anyio.to_thread
from msgspec import Meta

from tailer.config.tables import Size
from tailer.config.words import quoted
from tailer.core.reasons import fault_of
from tailer.errors import SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch
from tailer.sinks.formats.choice import Template
from tailer.sinks.formats.chosen import ChosenField
from tailer.sinks.options import SinkContext
from tailer.sinks.syslog.line import SyslogLine, Target
from tailer.sinks.syslog.message import NAME, SyslogFormat
from tailer.sinks.tls import Timeout, TlsOptions, check_tls, make_tls

_NAMING = "write at most 32 visible ASCII characters without quotes, equals signs and brackets"

_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}  # RFC 5426, 6587 (as registered: RFC 3195), 5425


class SyslogSink:
    """A syslog receiver; what it loses is lost, for the protocol acknowledges nothing.

    Args:
        config: See `Config`.
        context: Names the sink.
    """

    class Config(TlsOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Options.

        Attributes:
            host: Name or address of the receiver. Required.
            port: Its port. Absent: 514 for UDP, 601 for TCP, 6514 for TLS.
            protocol: "tls", "tcp" (both with octet counting), or "udp", which loses messages without a trace.
            facility: What receivers sort by: "user", "daemon", "local0" to "local7" or any other by its name.
            app_name: Who sends, for receivers; visible ASCII.
            element: Name of the structured data element with the event's fields. The number is the one that
                RFC 5612 sets aside for examples: put your own enterprise number there if you have one.
            max_message: The longest message that the receiver takes; what does not fit goes without its
                details, and is rejected if it does not fit then. rsyslog's default.
            timeout: The longest wait for a connection, and for a batch to be sent.
            template: What the text of a message is, such as "{k} {name}"; times are UTC. Absent: that. See
                `tailer.sinks.formats.template`.
        """

        host: Annotated[str, Meta(min_length=1)]
        port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
        protocol: Literal["tls", "tcp", "udp"] = "tls"
        facility: Literal[
            "kern",
            "user",
            "mail",
            "daemon",
            "auth",
            "syslog",
            "lpr",
            "news",
            "uucp",
            "cron",
            "authpriv",
            "ftp",
            "ntp",
            "audit",
            "alert",
            "clock",
            "local0",
            "local1",
            "local2",
            "local3",
            "local4",
            "local5",
            "local6",
            "local7",
        ] = "user"
        app_name: Annotated[str, Meta(pattern="^[!-~]{1,48}$")] = "tailer"
        element: Annotated[str, Meta(pattern=f"^{NAME}$")] = "tailer@32473"
        max_message: Annotated[Size, Meta(ge=480, le=1_048_576)] = 8192
        timeout: Timeout = 10.0
        template: Template | None = None

        @property
        def no_fields(self) -> None:
            """Why fields can't be chosen: they can, as parameters of the element."""

        @property
        def no_watermarks(self) -> str:
            """Why watermarks can't be passed on."""
            return "would vouch for what syslog, which acknowledges nothing, may have lost; leave it out"

        def why_unfit(self, fields: Sequence[ChosenField]) -> str | None:
            """Say why a message can't have these fields; ``None``: it can."""
            wrong = next((one.name for one in fields if not re.fullmatch(NAME, one.name)), None)
            return None if wrong is None else f"{quoted(wrong)} is no parameter's name; {_NAMING}"

        def __post_init__(self) -> None:
            check_tls(self)
            if self.protocol != "tls" and (self.ca_file or self.cert_file or not self.verify):
                raise ValueError('ca_file, cert_file and verify need protocol = "tls"')

    def __init__(self, config: Config, context: SinkContext) -> None:
        self._config = config
        self._name = context.name
        port = config.port or _PORTS[config.protocol]
        self._target = Target(config.host, port, config.protocol == "udp", config.timeout)
        self._where = f"{config.protocol} {config.host}:{port}"
        self._format = SyslogFormat(
            config.facility,
            config.app_name,
            config.element,
            config.max_message,
            fields=context.fields,
            template=config.template,
        )
        self._line: SyslogLine | None = None

    async def check(self) -> str:
        """Say whether somebody takes connections there.

        Raises:
            SinkUnavailableError: Nobody does; the message says why.
        """
        await anyio.to_thread.run_sync(self._open)
        await self.close()
        told = "nobody can tell whether anybody listens" if self._target.is_udp else "somebody listens"
        return f"{self._where}: {told}; syslog acknowledges nothing"

    async def open(self, resume: Resume) -> bytes | None:  # noqa: ARG002 - nobody knows what the receiver has
        """Connect; sends nothing.

        Raises:
            SinkUnavailableError: Nobody answers; the message says why.
        """
        await anyio.to_thread.run_sync(self._open)
        return None

    async def write(self, batch: Batch) -> bytes | None:
        """Send a batch; returns once the system has taken it.

        Raises:
            SinkUnavailableError: It can't be sent.
            SinkRejectedError: Messages that are too long; the others are sent.
        """
        rejected = await anyio.to_thread.run_sync(self._write, batch)
        if rejected:
            raise SinkRejectedError("too long", rejected=rejected)
        return None

    async def close(self) -> None:
        """Close the connection, so that what was sent still gets there."""
        await anyio.to_thread.run_sync(self._close)

    def _open(self) -> SyslogLine:
        self._close()
        tls = make_tls(self._config, self._name) if self._config.protocol == "tls" else None
        try:
            self._line = SyslogLine(self._target, tls)
        except OSError as error:
            raise self._unavailable("can't connect", error, "; check host, port and protocol") from error
        return self._line

    def _write(self, batch: Batch) -> dict[int, str]:
        rendered = [self._format.render(event) for event in batch.events]
        line = self._line
        if line is None or not line.is_open:
            line = self._open()
        try:
            line.send([message for message in rendered if message is not None])
        except OSError as error:
            self._close()
            raise self._unavailable("can't send", error) from error
        reason = f"its message is longer than max_message = {self._config.max_message} bytes"
        return {index: reason for index, message in enumerate(rendered) if message is None}

    def _close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _unavailable(self, what: str, error: OSError, advice: str = "") -> SinkUnavailableError:
        reason = "no answer in time" if isinstance(error, TimeoutError) else fault_of(error)
        return SinkUnavailableError(f"Sink {self._name!r} {what} to {self._where}: {reason}{advice}")
