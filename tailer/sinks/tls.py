"""TLS options of sinks that reach their counterpart over a network, and what they come to.

A sink's ``Config`` inherits `TlsOptions` and calls `check_tls` in its ``__post_init__``; its ``open`` calls
`make_tls` in a thread, each time, so that a certificate that was renewed is used after a failure.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from tailer.config.certificates import trusting
from tailer.config.tables import Duration
from tailer.errors import SinkUnavailableError

Timeout: TypeAlias = Annotated[Duration, Meta(ge=0.1, le=600)]
"""A field for the longest wait for one answer of a counterpart, seconds."""


class TlsOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a sink's TLS trusts, and how it shows who it is; keys of the sink's own table.

    Attributes:
        ca_file: PEM file of authorities to trust besides the system's.
        cert_file: PEM file of our own certificate with its chain, for counterparts that ask for one.
        key_file: PEM file of its key, without a passphrase. Absent: the key is in `cert_file`.
        verify: Whether the counterpart's certificate is checked. False shows what is sent, credentials
            included, to anybody who is on the way: for a trial, not for use.
    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    verify: bool = True


def check_tls(options: TlsOptions) -> None:
    """Compare the options with each other; raises ``ValueError`` with one sentence."""
    if options.key_file is not None and options.cert_file is None:
        raise ValueError("key_file has no effect without cert_file; add it")
    if options.ca_file is not None and not options.verify:
        raise ValueError("ca_file has no effect with verify = false; remove one")


def make_tls(options: TlsOptions, sink: str) -> ssl.SSLContext:
    """Make a client's TLS settings; blocks, for it reads files.

    Args:
        options: As configured.
        sink: The sink's name, for messages.

    Raises:
        SinkUnavailableError: A file can't be used; the message names it.
    """
    try:
        context = trusting(options.ca_file)
    except ValueError as error:
        raise SinkUnavailableError(f"Sink {sink!r}: ca_file {error}") from error
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.cert_file is not None:
        _show(context, options.cert_file, options.key_file, sink)
    return context


def _show(context: ssl.SSLContext, cert_file: Path, key_file: Path | None, sink: str) -> None:
    """Load our own certificate."""

    def refuse() -> str:  # asked for a passphrase; without this OpenSSL would ask on the terminal
        raise ValueError("the key has a passphrase; store it without one, readable by this user only")

    where = f"cert_file {cert_file}" if key_file is None else f"cert_file {cert_file}, key_file {key_file}"
    try:
        context.load_cert_chain(cert_file, key_file, password=refuse)
    except ssl.SSLError as error:
        reason = "no certificate with its key can be read from it; both have to be PEM and fit each other"
        raise SinkUnavailableError(f"Sink {sink!r}: {where}: {reason}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SinkUnavailableError(f"Sink {sink!r}: {where}: {reason}") from error
