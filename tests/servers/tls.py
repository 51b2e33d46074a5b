"""TLS in front of servers that may have been built without it, and certificates for it."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import which
from typing import NamedTuple

import pytest

from tests.servers.listener import listening

needs_openssl = pytest.mark.skipif(which("openssl") is None, reason="makes its certificate with openssl")
"""For tests that call `make_certificate`."""


class Certificate(NamedTuple):
    """A certificate that speaks for itself, and its key."""

    file: Path
    key: Path


def make_certificate(folder: Path) -> Certificate:
    """Make one for 127.0.0.1, and for no name."""
    made = Certificate(folder / "server.pem", folder / "server.key")
    command = ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=test"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]  # at once, unlike RSA's keys
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(made.key), "-out", str(made.file)]
    subprocess.run([*command, *names], check=True, capture_output=True)
    return made


@asynccontextmanager
async def in_front_of(port: int, certificate: Certificate, *, consent: bytes = b"") -> AsyncIterator[int]:
    """Speak TLS in front of a server; give the port.

    Args:
        port: The server's.
        certificate: What is shown.
        consent: Answer to the 8 bytes with which a client asks for TLS; empty: it does not ask.
    """
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trust.load_cert_chain(certificate.file, certificate.key)

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            target.write(data)
        target.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if consent:
            await reader.readexactly(8)
            writer.write(consent)
        await writer.start_tls(trust)
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))
        finally:
            inner_writer.transport.abort()

    async with listening(serve) as outer:
        yield outer
