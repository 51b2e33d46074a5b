"""The end of a run in words: what was read, what was not."""

from __future__ import annotations

from datetime import UTC, datetime

from tailer.app.outcome import Outcome, Unread

MAX_LISTED = 10
"""Connectors that are named one by one; of more the number is told."""


def summarize(outcome: Outcome, *, utc: bool) -> list[str]:
    """Write an outcome as a few sentences.

    Args:
        outcome: Of the run.
        utc: Times in UTC; else local. The zone is shown.
    """
    through = "" if outcome.read_through is None else f", read through {_time(outcome.read_through, utc=utc)}"
    sentences = [f"{_events(outcome)} from {_count(outcome.connectors, 'connector')}{through}"]
    counts = [
        f"{_count(outcome.duplicates, 'duplicate')} removed",
        f"{outcome.late} late",
        _count(outcome.gaps, "gap") if outcome.gaps else "no gaps",
        _count(outcome.requests, "request"),
    ]
    if outcome.changed:
        counts.insert(1, f"{_count(outcome.changed, 'event')} came again with another kind")
    sentences.append(", ".join(counts))
    sentences += [_unread(one, utc=utc) for one in outcome.unread[:MAX_LISTED]]
    if len(outcome.unread) > MAX_LISTED:
        sentences.append(f"and {len(outcome.unread) - MAX_LISTED} more connectors were not read to the end")
    return sentences


def _events(outcome: Outcome) -> str:
    """Tell how many events there were and, where it differs, what the sinks took of them."""
    (first, *others) = outcome.delivered.items() or [("", outcome.events)]
    if not others:
        shown = _count(first[1], "event")
        return shown if first[1] == outcome.events else f"{shown} (of {outcome.events} read)"
    taken = ", ".join(f"{count} to {name}" for name, count in outcome.delivered.items())
    return f"{_count(outcome.events, 'event')} ({taken})"


def _unread(one: Unread, *, utc: bool) -> str:
    return f"{one.name} was read only through {_time(one.read_through, utc=utc)}: {one.error}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _time(at: float, *, utc: bool) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    if utc:
        return moment.strftime("%Y-%m-%d %H:%M:%SZ")
    return moment.astimezone().isoformat(" ", "seconds")
