"""What can be wrong with a span that people ask for, and what zone they meant."""

from __future__ import annotations

import math
from datetime import datetime

from tailer.core.durations import parse_time


def span_mistakes(since: str, until: str | None, *, follow: bool, now: float) -> list[str]:
    """List what is wrong with a span whose ends can be read.

    Args:
        since: Where it begins.
        until: Where it ends; ``None``: now, or never if `follow`.
        follow: Whether it goes on.
        now: Wall time.
    """
    start = parse_time(since, now)
    end = parse_time(until, now) if until is not None else (math.inf if follow else now)
    if start > now:
        return [f"--since: {since} lies in the future"]
    if start >= end and until is not None:
        return [f"--until: {until} is not after --since {since}, so there is nothing between them"]
    if start >= end:
        return [f"--since: from {since} to now there is nothing; add --follow, or go further back"]
    return []


def naive_as_local(text: str) -> str | None:
    """Write an ISO 8601 time that has no zone with the local one; ``None`` for every other text."""
    written = text.strip()
    if written.isdecimal() and len(written) > len("20260801"):
        return None  # epoch seconds
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment.astimezone().isoformat() if moment.tzinfo is None else None
