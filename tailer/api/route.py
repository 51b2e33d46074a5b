"""The way to the API: its base URL, and the proxy that the environment names for it.

aiohttp's own ``trust_env`` is not used: it reads ``~/.netrc`` for every request, adds a second scheme of
authentication where it finds one, and takes two threads a request to do so.
"""

from __future__ import annotations

from base64 import b64encode
from ipaddress import ip_address
from typing import NamedTuple
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from tailer.errors import ConfigError

BASE_URL = "https://api.cloudflare.com/client/v4"
"""Where Cloudflare's API lives."""


class Proxy(NamedTuple):
    """A proxy's URL without its user, and the headers that name the user to it."""

    url: URL
    headers: dict[str, str]


def parse_base_url(text: str) -> URL:
    """Return the API's base URL, without a slash at its end.

    Raises:
        ConfigError: It is no ``https://`` URL (``http://`` is good for loopback only: the credentials would
            be readable on the wire), or has a user, a query or a fragment. It is then not shown.
    """
    url = _parse(text)
    if url is None or url.host is None or url.scheme not in ("http", "https"):
        raise ConfigError(f"[api] base_url: not a URL; write for example {BASE_URL!r}")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise ConfigError("[api] base_url: http:// would show the credentials to the network; write https://")
    if url.user or url.password or url.query_string or url.fragment:
        raise ConfigError("[api] base_url: a user, a query or a fragment does not belong in it")
    return URL(str(url).rstrip("/"), encoded=True)


def find_proxy(base_url: URL) -> Proxy | None:
    """Return what ``HTTPS_PROXY`` and ``NO_PROXY`` ask for; ``None``: go straight, as always to loopback.

    Raises:
        ConfigError: The variable holds no URL of an HTTP proxy. It is not shown, it may hold a password.
    """
    text = getproxies().get("https") if base_url.scheme == "https" else None
    if not text or proxy_bypass(base_url.host or ""):
        return None
    url = _parse(text if "://" in text else f"http://{text}")
    if url is None or url.host is None or url.scheme not in ("http", "https"):
        raise ConfigError("HTTPS_PROXY: not the URL of an HTTP proxy; write for example 'http://proxy:3128'")
    if url.user is None:
        return Proxy(url, {})
    user = b64encode(f"{url.user}:{url.password or ''}".encode()).decode("ascii")
    return Proxy(url.with_user(None), {"Proxy-Authorization": f"Basic {user}"})


def _parse(text: str) -> URL | None:
    try:
        return URL(text.strip())
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
