"""The client and TLS: whom it trusts."""

import asyncio
import ssl
from pathlib import Path
from shutil import which

import pytest

from tailer.api.client import ApiClient
from tailer.api.gate import Gate
from tailer.config.credentials import BearerToken, Secret
from tailer.core.apitime import ApiTime
from tailer.core.budget import Budget
from tailer.errors import (
    ConfigError,
    TransportError,
)
from tests.integration.client_desk import TOKEN, LeapingClock, babble, client_of, page, serving, talking


async def test_a_tls_failure_names_the_option() -> None:
    """A failed handshake points to [api] ca_file."""
    async with talking(babble, until=b"\x16") as url, client_of(url.replace("http:", "https:")) as desk:
        error = await desk.fail()
    assert isinstance(error, TransportError)
    assert "TLS failed" in str(error)
    assert "[api] ca_file" in str(error)


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_a_bad_ca_file_is_refused(tmp_path: Path, text: str | None) -> None:
    """A ca_file that is missing or holds no certificate is a mistake of the configuration."""
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    clock = LeapingClock()
    with pytest.raises(ConfigError, match=r"^api\.ca_file: .*ca\.pem"):
        ApiClient(
            "noc",
            BearerToken(secret=Secret(TOKEN), origin="a test"),
            Gate(Budget(share=0.8, reserve=0.1)),
            ApiTime(0, 0),
            clock,
            ca_file=str(path),
        )


@pytest.mark.skipif(which("openssl") is None, reason="makes its certificate with openssl")
async def test_ca_file_is_trusted(tmp_path: Path) -> None:
    """A server whose authority only ca_file names is refused without it and read with it."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *(
            "-keyout",
            key,
            "-out",
            cert,
            "-days",
            "2",
            "-subj",
            "/CN=test",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await made.wait() == 0
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    async with serving(page(), tls=context) as (url, _):
        async with client_of(url) as desk:
            error = await desk.fail()
        assert "self-signed certificate" in str(error)
        assert "[api] ca_file" in str(error)
        async with client_of(url, ca_file=str(cert)) as desk:
            assert (await desk.read()).count == 1
