"""The way to the API: its base URL."""

from __future__ import annotations

from yarl import URL

from tailer.config.addresses import is_loopback
from tailer.config.proxies import parse_url
from tailer.errors import ConfigError

BASE_URL = "https://api.cloudflare.com/client/v4"
"""Where Cloudflare's API lives."""


def parse_base_url(text: str) -> URL:
    """Return the API's base URL, without a slash at its end.

    Raises:
        ConfigError: It is no ``https://`` URL (``http://`` is good for loopback only: the credentials would
            be readable on the wire), or has a user, a query or a fragment. It is then not shown.
    """
    url = parse_url(text)
    if url is None or url.host is None or url.scheme not in ("http", "https"):
        raise ConfigError(f"[api] base_url: not a URL; write for example {BASE_URL!r}")
    if url.scheme == "http" and not is_loopback(url.host):
        raise ConfigError("[api] base_url: http:// would show the credentials to the network; write https://")
    if url.user or url.password or url.query_string or url.fragment:
        raise ConfigError("[api] base_url: a user, a query or a fragment does not belong in it")
    return URL(str(url).rstrip("/"), encoded=True)
