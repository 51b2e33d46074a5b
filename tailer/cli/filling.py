"""``tailer fill``: whoever does it, the same progress on stderr and the same end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import click
import msgspec

from tailer.app.control.client import ask
from tailer.app.daemon.setup import read_setup
from tailer.app.exitcode import ExitCode
from tailer.app.gaps.filling import ask_to_fill, fill_alone, fill_status
from tailer.app.gaps.listing import FillStatus, GapReport, report_of
from tailer.app.library import make_journal
from tailer.app.run.ask import Ask
from tailer.app.run.run import Run
from tailer.app.whereabouts import journal_of
from tailer.cli.exits import say
from tailer.cli.gaplist import show_gaps
from tailer.cli.listing import json_line
from tailer.cli.narrator import Narrator
from tailer.cli.verdict import count
from tailer.clock import SystemClock
from tailer.core.durations import Seconds, format_duration
from tailer.core.spans import Spans
from tailer.errors import NoDaemonError
from tailer.observe import IntervalStretched, Report

LOOK_EVERY: Seconds = 0.5
"""Seconds between two questions about how far it is."""

TELL_EVERY: Seconds = 30.0
"""Seconds between two lines about the progress where there is no line to update."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FillRequest:
    """What is to be filled.

    Attributes:
        patterns: Names the connectors; none: all.
        since: Start of the asked span, epoch seconds; ``None``: from the beginning.
        until: Its end; ``None``: the present.
    """

    patterns: Sequence[str]
    since: float | None
    until: float | None


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a fill.

    Attributes:
        asked: How many lost gaps there were.
        asked_seconds: Their length.
        found: New events in them.
        doubtful: Rows that were left out, as nobody knows whether they are journaled.
        left: How it stands now; its gaps are what is still lost of those that were asked for.
    """

    asked: int
    asked_seconds: int
    found: int
    doubtful: int
    left: FillStatus


def fill_gaps(
    file: Path, patterns: Sequence[str], since: float | None, until: float | None, *, as_json: bool
) -> ExitCode:
    """Read lost gaps again and say what came of it.

    Args:
        file: The configuration file.
        patterns: Names the connectors; none: all.
        since: Start of the asked span, epoch seconds; ``None``: from the beginning.
        until: Its end; ``None``: the present.
        as_json: For programs.

    Raises:
        ConfigError: The file can't be used.
        ControlError: There is a daemon that can't be asked.
        JournalError: There is no journal, or it can't be used.
        ApiError: Without a daemon: no account can be listed.
    """
    request = FillRequest(patterns=patterns, since=since, until=until)
    narrator = Narrator(sys.stderr, os.environ.get("TERM", ""), time.monotonic)
    try:
        try:
            filled = _by_daemon(journal_of(file), request, narrator)
        except NoDaemonError:
            narrator.say("no daemon runs: this command reads, the sinks get it with the next `tailer run`")
            filled = anyio.run(_by_itself, file, request, narrator)
    finally:
        narrator.close()
    return tell_filled(filled, as_json=as_json)


def _by_daemon(journal: Path, request: FillRequest, narrator: Narrator) -> Filled:
    """Have the daemon do it, and watch."""
    look = partial(
        ask,
        journal,
        "fill",
        result=FillStatus,
        patterns=request.patterns,
        since=request.since,
        until=request.until,
    )
    first = status = look(begin=True)
    _check(request, first)
    line = _Line(narrator, first)
    try:
        while status.left:
            line.show(status)
            time.sleep(LOOK_EVERY)
            status = look()
    except KeyboardInterrupt:
        narrator.say("the daemon goes on with it; the same command shows how far it is")
        raise
    return line.end(status)


async def _by_itself(file: Path, request: FillRequest, narrator: Narrator) -> Filled:
    """Own the journal, and read."""
    config = read_setup(file, os.environ).config
    run = Run(
        config,
        Ask(start=config.polling.start, follow=False),
        journal=make_journal(config),
        observe=partial(_observe, narrator),
        clock=SystemClock(),
    )
    span = (run, request.patterns, request.since, request.until)
    async with run:
        first = ask_to_fill(*span)
        _check(request, first)
        line = _Line(narrator, first)
        async with anyio.create_task_group() as group:
            group.start_soon(_show_forever, line, partial(fill_status, *span))
            await fill_alone(run)
            group.cancel_scope.cancel()
        return line.end(fill_status(*span))


def _observe(narrator: Narrator, report: Report) -> None:
    """Pass on what concerns a fill: nobody is polled here, so intervals don't matter."""
    if not isinstance(report, IntervalStretched):
        narrator(report)


async def _show_forever(line: _Line, look: Callable[[], FillStatus]) -> None:
    while True:
        line.show(look())
        await anyio.sleep(LOOK_EVERY)


class _Line:
    """The progress, from the first look to the last."""

    def __init__(self, narrator: Narrator, first: FillStatus) -> None:
        self._narrator = narrator
        self._first = first
        self._text = ""
        self._told_at = time.monotonic()
        narrator.begin(lambda: self._text)

    def show(self, status: FillStatus) -> None:
        self._text = self._describe(status)
        if self._narrator.draws:
            self._narrator.tick()
        elif time.monotonic() - self._told_at >= TELL_EVERY:
            self._told_at = time.monotonic()
            self._narrator.say(self._text)

    def end(self, status: FillStatus) -> Filled:
        left = still_lost(self._first.gaps, status.gaps)
        return Filled(
            asked=self._first.gaps.lost,
            asked_seconds=self._first.gaps.lost_seconds,
            found=max(0, status.found - self._first.found),
            doubtful=max(0, status.doubtful - self._first.doubtful),
            left=msgspec.structs.replace(status, gaps=left),
        )

    def _describe(self, status: FillStatus) -> str:
        whole = max(1, self._first.gaps.lost_seconds)
        found = max(0, status.found - self._first.found)
        text = f"filling: {max(0, 100 - 100 * status.left // whole)} % tried, {count(found, 'event')} found"
        return f"{text}; {status.obstacles[0]}" if status.obstacles else text


def still_lost(asked: GapReport, now: GapReport) -> GapReport:
    """Give what of the lost gaps that were asked for is lost still; gaps come up and grow meanwhile."""
    spans: dict[tuple[str, str], Spans] = {}
    for gap in asked.gaps:
        known = spans.get((gap.account, gap.connector), Spans())
        spans[gap.account, gap.connector] = known.add(gap.start, gap.end)
    left = [
        msgspec.structs.replace(gap, start=start, end=end)
        for gap in now.gaps
        for start, end in spans.get((gap.account, gap.connector), Spans()).common(
            Spans(((gap.start, gap.end),))
        )
    ]
    return report_of(left, connectors=now.connectors, since=now.since, until=now.until, taken_at=now.taken_at)


def _check(request: FillRequest, status: FillStatus) -> None:
    if request.patterns and not status.gaps.connectors:
        raise click.UsageError(f"no connector is called {' or '.join(map(repr, request.patterns))}")


def tell_filled(filled: Filled, *, as_json: bool) -> ExitCode:
    """Write what is still lost to stdout, and what came of the rest to stderr."""
    status = filled.left
    code = ExitCode.INCOMPLETE if status.gaps.lost else ExitCode.DONE
    if as_json:
        sys.stdout.write(json_line(filled))
        return code
    if not filled.asked:
        say(f"nothing to fill: {count(status.gaps.connectors, 'connector')} without a lost gap there")
        return code
    if status.gaps.lost:
        show_gaps(status.gaps, as_json=False)
    say(*status.obstacles)
    seconds = filled.asked_seconds - status.gaps.lost_seconds
    say(
        f"filled {format_duration(seconds)} of {format_duration(filled.asked_seconds)} in"
        f" {count(filled.asked, 'lost gap')}: {count(filled.found, 'new event')}"
    )
    if filled.doubtful:
        say(
            f"{count(filled.doubtful, 'event')} left out: recorded by a clock that was ahead, and perhaps"
            " delivered before"
        )
    return code
