"""How credentials go out: in exactly one scheme, and never back in an answer's text.

What they are and where they come from is `tailer.config.credentials`, which lets nothing pass that a header
can't carry.
"""

from __future__ import annotations

from tailer.config.credentials import BearerToken, Credentials


def headers_of(credentials: Credentials) -> dict[str, str]:
    """Give the headers that prove who we are."""
    secret = credentials.secret.reveal()
    if isinstance(credentials, BearerToken):
        return {"Authorization": f"Bearer {secret}"}
    return {"X-Auth-Email": credentials.email, "X-Auth-Key": secret}


def masked(body: bytes, credentials: Credentials) -> bytes:
    """Return an answer's body without our secret, should the API or a proxy have echoed it."""
    return credentials.secret.masked_in(body)
