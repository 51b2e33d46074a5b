"""What we prove ourselves with: kept out of every text, sent in exactly one scheme."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tailer.errors import ConfigError

_HEADER_TEXT = re.compile(r"[!-~]+")
_MASK = b"[redacted]"
_SHORTEST_MASKED = 12  # Cloudflare's have 37 and more; masking a test's "key" would eat ordinary words


@dataclass(frozen=True)
class Credentials:
    """A token, or the legacy pair of e-mail and global API key; never both. ``repr`` shows neither.

    Raises:
        ConfigError: Both schemes, none, half a pair, or a value that can't be sent in a header.
    """

    token: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.token is not None:
            if self.email is not None or self.key is not None:
                raise ConfigError("credentials: give a token, or an e-mail with a key, not both")
            _check("API token", self.token)
            return
        if self.email is None or self.key is None:
            raise ConfigError("credentials: give a token, or an e-mail together with its API key")
        _check("API e-mail", self.email)
        _check("API key", self.key)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that prove who we are, of one scheme only."""
        if self.token is not None:
            return {"Authorization": f"Bearer {self.token}"}
        return {"X-Auth-Email": self.email or "", "X-Auth-Key": self.key or ""}

    def mask(self, body: bytes) -> bytes:
        """Return an answer's body without our secret, should the API or a proxy have echoed it."""
        secret = self.token or self.key or ""
        if len(secret) < _SHORTEST_MASKED:
            return body
        return body.replace(secret.encode("ascii"), _MASK)


def _check(what: str, value: str) -> None:
    """Refuse what would break out of its header, without showing it."""
    if not value:
        raise ConfigError(f"credentials: the {what} is empty")
    if not _HEADER_TEXT.fullmatch(value):
        raise ConfigError(
            f"credentials: the {what} has a space, a line break or another character that it can't have; "
            "give the bare value, without a word before it"
        )
