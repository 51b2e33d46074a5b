"""What can be said of a Kafka sink in the configuration."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from aiokafka.codec import has_lz4, has_snappy, has_zstd
from msgspec import Meta

from tailer.sinks.kafka.line import Broker
from tailer.sinks.secrets import check_pair
from tailer.sinks.tls import Timeout, TlsOptions, check_tls

_PORT = 9092

_SERVER = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^][\s:/@,]+))(?::(?P<port>[0-9]{1,5}))?")

_INSTALLED = {"snappy": has_snappy, "lz4": has_lz4, "zstd": has_zstd}


class KafkaConfig(TlsOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options, besides those of TLS.

    Attributes:
        servers: Some of the brokers as "HOST:9092", tried in this order; the one that answers names all
            others.
        topic: What events are written to.
        tls: Whether connections are encrypted.
        user: Who we are. Absent: nobody asks.
        mechanism: How we say so, as the brokers have it for this user. "PLAIN" shows them the password.
        password_env: The variable that holds the user's password.
        password_file: A file that holds it; read again for each connection.
        compression: How records are compressed; all but "gzip" need a package more, cramjam.
        idempotent: Whether what is sent is numbered, so that brokers know what comes again. Those before
            Kafka 2.8 want users to have the right IdempotentWrite for it.
        timeout: Longest wait for a connection, and for the acknowledgement of up to 250 kB.
    """

    servers: Annotated[tuple[str, ...], Meta(min_length=1)] = (f"127.0.0.1:{_PORT}",)
    topic: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,249}$")] = "tailer-events"
    tls: bool = False
    user: Annotated[str, Meta(min_length=1)] | None = None
    mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    password_env: str | None = None
    password_file: Path | None = None
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "none"
    idempotent: bool = True
    timeout: Timeout = 10.0

    def __post_init__(self) -> None:
        check_pair("password", self.password_env, self.password_file)
        check_tls(self)
        if not self.tls and (self.ca_file or self.cert_file or not self.verify):
            raise ValueError("ca_file, cert_file and verify have no effect without tls = true")
        if (self.user is None) != (self.password_env is None and self.password_file is None):
            raise ValueError(
                "user and password need each other; write user, and password_env or password_file"
            )
        if self.compression in _INSTALLED and not _INSTALLED[self.compression]():
            raise ValueError(
                f'compression "{self.compression}" needs the package cramjam; run:'
                ' pip install cramjam, or write "gzip"'
            )
        _ = self.brokers

    @property
    def no_fields(self) -> None:
        """Why fields can't be chosen: they can."""

    @property
    def brokers(self) -> list[Broker]:
        """Where the servers are."""
        return [_read_server(one) for one in self.servers]


def _read_server(text: str) -> Broker:
    found = _SERVER.fullmatch(text)
    port = int(found["port"] or _PORT) if found else 0
    if found is None or not 1 <= port <= 65_535:
        raise ValueError(f'each of servers is a host and a port; write "HOST:{_PORT}", without a scheme')
    return Broker(found["six"] or found["name"], port)
