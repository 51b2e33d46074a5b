"""A backfill in words: how far it is, and what became of it."""

from __future__ import annotations

from pathlib import Path

from tailer.app.backfill import Job, Missing, Progress, Verdict
from tailer.cli.summary import MAX_LISTED, summarize
from tailer.cli.times import instant
from tailer.core.durations import format_duration
from tailer.sinks import zones


def progress_line(progress: Progress) -> str:
    """Say in one line of less than 80 columns how far it is."""
    left = "" if progress.left is None else f", {format_duration(_rounded(progress.left))} left"
    return (
        f"{int(100 * progress.share)} %, {progress.events:,} events, {progress.rate:,.0f}/s,"
        f" {progress.spent:,} of {progress.allowed:,} requests{left}"
    )


def tidings(verdict: Verdict, job: Job, out: Path) -> list[str]:
    """Say at the end what was read, what is missing, and what to do about it.

    Args:
        verdict: What became of it.
        job: What was asked for.
        out: Where the events are.
    """
    lines = summarize(verdict.outcome, zones.choose(None, utc=True))
    lines += [_missing(one) for one in verdict.missing[:MAX_LISTED]]
    if len(verdict.missing) > MAX_LISTED:
        lines.append(f"and {len(verdict.missing) - MAX_LISTED} more gaps")
    span = f"{instant(job.start)} to {instant(job.end)}"
    if verdict.is_complete:
        lines.append(f"complete: {out} has every event from {span} that the API showed")
    elif verdict.is_read:
        lines.append(f"incomplete: {out} has all from {span} but what is named above, which can't be had")
    else:
        lines.append(f"incomplete: {out} does not have all from {span} yet; the same command goes on")
    return lines


def _missing(one: Missing) -> str:
    gap = one.gap
    length = format_duration(gap.end - gap.start)
    return f"{one.name}: {length} from {instant(gap.start)} on can't be read: {gap.reason}"


def _rounded(seconds: float) -> float:
    """Leave out what nobody can know."""
    unit = 1 if seconds < 60 else 60 if seconds < 7200 else 3600
    return max(1, round(seconds / unit)) * unit
