"""Durations and times as people write them: ``"1h30m"`` in a file, ``--since 10m`` on a command line.

1. A duration is a sum of numbers with units, the largest unit first and each unit at most once:
   ``d`` (24 h), ``h``, ``m``, ``s``, ``ms``. A number may have decimals: ``1.5h`` is ``1h30m``.
2. A number without a unit is refused, ``0`` included: seconds and milliseconds are mixed up too easily.
3. A time is a duration back from now, ``now``, an ISO 8601 time or whole or decimal epoch seconds.
"""

import math
import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import TypeAlias

from tailer.core.quoting import shown

Seconds: TypeAlias = float
"""A length of time in seconds. An instant is a plain ``float`` in epoch seconds, its name ends in ``_at``."""

MAX_DURATION: Seconds = 3650 * 86400.0
"""The longest duration that is read: ten years, far beyond any retention, near enough to catch a typo."""

MAX_TIME = 253_402_300_800.0
"""The end of the year 9999 in epoch seconds, the first instant that ISO 8601 can no longer write."""

_MS_PER_UNIT = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
# Digits are bounded because int() refuses very long ones with a message of its own.
_NUMBER = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)"
_DURATION = re.compile("".join(rf"(?:{_NUMBER}{unit})?" for unit in _MS_PER_UNIT))
_BARE_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
# 100,000,000 s is March 1973: shorter numbers are a forgotten unit or, with eight digits, an ISO date.
_EPOCH = re.compile(r"[0-9]{9,}(?:\.[0-9]+)?")

_GOOD_DURATION = "write for example '90s', '1h30m' or '2d' (units: d, h, m, s, ms, the largest first)"
_GOOD_TIME = "write for example '10m' (back from now), 'now', '2026-08-01T12:00:00Z' or epoch seconds"


def parse_duration(text: str) -> Seconds:
    """Read a duration such as ``90s``, ``1h30m``, ``2d``, ``500ms`` or ``1.5h``.

    Args:
        text: What the user wrote; space around it is ignored, space within is not allowed.

    Returns:
        Seconds, from 0 to ``MAX_DURATION``, both included.

    Raises:
        ValueError: The text is no duration; the message says why and shows a good one.
    """
    written = text.strip()
    if _BARE_NUMBER.fullmatch(written):
        raise ValueError(f"{shown(written)} has no unit; for seconds write {shown(written + 's')}")
    match = _DURATION.fullmatch(written)
    if match is None or not written:
        raise ValueError(f"{shown(text)} is not a duration; {_GOOD_DURATION}")
    amounts = zip(match.groups(), _MS_PER_UNIT.values(), strict=True)
    # Fractions keep 0.1s + 0.2s exact; the one rounding is the last step.
    seconds = sum(Fraction(amount) * unit_ms for amount, unit_ms in amounts if amount is not None) / 1000
    if seconds > MAX_DURATION:
        raise ValueError(
            f"{shown(written)} is longer than {format_duration(MAX_DURATION)}, the longest allowed"
        )
    return float(seconds)


def format_duration(seconds: Seconds) -> str:
    """Write a duration in the form that ``parse_duration`` reads: ``1h30m``, ``1d12h``, ``1.5s``, ``250ms``.

    Args:
        seconds: Any finite number. It is rounded to whole milliseconds, and whole milliseconds up to
            ``MAX_DURATION`` come back from ``parse_duration`` exactly. A negative one, as the lateness
            of an event from a clock that runs ahead, gets a minus sign (and is not read back).

    Raises:
        ValueError: ``seconds`` is infinite or not a number.
    """
    if not math.isfinite(seconds):
        raise ValueError(f"{seconds} is not a length of time")
    rest = round(abs(seconds) * 1000)
    if rest == 0:
        return "0s"
    parts = ["-"] if seconds < 0 else []
    for unit in ("d", "h", "m"):
        amount, rest = divmod(rest, _MS_PER_UNIT[unit])
        if amount:
            parts.append(f"{amount}{unit}")
    if 0 < rest < 1000:
        parts.append(f"{rest}ms")
    elif rest:
        whole, decimals = divmod(rest, 1000)
        parts.append(f"{whole}.{decimals:03}".rstrip("0").rstrip(".") + "s")
    return "".join(parts)


def format_time(at: float) -> str:
    """Write an instant in a form that ``parse_time`` reads: ``2026-08-01T12:00:00Z``.

    Args:
        at: Epoch seconds, in ``[0, MAX_TIME)``; what is beyond the whole second is left out.
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str, now: float) -> float:
    """Read a point in time as people give it to ``--since``, ``--until`` and ``start``.

    Args:
        text: A duration back from ``now`` (``10m``), the word ``now``, an ISO 8601 date or time (without
            a zone it is local time; of an hour that a clock change repeats, the first), or epoch seconds
            with at least nine digits before the point. Space around it is ignored.
        now: The instant that ``now`` and durations refer to, epoch seconds UTC.

    Returns:
        Epoch seconds UTC. A date or epoch seconds lie in ``[0, MAX_TIME)``, and may lie in the future.

    Raises:
        ValueError: The text is no time; the message says why and shows a good one.
    """
    written = text.strip()
    if written == "now":
        return now
    if _EPOCH.fullmatch(written):
        return _from_epoch(written)
    try:
        # Tried first, as no duration within bounds is an ISO 8601 time too.
        moment = datetime.fromisoformat(written)
    except ValueError:
        return now - _back(written)
    return _from_datetime(moment, written)


def _back(written: str) -> Seconds:
    """Read the distance back from now; a text with no unit at all gets the message about times."""
    if written[-1:] in set("dhms") and written[:1].isdigit():
        return parse_duration(written)
    if _BARE_NUMBER.fullmatch(written):
        raise ValueError(
            f"{shown(written)} has no unit; for seconds back from now write {shown(written + 's')},"
            " and epoch seconds have at least nine digits"
        )
    raise ValueError(f"{shown(written)} is not a time; {_GOOD_TIME}")


def _from_epoch(written: str) -> float:
    """Check epoch seconds; thirteen digits are nearly always milliseconds, so the message says that."""
    at = float(written)
    if at >= MAX_TIME:
        raise ValueError(
            f"{shown(written)} is beyond the year 9999 in epoch seconds; if it counts milliseconds,"
            " leave out the last three digits"
        )
    return at


def _from_datetime(moment: datetime, written: str) -> float:
    """Turn a date into epoch seconds, a naive one by the local zone."""
    try:
        at = moment.timestamp()
    except (OverflowError, OSError, ValueError):  # what the C library makes of a naive year 1 or 9999
        at = math.nan
    if not 0 <= at < MAX_TIME:
        raise ValueError(f"{shown(written)} lies outside the years 1970 to 9999; {_GOOD_TIME}")
    return at
