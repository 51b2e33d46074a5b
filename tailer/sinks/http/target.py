"""Where requests go: an address that is safe to send to, and what of it may be shown."""

from __future__ import annotations

import re
from collections.abc import Mapping

from yarl import URL

from tailer.config.addresses import is_loopback
from tailer.config.proxies import parse_url
from tailer.config.words import quoted

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_TEXT = re.compile(r"[\t -~]*")
_SECRET = re.compile(r"authorization|cookie|token|secret|password|api-?key", re.IGNORECASE)
_OURS = frozenset({"content-length", "content-encoding", "transfer-encoding", "connection", "host"})


def read_target(text: str, *, plain_http: bool = False) -> URL:
    """Read an address; a message does not show it, it may hold a secret.

    Args:
        text: As written.
        plain_http: Whether ``http://`` may lead to another machine.

    Raises:
        ValueError: What is wrong with it, going on after its option's name.
    """
    url = parse_url(text)
    if url is None or url.host is None or url.scheme not in {"http", "https"}:
        raise ValueError('is no address; write for example "https://siem.example.com:8088"')
    if url.user or url.password:
        raise ValueError("holds a user; write user, and token_env or token_file")
    if url.fragment:
        raise ValueError("holds a fragment, which is never sent")
    if url.scheme == "http" and not plain_http and not is_loopback(url.host):
        raise ValueError(
            "would show events and credentials to the network; write https://, or plain_http = true if that"
            " is meant"
        )
    return url


def with_path(url: URL, path: str) -> URL:
    """Add the path, with its query, that follows an address without one; others stay as they are."""
    if url.path not in {"", "/"} or not path:
        return url
    return url.join(URL(path)).update_query(url.query)


def origin_of(url: URL) -> str:
    """Give scheme, host and port, which is all of an address that is shown."""
    return str(url.origin())


def check_name(name: str | None) -> None:
    """Make sure that a header can have this name; raises ``ValueError`` with one sentence."""
    if name is not None and (not _NAME.fullmatch(name) or name.lower() in _OURS):
        raise ValueError("token_header is no name of a header that can carry a token")


def check_headers(headers: Mapping[str, str]) -> None:
    """Make sure that headers can be sent and hold no secret; raises ``ValueError`` with one sentence."""
    for name, text in headers.items():
        if not _NAME.fullmatch(name) or not _TEXT.fullmatch(text):
            raise ValueError(f"headers: {quoted(name)} is no header, or its text is not plain ASCII")
        if name.lower() in _OURS:
            raise ValueError(f"headers: {quoted(name)} is set by tailer itself; remove it")
        if _SECRET.search(name):
            raise ValueError(
                f"headers: {quoted(name)} looks like a secret, which is not written here;"
                " use token_env or token_file, and token_header for its name"
            )
