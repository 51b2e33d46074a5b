"""``tailer audit``: from what was typed to a verdict on stdout, and on stderr how it goes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import anyio

from tailer.app.audit import AuditReport, Wish, audit
from tailer.app.exitcode import ExitCode
from tailer.app.inquiry import connector_of
from tailer.app.whereabouts import journal_of
from tailer.cli.accounts import load_accounts
from tailer.cli.listing import aligned, columns_of, json_line
from tailer.cli.narrator import Narrator
from tailer.cli.times import instant
from tailer.cli.verdict import count
from tailer.clock import SystemClock
from tailer.config.options import Config
from tailer.config.words import quoted
from tailer.core.durations import format_duration
from tailer.core.matching import matches, nearest
from tailer.errors import ConfigError
from tailer.journal.glance import glance
from tailer.model import Connector
from tailer.sinks.text import escaped

MAX_NAMED = 20
"""Events of one sort that are named; ``--json`` has all."""


def run_audit(file: Path, name: str, since: float | None, until: float | None, *, as_json: bool) -> ExitCode:
    """Audit one connector and say what came of it.

    Args:
        file: The configuration file.
        name: Names the connector.
        since: Start of the span, epoch seconds; ``None``: as far back as the journal remembers everything.
        until: Its end; ``None``: as far as the connector was read.
        as_json: For programs.

    Raises:
        ConfigError: The file can't be used, or not one connector is called so.
        JournalError: There is no journal, or it can't be read.
        ApiError: The API can't be asked.
    """
    journal = journal_of(file)
    wish = Wish(find_connector(journal, name), since, until)
    report = anyio.run(_audit, load_accounts(file, None, None, os.environ), journal, wish)
    lines = [json_line(report)] if as_json else [f"{line}\n" for line in told(report, columns_of(sys.stdout))]
    sys.stdout.writelines(lines)
    sys.stdout.flush()
    return ExitCode.DONE if report.is_complete else ExitCode.INCOMPLETE


async def _audit(config: Config, journal: Path, wish: Wish) -> AuditReport:
    narrator = Narrator(sys.stderr, os.environ.get("TERM", ""), time.monotonic)
    read = 0.0

    def note(share: float) -> None:
        nonlocal read
        read = share
        narrator.tick()

    narrator.begin(lambda: f"auditing: {100 * read:.0f} % read")
    try:
        return await audit(config, journal, wish, clock=SystemClock(), observe=narrator, progress=note)
    finally:
        narrator.close()


def find_connector(journal: Path, name: str) -> Connector:
    """Find the one connector of a journal that is called so.

    Raises:
        ConfigError: There is none, or more than one.
        JournalError: There is no journal, or it can't be read.
    """
    known = [connector_of(one) for one in glance(journal).connectors]
    found = [one for one in known if matches(one, name)]
    if not found:
        near = nearest(known, name)
        hint = f"; did you mean {quoted(near)}?" if near else ""
        raise ConfigError(f"no connector of the journal is called {quoted(name)}{hint}")
    if len(found) > 1:
        ids = ", ".join(one.id for one in found[:MAX_NAMED])
        raise ConfigError(f"{count(len(found), 'connector')} are called {quoted(name)}: give an id, {ids}")
    return found[0]


def told(report: AuditReport, columns: int | None) -> list[str]:
    """Put a report into lines.

    Args:
        report: What came of an audit.
        columns: Of the terminal; ``None``: lines are as long as they get.
    """
    lines = [f"{escaped(report.name)} from {instant(report.since)} to {instant(report.until)}"]
    if report.compared:
        sides = [("journal", report.journal), ("API", report.api)]
        table = [("", "EVENTS", "DIGEST"), *((name, f"{one.events:,}", one.digest) for name, one in sides)]
        lines += aligned(table, columns)
    missing = [(one.t, one.n, f"{one.k}, {_lateness(one.a - one.t)}") for one in report.missing]
    lines += _listed("Missing in the journal", missing)
    lines += _listed("Not shown by the API any more", [(one.t, one.n, "") for one in report.extra])
    lines += _remarks(report)
    for one in report.omissions:
        length = format_duration(one.end - one.start)
        lines.append(f"Not compared: {length} from {instant(one.start)} on, {escaped(one.reason)}")
    lines.append(_verdict(report))
    return lines


def _verdict(report: AuditReport) -> str:
    if not report.compared:
        return "Nothing could be compared."
    if report.missing or report.extra:
        return f"{count(len(report.missing) + len(report.extra), 'difference')}."
    where = "in what was compared" if report.omissions else "at all"
    events = count(report.journal.events, "event")
    return f"No difference {where}: {format_duration(report.compared)}, {events}."


def _remarks(report: AuditReport) -> Iterator[str]:
    """Say what was left out, what becomes of missing events, and which part is not settled."""
    if report.asked_since is not None and report.asked_since <= report.since - 1:
        yield f"Not compared: what lies before {instant(report.since)}, as it was never to be read"
    if report.missing:
        yield (
            "They became visible too late for [polling] revisit_max, and no poll will find them: tailer"
            " backfill writes them to a file"
        )
    if report.settled_through < report.until:
        late = len(report.unsettled)
        found = f", and will find {count(late, 'event')}" if late else ""
        since = instant(max(report.settled_through, report.since))
        yield f"Not settled from {since} on: polls still look there for late events{found}"


def _listed(title: str, events: Sequence[tuple[int | float, int | float, str]]) -> Iterator[str]:
    """Name events, the first of many."""
    if events:
        yield f"{title}: {count(len(events), 'event')}"
    for t, n, words in events[:MAX_NAMED]:
        yield f"  {instant(t)}  {t}.{n}  {escaped(words)}".rstrip()
    if len(events) > MAX_NAMED:
        yield f"  and {len(events) - MAX_NAMED:,} more"


def _lateness(seconds: float) -> str:
    if seconds < 1:
        return "collected at once"
    return f"collected {format_duration(round(seconds))} later"
