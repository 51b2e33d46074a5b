"""What may be written in the table of a sink of type "nats"."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from tailer.config.tables import Duration
from tailer.sinks.address import Address, read_address
from tailer.sinks.secrets import check_pair
from tailer.sinks.tls import Timeout, TlsOptions, check_tls

_PORTS = {"nats": 4222, "tls": 4222}


class NatsConfig(TlsOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of a sink of type "nats", besides those of TLS, which ``tls://`` asks for.

    Attributes:
        servers: Where the servers are, tried in this order: ``nats://user@host:4222``, ``tls`` for TLS.
        password_env: The variable that holds the user's password.
        password_file: A file that holds it; read again for each connection.
        token_env: The variable that holds a token, for servers that ask for one instead.
        token_file: A file that holds it; read again for each connection.
        credentials_env: The variable that holds what a credentials file (``.creds``) does, for servers
            that ask for one.
        credentials_file: That file; read again for each connection.
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
    credentials_env: str | None = None
    credentials_file: Path | None = None
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
        check_pair("credentials", self.credentials_env, self.credentials_file)
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
        has_credentials = bool(self.credentials_env or self.credentials_file)
        if has_token + has_credentials + (has_password or any(users)) > 1:
            raise ValueError("user and password, a token, and credentials exclude each other; keep one")
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
