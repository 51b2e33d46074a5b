"""The end of a run in words: what was read, what was not."""

from __future__ import annotations

from tailer.app.run.outcome import Outcome, Unread
from tailer.sinks.zones import Zone, ahead, mark, moment

MAX_LISTED = 10
"""Connectors that are named one by one; of more the number is told."""


def summarize(outcome: Outcome, zone: Zone) -> list[str]:
    """Write an outcome as a few sentences.

    Args:
        outcome: Of the run.
        zone: Of the times; it is shown.
    """
    through = "" if outcome.read_through is None else f", read through {_time(outcome.read_through, zone)}"
    fleet = _count(outcome.connectors, "connector")
    sentences = [f"{_count(outcome.events, 'event')} from {fleet}{through}{_delivered(outcome)}"]
    counts = [
        f"{_count(outcome.duplicates, 'duplicate')} removed",
        f"{outcome.late} late",
        _count(outcome.gaps, "gap") if outcome.gaps else "no gaps",
        _count(outcome.requests, "request"),
    ]
    if outcome.changed:
        counts.insert(1, f"{_count(outcome.changed, 'event')} came again with another kind")
    if outcome.details or outcome.details_missed:
        missed = f", {outcome.details_missed} without theirs" if outcome.details_missed else ""
        counts.append(f"details of {_count(outcome.details, 'event')}{missed}")
    sentences.append(", ".join(counts))
    sentences += [f"account {one.account} was not read: {one.error}" for one in outcome.stopped[:MAX_LISTED]]
    sentences += [
        f"{_count(count, 'event')} rejected by sink {name}" for name, count in outcome.set_aside.items()
    ]
    sentences += [_unread(one, zone) for one in outcome.unread[:MAX_LISTED]]
    if len(outcome.unread) > MAX_LISTED:
        sentences.append(f"and {len(outcome.unread) - MAX_LISTED} more connectors were not read to the end")
    return sentences


def _delivered(outcome: Outcome) -> str:
    """Tell what the sinks took, where it is not what was read: filtered, left for later or from earlier."""
    if all(count == outcome.events for count in outcome.delivered.values()):
        return ""
    return "; delivered " + ", ".join(f"{count} to {name}" for name, count in outcome.delivered.items())


def _unread(one: Unread, zone: Zone) -> str:
    return f"{one.name} was read only through {_time(one.read_through, zone)}: {one.error}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _time(at: float, zone: Zone) -> str:
    second = int(at)
    return f"{moment(zone, second):%Y-%m-%d %H:%M:%S}{mark(zone, ahead(zone, second))}"
