"""Secrets: where they come from, and a wrapper that does not show them.

A token is named in the configuration by its variable or file, never written there. Messages name the
variable or the file; what it holds never leaves this module but through `Secret.reveal`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, TypeAlias

import msgspec

from tailer.errors import ConfigError

TOKEN_VARIABLE = "CLOUDFLARE_API_TOKEN"  # noqa: S105 - a variable's name
KEY_VARIABLE = "CLOUDFLARE_API_KEY"
EMAIL_VARIABLE = "CLOUDFLARE_EMAIL"

_MAX_TOKEN_FILE_BYTES = 64 * 1024  # a token has 40 to 60 characters; a log file named by mistake has more
_VISIBLE_ASCII = re.compile(r"[!-~]+")
# Whoever pastes the token itself as the name of its variable must not find it in a log. Tokens have small
# letters, variables by custom have none.
_SHOWABLE_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,60}")
_MASK = b"[redacted]"
_SHORTEST_MASKED = 12  # tokens have 20 characters and more; masking a test's "key" would eat ordinary words


class Secret:
    """A text that no ``repr``, format, log or encoder shows; `reveal` is the one way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text itself, for a request's header and nothing else."""
        return self._text

    def masked_in(self, answer: bytes) -> bytes:
        """Return a counterpart's answer without this secret, should it or a proxy have echoed it."""
        return answer if len(self._text) < _SHORTEST_MASKED else answer.replace(self._text.encode(), _MASK)

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not to be stored")


class BearerToken(msgspec.Struct, frozen=True, kw_only=True):
    """An API token.

    Attributes:
        secret: What goes into ``Authorization: Bearer``.
        origin: Where it came from, for messages: ``variable X`` or ``file /run/...``.
        file: The file it was read from, which may hold a newer one later; ``None`` for a variable.
    """

    secret: Secret
    origin: str
    file: Path | None = None

    def renewed(self) -> BearerToken:
        """Read the token's file again; a token from a variable stays what it is. Reads a file: use a thread.

        Raises:
            ConfigError: The file can't be read, or what it holds is no token.
        """
        if self.file is None:
            return self
        try:
            return read_token_file(self.file)
        except ValueError as error:
            raise ConfigError(str(error)) from error


class GlobalKey(msgspec.Struct, frozen=True, kw_only=True):
    """The older scheme: an account's e-mail address with its global API key.

    Attributes:
        email: What goes into ``X-Auth-Email``.
        secret: What goes into ``X-Auth-Key``.
        origin: Where the key came from, for messages.
    """

    email: str
    secret: Secret
    origin: str


Credentials: TypeAlias = BearerToken | GlobalKey
"""One scheme, never both (Cloudflare's rule)."""


def read_token_file(file: Path) -> BearerToken:
    """Read a token file; raises ``ValueError`` with a sentence that names the file and not its content."""
    # Latin-1 decodes any bytes; what is not ASCII is refused by the check.
    content = read_secret_file(file, "token").decode("latin-1")
    return BearerToken(secret=checked(content, f"file {file}"), origin=f"file {file}", file=file)


def read_secret_file(file: Path, what: str) -> bytes:
    """Read a file that holds nothing but a secret; blocks.

    Args:
        file: Which.
        what: What it holds, for messages: "token".

    Raises:
        ValueError: It can't be read, or is far too long; names the file and not its content.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(_MAX_TOKEN_FILE_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{what} file {file} can't be read: {error.strerror}") from error
    if len(content) > _MAX_TOKEN_FILE_BYTES:
        raise ValueError(f"file {file} is too long to be a {what} file")
    return content


def read_variable(name: str, environ: Mapping[str, str]) -> BearerToken:
    """Read a token from the environment; raises ``ValueError`` with a sentence that shows no value."""
    return BearerToken(secret=_secret_of(name, environ), origin=f"variable {shown_variable(name)}")


def read_key(email: str, name: str, environ: Mapping[str, str]) -> GlobalKey:
    """Read a global API key from the environment; raises ``ValueError`` like `read_variable`."""
    return GlobalKey(email=email, secret=_secret_of(name, environ), origin=f"variable {shown_variable(name)}")


def checked(text: str, origin: str, what: str = "token") -> Secret:
    """Strip space around a secret and make sure that a header can carry it.

    Args:
        text: The secret.
        origin: Where it came from, for messages.
        what: What it is, for messages.

    Raises:
        ValueError: It is empty, or holds space, control characters or anything beyond ASCII.
    """
    stripped = text.strip()
    if not stripped:
        raise ValueError(f"{origin} is empty; put the {what} there")
    if not _VISIBLE_ASCII.fullmatch(stripped):
        raise ValueError(
            f"{origin} holds space, control or non-ASCII characters within, so it is no {what};"
            f" it must hold the {what} alone"
        )
    return Secret(stripped)


def shown_variable(name: str) -> str:
    """Give a variable's name for a message, unless it looks like the secret itself."""
    return name if _SHOWABLE_VARIABLE.fullmatch(name) else "(name not shown: it may be a secret)"


def _secret_of(name: str, environ: Mapping[str, str]) -> Secret:
    """Read one variable; raises ``ValueError`` when it is missing or holds no secret."""
    if name in environ:
        return checked(environ[name], f"variable {shown_variable(name)}")
    if _SHOWABLE_VARIABLE.fullmatch(name):
        raise ValueError(f"variable {name} is not set; export it, or name a token_file")
    raise ValueError("the variable it names is not set; write a variable's name there, not the secret itself")
