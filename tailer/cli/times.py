"""Times as people write them and read them: spans that they ask for, ages, moments."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime

import click

from tailer.cli.exits import say
from tailer.core.durations import Seconds, parse_time

_UNITS = (("d", 86_400), ("h", 3600), ("m", 60))


def span_mistakes(
    since: str, until: str | None, *, follow: bool, now: float, can_follow: bool = False
) -> list[str]:
    """List what is wrong with a span whose ends can be read.

    Args:
        since: Where it begins.
        until: Where it ends; ``None``: now, or never if `follow`.
        follow: Whether it goes on.
        now: Wall time.
        can_follow: Whether there is a flag to go on.
    """
    start = parse_time(since, now)
    end = parse_time(until, now) if until is not None else (math.inf if follow else now)
    if start > now:
        return [f"--since: {since} lies in the future"]
    if start >= end and until is not None:
        return [f"--until: {until} is not after --since {since}, so there is nothing between them"]
    if start >= end:
        way_out = "add --follow, or go further back" if can_follow else "go further back"
        return [f"--since: from {since} to now there is nothing; {way_out}"]
    return []


def past_span(since: str | None, until: str | None) -> tuple[float | None, float | None]:
    """Read the ends of a span of the past, as epoch seconds; ``None`` stays: nothing was said.

    Raises:
        click.UsageError: There is nothing between them.
    """
    now = time.time()
    if since is not None and (mistakes := span_mistakes(since, until, follow=False, now=now)):
        raise click.UsageError(mistakes[0])
    for name, text in (("--since", since), ("--until", until)):
        if text is not None and (local := naive_as_local(text)) is not None:
            say(f"{name} {text} is taken for local time, {local}")
    return (
        None if since is None else parse_time(since, now),
        None if until is None else parse_time(until, now),
    )


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


def age(seconds: Seconds) -> str:
    """Write an age with one unit, as lists do: ``8s``, ``47m``, ``3d``."""
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"


def instant(epoch: float) -> str:
    """Write a moment in UTC, to the second."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
