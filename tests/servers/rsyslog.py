"""A private rsyslog: on free ports, in a folder of its own, gone with whoever made it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.servers.tls import Certificate

_WITHIN = 30.0
_CONFIG = """
global(workDirectory="{folder}" maxMessageSize="8k"{trust})
module(load="imtcp"{driver}) module(load="imudp")
input(type="imtcp" port="{tcp}" address="127.0.0.1") input(type="imudp" port="{udp}" address="127.0.0.1")
template(name="all" type="list") {{
    property(name="pri") constant(value="\\t") property(name="timereported" dateFormat="rfc3339")
    constant(value="\\t") property(name="hostname") constant(value="\\t") property(name="app-name")
    constant(value="\\t") property(name="msgid") constant(value="\\t") property(name="structured-data")
    constant(value="\\t") property(name="msg") constant(value="\\n")
}}
action(type="omfile" file="{folder}/messages" template="all")
"""


_TRUST = (
    ' defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="{senders}"'
    ' defaultNetstreamDriverCertFile="{own.file}" defaultNetstreamDriverKeyFile="{own.key}"'
)
_DRIVER = ' StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.Authmode="x509/certvalid"'


class Encryption(NamedTuple):
    """How a receiver takes TLS connections instead of others.

    Attributes:
        own: Its certificate.
        senders: The certificate of whoever may send, or of their authority.
    """

    own: Certificate
    senders: Path


class Rsyslog(NamedTuple):
    """A receiver that runs: its ports on loopback, and the file that it writes."""

    tcp: int
    udp: int
    file: Path

    def wait_for(self, count: int) -> list[list[str]]:
        """Give the fields of that many messages, once they are there."""
        lines: list[str] = []
        deadline = time.monotonic() + _WITHIN
        while time.monotonic() < deadline:
            lines = self.file.read_text().splitlines() if self.file.exists() else []
            if len(lines) >= count:
                return [line.split("\t") for line in lines]
            time.sleep(0.02)
        raise AssertionError(f"only {len(lines)} of {count} messages came")


@contextmanager
def rsyslog(folder: Path, encryption: Encryption | None = None) -> Iterator[Rsyslog]:
    """Run one; skips the test where it is not installed."""
    path = shutil.which("rsyslogd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        pytest.skip("rsyslogd is not installed (Debian: rsyslog)")
    if encryption is not None and not any(
        found for where in ("lib*", "lib*/*") for found in Path("/usr").glob(f"{where}/rsyslog/lmnsd_gtls.so")
    ):
        pytest.skip("rsyslogd knows no TLS (Debian: rsyslog-gnutls)")
    tcp, udp = _free_port(socket.SOCK_STREAM), _free_port(socket.SOCK_DGRAM)
    config = folder / "rsyslog.conf"
    trust = driver = ""
    if encryption is not None:
        trust, driver = _TRUST.format(senders=encryption.senders, own=encryption.own), _DRIVER
    config.write_text(_CONFIG.format(folder=folder, tcp=tcp, udp=udp, trust=trust, driver=driver))
    command = [path, "-n", "-f", str(config), "-i", str(folder / "pid")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(tcp)
            yield Rsyslog(tcp, udp, folder / "messages")
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _WITHIN
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("rsyslogd does not listen")


def _free_port(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
