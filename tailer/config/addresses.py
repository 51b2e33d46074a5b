"""Addresses of this machine: where the service listens, and which hosts are this machine itself."""

from __future__ import annotations

import re
from ipaddress import ip_address

import msgspec

_EXAMPLE = '"127.0.0.1:9464"'
_SHAPE = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,5})")


class Address(msgspec.Struct, frozen=True):
    """Where something listens.

    Attributes:
        host: An IP address, or ``localhost``.
        port: TCP port; 0: one that the system chooses.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine gets there."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its very name; no resolver is asked."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_address(raw: object) -> Address:
    """Read an address to listen on.

    Raises:
        ValueError: It is none; the message shows a good one.
    """
    text = str(raw).strip() if isinstance(raw, str | int) and not isinstance(raw, bool) else ""
    if not text:
        raise ValueError(f"must be an address such as {_EXAMPLE}")
    if text.count(":") > 1 and "[" not in text:
        raise ValueError('an IPv6 address goes into brackets, as in "[::1]:9464"')
    found = _SHAPE.fullmatch(text if ":" in text else f":{text}")
    if found is None:
        raise ValueError(f"is no address and port; write for example {_EXAMPLE}")
    host, port = found["six"] or found["host"], int(found["port"])
    if not host:
        raise ValueError(
            f'names no address: write "127.0.0.1:{port}" to be reached from this machine only,'
            f' or "0.0.0.0:{port}" from everywhere'
        )
    if host != "localhost" and not _is_ip(host):
        raise ValueError(f"must begin with an IP address of this machine or localhost, as in {_EXAMPLE}")
    if port > 65_535:
        raise ValueError(f"has the port {port}; ports go up to 65535")
    return Address(host, port)


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
