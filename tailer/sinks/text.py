"""Texts that every format shares: what must be escaped, and times without a ``datetime`` an event.

Rules for times: an instant is split into minute, second and microsecond by whole-number arithmetic; the
text up to the minute is cached, as events cluster. Out of the years 1 to 9999 there is no text.
"""

from __future__ import annotations

import json
import re
from datetime import date

from tailer.model import Payload

FIRST_SECOND = -62_135_596_800
"""Start of the year 1 in epoch seconds, the first instant that ISO 8601 can write."""

END_SECOND = 253_402_300_800
"""End of the year 9999 in epoch seconds, not included."""

_MINUTES_A_DAY = 1440
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_SECONDS = tuple(f"{second:02}" for second in range(60))
_MAX_CACHED_MINUTES = 4096

# What a terminal or a log viewer may obey, or a reader can't see: C0, DEL and C1 controls, line and paragraph
# separators, marks and overrides of the writing direction ("Trojan source", CVE-2021-42574), and half a
# surrogate pair, which no encoding can carry.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def escaped(text: str) -> str:
    r"""Write unsafe characters as ``\uXXXX``; everything else, the backslash too, stays."""
    return _UNSAFE.sub(_escape, text)


def json_text(text: str) -> str:
    r"""Write a JSON string with its quotes, unsafe characters as ``\uXXXX``, the rest of Unicode as it is."""
    return escaped(json.dumps(text, ensure_ascii=False))


def payload_text(payload: Payload) -> str:
    """Write an event's payload as compact JSON; unsafe characters, which only its texts can hold, escaped."""
    return escaped(json.dumps(payload, ensure_ascii=False, separators=(",", ":")))


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


class MinuteTexts(dict[int, str]):
    """Texts of minutes (``2026-08-01T12:04:``) by their number since the epoch, made on first use.

    Args:
        between: What stands between date and time of day.
    """

    def __init__(self, between: str) -> None:
        super().__init__()
        self._between = between

    def __missing__(self, minute: int) -> str:
        if len(self) >= _MAX_CACHED_MINUTES:
            self.clear()
        day, rest = divmod(minute, _MINUTES_A_DAY)
        date_text = date.fromordinal(_EPOCH_ORDINAL + day).isoformat()
        text = self[minute] = f"{date_text}{self._between}{rest // 60:02}:{rest % 60:02}:"
        return text

    def second(self, second: int) -> str:
        """Give date and time of day of a second since the epoch, in ``[FIRST_SECOND, END_SECOND)``."""
        minute, rest = divmod(second, 60)
        return self[minute] + _SECONDS[rest]

    def instant(self, t: float) -> str | None:
        """Give an instant with as many of six decimals as it has; ``None`` where it has no text."""
        instant = split(t)
        if instant is None:
            return None
        second, fraction = instant
        decimals = f".{fraction:06}".rstrip("0") if fraction else ""
        return f"{self.second(second)}{decimals}"


def split(t: float) -> tuple[int, int] | None:
    """Part an instant into second and microsecond, about what a float64 holds; ``None`` if it has no text."""
    if not FIRST_SECOND <= t < END_SECOND:  # not a number compares false
        return None
    if isinstance(t, int):
        return t, 0
    # Near the end of the year 9999 floats are 30 microseconds apart: none rounds into the next year.
    return divmod(round(t * 1_000_000), 1_000_000)
