"""What goes wrong between us and NATS, in words that say what to do.

Source: nats-server's ``errors.json`` (JetStream's numbers of errors) and "NATS protocol" (``-ERR``).
"""

from __future__ import annotations

import ssl
from typing import NamedTuple

import nats.errors
from nats.js.errors import APIError, ServiceUnavailableError

from tailer.core.reasons import fault_of, tidy
from tailer.sinks.nats.wire import WireError

TOO_LONG = 10054
"""What JetStream says of a message that is longer than the stream's ``max_msg_size``."""

NOBODY = 0
"""In place of a number: no stream takes the subject, or its cluster has no leader just now."""

_ADVICE = {
    NOBODY: "mend the stream's subjects, unless its cluster is choosing a leader",
    10023: "the server has no room left; raise its jetstream limits",
    10039: "enable it in the server's configuration, for this account",
    10047: "the server has no room left; raise max_file in its jetstream block",
    10058: "somebody else has made it meanwhile, otherwise",
    10065: "name another subject, or the stream that takes it",
    10077: "the stream is full; raise its limits, or have it discard old messages",
}

_WORDS = (
    ("authorization violation", "it refuses user and password, token or credentials; correct them"),
    ("authentication timeout", "it waited too long for us to say who we are; look at its load"),
    ("expecting info", "nobody speaks NATS there; correct servers"),
    ("unexpected eof", "it hung up"),
    ("authentication expired", "its permission for this user has expired; renew it there"),
)


class Refusal(NamedTuple):
    """Why a message was not stored.

    Attributes:
        code: JetStream's number of the error, or `NOBODY`.
        words: The server's.
    """

    code: int
    words: str

    @property
    def reason(self) -> str:
        """Why, and what to do if there is something."""
        number = f" ({self.code})" if self.code else ""
        advice = _ADVICE.get(self.code)
        return tidy(f"{self.words}{number}") + (f"; {advice}" if advice else "")


def reason_of(error: Exception) -> str:
    """Say why nothing can be published, and what to do if it does not pass by itself.

    Args:
        error: What nats-py or our connection raised; no ``TimeoutError``.
    """
    match error:
        case WireError():
            return str(error)
        case APIError(err_code=int(code)):
            return Refusal(code, error.description or type(error).__name__).reason
        case ServiceUnavailableError():
            return "JetStream does not answer; enable it in the server and for this account"
        case ssl.SSLError() | OSError(errno=int()):
            return fault_of(error)
    words = tidy(str(error).removeprefix("nats: "))
    if "permissions violation" in words.lower():
        return f"this user lacks a right ({words}); allow what the README lists"
    return next((meaning for said, meaning in _WORDS if said in words.lower()), words)


KNOWN = (OSError, nats.errors.Error)
"""What nats-py and our connection raise."""
