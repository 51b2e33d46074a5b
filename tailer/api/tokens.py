"""What the API says of a token itself: whether it is valid, and until when.

Source: Cloudflare's "Verify Token", of a user (``/user/tokens/verify``) and of an account
(``/accounts/{account_id}/tokens/verify``). Neither needs a permission; a global API key has none of them.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

import msgspec

from tailer.api.headers import Headers
from tailer.api.refusals import Subject, refusal
from tailer.errors import WireFormatError

USER_PATH = "/user/tokens/verify"


class TokenStatus(msgspec.Struct, frozen=True):
    """What the API says of a token.

    Attributes:
        status: "active", "disabled" or "expired"; an open set.
        expires_on: When it ends; ``None``: never.
    """

    status: str
    expires_on: datetime | None = None


class _Answer(msgspec.Struct):
    success: bool
    result: TokenStatus | None = None


def account_path(account: str) -> str:
    """Return the path at which a token that belongs to an account is verified."""
    return f"/accounts/{quote(account, safe='')}/tokens/verify"


def decipher_token(status: int, headers: Headers, body: bytes, account: str) -> TokenStatus:
    """Read an answer of Verify Token.

    Args:
        status: HTTP status.
        headers: Of the answer.
        body: Whole and uncompressed.
        account: Account id, for the messages.

    Raises:
        ApiError: One of its subclasses; `AuthError` when the token is not known there.
    """
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (ValueError, RecursionError):
        answer = None
    if not 200 <= status < 300 or (answer is not None and not answer.success):
        raise refusal(status, headers, body, Subject(account))
    if answer is None or answer.result is None:
        raise WireFormatError("The answer to the token's verification is not what the API promises")
    return answer.result
