"""What an HTTP answer means for the events of its request; pure.

Rules:

1. What may pass by itself (408, 425, 429, 5xx, no answer) keeps the events waiting, at least for as long as
   the answer asks.
2. So does what would befall any event: credentials, address, method, headers. An operator repairs it, and
   nothing is set aside meanwhile.
3. Only what speaks of the content (400, 409, 413, 422) is a rejection; of several events it is found out
   which, by sending fewer at a time.
4. What nobody has foreseen is treated as by rule 2: waiting loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from multidict import CIMultiDict, MultiMapping

from tailer.core.durations import Seconds
from tailer.core.httpdates import parse_retry_after
from tailer.core.reasons import tidy

TOO_LARGE = 413
"""The status that asks for smaller requests."""

_OF_CONTENT = frozenset({400, 409, TOO_LARGE, 422})
_OF_CREDENTIALS = frozenset({401, 403, 407})
_PASSING = frozenset({408, 425, 429})
_MAX_WORDS = 200  # of a counterpart's own words; a sentence says it, and log lines stay lines


class Answer(NamedTuple):
    """An answer with its whole body."""

    status: int
    headers: MultiMapping[str]
    body: bytes


class Taken(NamedTuple):
    """The answer tells about each event of the request; whoever is not named here was accepted.

    Attributes:
        rejected: Why events will never be accepted, by their index in the request.
        left: Indexes of those that were neither accepted nor rejected; fewer than the request had.
        why: Why they have to wait; empty: they can be sent at once.
        retry_after: Seconds that the counterpart asks for.
    """

    rejected: Mapping[int, str] = {}
    left: Sequence[int] = ()
    why: str = ""
    retry_after: Seconds = 0.0


class Refused(NamedTuple):
    """The counterpart does not take the request for what is in it, and does not say which event it is."""

    reason: str


class Away(NamedTuple):
    """Nothing was accepted; all is to be sent again. `reason` goes on after the counterpart's address."""

    reason: str
    retry_after: Seconds = 0.0


Verdict: TypeAlias = Taken | Refused | Away


def judge(answer: Answer) -> Verdict:
    """Judge an answer by its status alone."""
    status = answer.status
    said = describe(answer)
    if 200 <= status < 300:
        return Taken()
    if status in _OF_CONTENT:
        return Refused(said)
    if status in _OF_CREDENTIALS:
        return Away(f"refuses the credentials ({said}); repair the token, nothing is set aside meanwhile")
    if status in _PASSING or status >= 500:
        return Away(f"takes nothing at present ({said})", wait_of(answer))
    if 300 <= status < 400:
        return Away(f"redirects ({said}), which is not followed; write the right address into url")
    return Away(f"takes no events at this address or in this way ({said}); check url, method and headers")


def describe(answer: Answer) -> str:
    """Give status and words of an answer for a message: ``HTTP 400: no such field``."""
    words = words_of(answer.body)
    return f"HTTP {answer.status}: {words}" if words else f"HTTP {answer.status}"


def words_of(body: bytes) -> str:
    """Give a body's beginning in one line, without what looks like a secret; none of a page of HTML."""
    text = body[: 4 * _MAX_WORDS].decode("utf-8", "replace").strip()
    if not text or text.startswith("<"):
        return ""
    line = tidy(text)
    return line if len(line) <= _MAX_WORDS else f"{line[: _MAX_WORDS - 3].rstrip()}..."


def wait_of(answer: Answer) -> Seconds:
    """Give the seconds that an answer asks to wait; 0 where it does not, or not seriously."""
    asked = parse_retry_after(answer.headers.get("Retry-After"), answer.headers.get("Date"))
    return asked or 0.0


def answer_of(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Make an answer; underscores in names stand for hyphens."""
    return Answer(status, CIMultiDict({name.replace("_", "-"): text for name, text in headers.items()}), body)
