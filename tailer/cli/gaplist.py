"""A list of gaps on stdout: a table with totals for people, one line of JSON for programs."""

from __future__ import annotations

import sys

from tailer.app.gaps.listing import GapReport, ListedGap
from tailer.cli.exits import say
from tailer.cli.listing import aligned, columns_of, json_line
from tailer.cli.times import instant
from tailer.cli.verdict import count
from tailer.core.durations import format_duration
from tailer.sinks.text import escaped

TITLES = ("CONNECTOR", "FROM", "TO", "LENGTH", "STATE", "REASON")


def show_gaps(report: GapReport, *, as_json: bool, dropped: bool = False) -> None:
    """Write the list to stdout; where it comes from, if not from the daemon, goes to stderr.

    Args:
        report: The gaps.
        as_json: For programs.
        dropped: Whether these are the ones that were just dropped.
    """
    stream = sys.stdout
    if as_json:
        stream.write(json_line(report))
    else:
        if report.note is not None:
            say(report.note)
        if report.gaps:
            table = [TITLES, *map(_row, report.gaps)]
            stream.writelines(f"{line}\n" for line in aligned(table, columns_of(stream)))
        stream.write(f"{total_dropped(report) if dropped else total(report)}\n")
    stream.flush()


def total(report: GapReport) -> str:
    """Sum a list of gaps up in one line."""
    connectors = count(report.connectors, "connector")
    if not report.gaps:
        return f"No gaps: {connectors}"
    with_gaps = len({(gap.account, gap.connector) for gap in report.gaps})
    told = [
        f"{number:,} {state} ({format_duration(seconds)})"
        for number, state, seconds in (
            (report.open, "open", report.open_seconds),
            (report.lost, "lost", report.lost_seconds),
        )
        if number
    ]
    return f"{count(len(report.gaps), 'gap')} of {with_gaps:,} of {connectors}: {', '.join(told)}"


def total_dropped(report: GapReport) -> str:
    """Sum up in one line what was dropped."""
    if not report.gaps:
        return f"Nothing to drop: {count(report.connectors, 'connector')} without an open gap there"
    length = format_duration(report.lost_seconds)
    return f"Dropped: {count(report.lost, 'gap')} ({length}) of {count(report.connectors, 'connector')}"


def _row(gap: ListedGap) -> tuple[str, ...]:
    return (
        escaped(gap.name),
        instant(gap.start),
        instant(gap.end),
        format_duration(gap.end - gap.start),
        gap.state,
        escaped(gap.reason),
    )
