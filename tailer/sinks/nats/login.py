"""Who we are for a NATS server: a user with a password, a token, or what a credentials file holds.

Source: NATS's documentation, "NKeys" and "JWTs" (a credentials file has the user's JWT and the seed of its
key, with which the server's nonce is signed).
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import NamedTuple

import nkeys

from tailer.config.credentials import Secret

_JWT = re.compile(r"-BEGIN NATS USER JWT-+\s+([\w.=-]+)\s")
_SEED = re.compile(r"-BEGIN USER NKEY SEED-+\s+(SU[A-Z2-7]+)\s")


class Credentials:
    """What a credentials file holds.

    Args:
        content: Of the file, as ``nsc`` and ``nats auth`` write it.

    Raises:
        ValueError: It is none; the message is the rest of a sentence and says nothing of the content.
    """

    def __init__(self, content: Secret) -> None:
        jwt, seed = (pattern.search(content.reveal()) for pattern in (_JWT, _SEED))
        if jwt is None or seed is None:
            raise ValueError("holds no NATS credentials; name a .creds file, with its JWT and its seed")
        self._jwt = Secret(jwt[1])
        self._seed = Secret(seed[1])
        try:
            self.sign("")
        except (nkeys.NkeysError, ValueError):
            raise ValueError("holds a seed that is damaged; have nsc make the file again") from None

    def jwt(self) -> bytes:
        """Give the user's JWT."""
        return self._jwt.reveal().encode()

    def sign(self, nonce: str) -> bytes:
        """Sign what a server has thought up, so that it knows that the key is ours."""
        pair = nkeys.from_seed(bytearray(self._seed.reveal().encode()))
        try:
            return b64encode(pair.sign(nonce.encode()))
        finally:
            pair.wipe()


class Login(NamedTuple):
    """Who we are; the user stands in the server's address.

    Attributes:
        password: The user's.
        token: Instead of both.
        credentials: Instead of them all.
    """

    password: Secret | None = None
    token: Secret | None = None
    credentials: Credentials | None = None
