"""What aiohttp gives and raises, as what the house knows: a bounded body, or a `TransportError`."""

from __future__ import annotations

import ssl

import aiohttp

from tailer.api.refusals import Subject
from tailer.config.certificates import trusting
from tailer.core.reasons import fault_of
from tailer.errors import ConfigError, TransportError, WireFormatError


def trust(ca_file: str | None) -> ssl.SSLContext | bool:
    """Return what TLS trusts: the system's authorities (``True``), and those of a PEM file if one is named.

    Raises:
        ConfigError: The file can't be read or holds no certificate.
    """
    if ca_file is None:
        return True  # aiohttp has loaded those once, for all clients
    try:
        return trusting(ca_file)
    except ValueError as error:
        raise ConfigError(f"api.ca_file: {error}") from error


async def read_body(response: aiohttp.ClientResponse, max_bytes: int, subject: Subject) -> bytes:
    """Return the whole body, uncompressed.

    Raises:
        WireFormatError: It is longer than `max_bytes`; the rest was not read.
    """
    chunks: list[bytes] = []
    size = 0
    while chunk := await response.content.readany():
        chunks.append(chunk)
        size += len(chunk)
        if size > max_bytes:
            raise WireFormatError(
                f"The answer with the {subject} is longer than {max_bytes} bytes; lower [api] page_limit",
                status=response.status,
            )
    return b"".join(chunks)


def wrap(error: Exception, subject: Subject) -> tuple[TransportError, Exception | None]:
    """Return what became of a request without an answer, and the cause to show with it.

    Only the operating system's errors and time limits are shown: aiohttp's own quote what was sent, the
    credentials included, and what was received.
    """
    is_timeout = isinstance(error, TimeoutError)
    failure = TransportError(f"No answer with the {subject}: {_fate(error)}", timed_out=is_timeout)
    return failure, error if isinstance(error, OSError) else None


def _fate(error: Exception) -> str:
    """Return in words what befell a request."""
    match error:
        case TimeoutError():
            fate = "none came within [api] timeout"
        case aiohttp.ClientSSLError():
            hint = "if something on the way inspects TLS, name its authority in [api] ca_file"
            fate = f"TLS failed ({fault_of(error)}); {hint}"
        case aiohttp.ClientProxyConnectionError():
            fate = f"the environment's proxy can't be reached ({fault_of(error)})"
        case aiohttp.ClientHttpProxyError():
            fate = f"the environment's proxy refused with HTTP {error.status}"
        case aiohttp.ClientConnectorError():
            hint = "check the network and [api] base_url"
            fate = f"{error.host}:{error.port} can't be reached ({fault_of(error)}); {hint}"
        case aiohttp.ClientPayloadError():
            fate = "it broke off, or its encoding is damaged"
        case aiohttp.ClientResponseError():
            fate = "what came is not HTTP"
        case _:
            fate = f"the connection broke ({fault_of(error)})"
    return fate
