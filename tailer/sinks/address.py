"""Where a server is, as ``scheme://user@host:port/path``, without a password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit


class Address(NamedTuple):
    """A server's address, taken apart.

    Attributes:
        scheme: One of those that are allowed.
        host: A name or an IP address, without brackets.
        port: The one that is written, or else the scheme's.
        user: Who asks; empty: nobody in particular.
        path: What follows, without its slash.
    """

    scheme: str
    host: str
    port: int
    user: str
    path: str

    @property
    def where(self) -> str:
        """Host and port, for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def read_address(option: str, text: str, ports: Mapping[str, int]) -> Address:
    """Take an address apart.

    Args:
        option: What it was written for, for messages.
        text: The address.
        ports: Each scheme that is allowed, with the port that it means by default.

    Raises:
        ValueError: It is none; the message is one sentence without the address, which may hold a password.
    """
    scheme = next(iter(ports))
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    if parts.password is not None:
        raise ValueError(f"{option} must hold no password; name it with password_env or password_file")
    if parts.scheme not in ports or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(
            f'{option} is not understood; write "{scheme}://HOST:{ports[scheme]}"'
            f" (schemes: {', '.join(ports)})"
        )
    user = unquote(parts.username or "")
    return Address(parts.scheme, parts.hostname, port or ports[parts.scheme], user, parts.path.strip("/"))
