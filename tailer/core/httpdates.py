"""Times in HTTP headers, read leniently: what can't be understood counts as not said.

Source: RFC 9110, sections 5.6.7 (dates) and 10.2.3 (``Retry-After``).
"""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache

from tailer.core.durations import Seconds

MAX_RETRY_AFTER: Seconds = 3600.0
"""A longer ``Retry-After`` is malformed: Cloudflare's longest block is five minutes."""


@lru_cache(maxsize=64)
def parse_date(text: str | None) -> float | None:
    """Return epoch seconds of an HTTP date; ``None`` when it is missing or malformed."""
    try:
        moment = parsedate_to_datetime(text or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def parse_retry_after(text: str | None, date: str | None) -> Seconds | None:
    """Return how long a server asks us to wait, in [0, `MAX_RETRY_AFTER`].

    Args:
        text: ``Retry-After``: seconds, or a date.
        date: ``Date`` of the same answer, which a date is read against.

    Returns:
        ``None`` when it does not say, or not in a way to be taken seriously.
    """
    if text is None:
        return None
    if text.strip().isdecimal():
        seconds = float(text)
    else:
        until, now = parse_date(text), parse_date(date)
        if until is None or now is None:
            return None
        seconds = max(0.0, until - now)
    return seconds if seconds <= MAX_RETRY_AFTER else None
