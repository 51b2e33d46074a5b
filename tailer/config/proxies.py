"""The proxy that the environment names for a way to somewhere.

aiohttp's own ``trust_env`` is not used: it reads ``~/.netrc`` for every request, adds a second scheme of
authentication where it finds one, and takes two threads a request to do so.
"""

from __future__ import annotations

from base64 import b64encode
from typing import NamedTuple
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from tailer.errors import ConfigError


class Proxy(NamedTuple):
    """A proxy's URL without its user, and the headers that name the user to it."""

    url: URL
    headers: dict[str, str]


def find_proxy(target: URL) -> Proxy | None:
    """Return what ``HTTPS_PROXY`` and ``NO_PROXY`` ask for; ``None``: go straight, as always over plain HTTP.

    Raises:
        ConfigError: The variable holds no URL of an HTTP proxy. It is not shown, it may hold a password.
    """
    text = getproxies().get("https") if target.scheme == "https" else None
    if not text or proxy_bypass(target.host or ""):
        return None
    url = parse_url(text if "://" in text else f"http://{text}")
    if url is None or url.host is None or url.scheme not in ("http", "https"):
        raise ConfigError("HTTPS_PROXY: not the URL of an HTTP proxy; write for example 'http://proxy:3128'")
    if url.user is None:
        return Proxy(url, {})
    user = b64encode(f"{url.user}:{url.password or ''}".encode()).decode("ascii")
    return Proxy(url.with_user(None), {"Proxy-Authorization": f"Basic {user}"})


def parse_url(text: str) -> URL | None:
    """Read a URL; ``None``: it is none."""
    try:
        return URL(text.strip())
    except ValueError:
        return None
