"""A way to a syslog receiver: UDP, TCP or TLS. All of it blocks: use a thread.

Source: RFC 5426 (UDP: a message a datagram), RFC 6587 section 3.4.1 and RFC 5425 (TCP, TLS: octet counting).
"""

from __future__ import annotations

import errno
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from tailer.core.durations import Seconds

_PROBATION: Seconds = 1.0
"""How long a receiver may take to hang up on one that it does not want, at least: rsyslog and others look at
certificates and addresses only once the connection is made, and say nothing. What was sent by then is lost.
"""

_FAREWELL: Seconds = 1.0
"""How long a receiver may take to close its side too."""


class Target(NamedTuple):
    """Where a receiver is.

    Attributes:
        host: Name or address.
        port: Number.
        is_udp: Whether datagrams go there, else a stream.
        timeout: For connecting, and for sending one batch.
    """

    host: str
    port: int
    is_udp: bool
    timeout: Seconds


class SyslogLine:
    """An open way.

    Args:
        target: Where to.
        tls: For TLS; ``None``: in the clear.

    Raises:
        OSError: Nobody answers there, or hangs up at once; of UDP only: there is no such address.
    """

    def __init__(self, target: Target, tls: ssl.SSLContext | None) -> None:
        self._is_udp = target.is_udp
        self._timeout = target.timeout
        began = time.monotonic()
        self._socket = _connect(target)
        try:
            if tls is not None:
                self._socket = tls.wrap_socket(self._socket, server_hostname=target.host)
            if not self._is_udp:
                self._await_refusal(max(_PROBATION, 2 * (time.monotonic() - began)))
        except BaseException:
            self._socket.close()
            raise

    @property
    def is_open(self) -> bool:
        """Whether the receiver has not closed its side, as far as is known: what is sent then is lost."""
        if self._is_udp:
            return True
        self._socket.settimeout(0)
        try:
            return self._socket.recv(1) != b""
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        finally:
            self._socket.settimeout(self._timeout)

    def _await_refusal(self, patience: Seconds) -> None:
        """Raise ``OSError`` if the receiver hangs up within `patience`."""
        self._socket.settimeout(patience)
        try:
            is_closed = self._socket.recv(1) == b""
        except TimeoutError:
            is_closed = False
        finally:
            self._socket.settimeout(self._timeout)
        if is_closed:
            raise OSError(errno.EPROTO, "it hangs up at once; its log may say what it wants of senders")

    def send(self, messages: Sequence[bytes]) -> None:
        """Hand messages to the system; raises ``OSError``."""
        if self._is_udp:
            for message in messages:
                self._socket.send(message)
        else:
            self._socket.sendall(b"".join(b"%d %s" % (len(message), message) for message in messages))

    def close(self) -> None:
        """Close it; what was sent still gets there.

        A socket that is closed while something of the receiver's lies unread in it (a TLS session's ticket)
        would take back what the receiver has not read yet.
        """
        with suppress(OSError, ValueError):
            self._socket.settimeout(_FAREWELL)
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket.unwrap()
            elif not self._is_udp:
                self._socket.shutdown(socket.SHUT_WR)
                while self._socket.recv(4096):
                    pass
        self._socket.close()


def _connect(target: Target) -> socket.socket:
    if not target.is_udp:
        return socket.create_connection((target.host, target.port), target.timeout)
    family, _, _, _, address = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM)[0]
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.settimeout(target.timeout)
        made.connect(address)
    except BaseException:
        made.close()
        raise
    return made
