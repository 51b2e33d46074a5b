"""TLS options of sinks: what goes together, and what is said of files that can't be used."""

import ssl
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tailer.errors import SinkUnavailableError
from tailer.sinks.tls import TlsOptions, check_tls, make_tls

PEM = "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"key_file": Path("k.pem")}, "key_file has no effect without cert_file"),
        ({"ca_file": Path("ca.pem"), "verify": False}, "ca_file has no effect with verify = false"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], said: str) -> None:
    """What would silently do nothing is a mistake."""
    with pytest.raises(ValueError, match=said):
        check_tls(TlsOptions(**options))


def test_certificates_are_checked_unless_that_is_switched_off() -> None:
    """Without options the counterpart's certificate and name are checked; `verify` alone changes that."""
    check_tls(TlsOptions())
    context = make_tls(TlsOptions(), "siem")
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
    context = make_tls(TlsOptions(verify=False), "siem")
    assert not context.check_hostname
    assert context.verify_mode == ssl.CERT_NONE


@pytest.mark.parametrize("option", ["ca_file", "cert_file"])
@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file"), ("", "PEM"), ("no PEM", "PEM"), (PEM, "PEM")]
)
def test_a_bad_file_is_named(tmp_path: Path, option: str, content: str | None, said: str) -> None:
    """A file that is missing or no certificate makes the sink unavailable, with one sentence."""
    file = tmp_path / "x.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SinkUnavailableError, match=said) as caught:
        make_tls(msgspec.structs.replace(TlsOptions(), **{option: file}), "siem")
    assert str(caught.value).startswith("Sink 'siem': ")
    assert f"{option} {file}" in str(caught.value)
