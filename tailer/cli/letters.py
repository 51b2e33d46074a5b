"""``tailer dead``: from what was typed to a list on stdout, or to letters that were written again."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio
import msgspec

from tailer.app.control.client import ask
from tailer.app.control.replies import Retried
from tailer.app.dead import choose, handle_of, retry
from tailer.app.exitcode import ExitCode
from tailer.app.library import make_journal
from tailer.app.sinks import load_places
from tailer.cli.exits import say
from tailer.cli.listing import Output, Row, write_rows
from tailer.cli.times import instant
from tailer.clock import SystemClock
from tailer.config.options import Config
from tailer.core.durations import Seconds
from tailer.errors import ConfigError, NoDaemonError
from tailer.interfaces import DeadLetter
from tailer.observe import Report, SinkFailed
from tailer.sinks.dead_letters import DeadLetterFile, read_letters
from tailer.sinks.formats.jsonl import JsonlFormat
from tailer.sinks.options import SinkContext
from tailer.sinks.registry import SinkPlan

TITLES = ("ID", "SET ASIDE", "SINK", "CONNECTOR", "KIND", "REASON")

PATIENCE: Seconds = 300.0
"""Longest wait for a daemon's answer: its sink may take a while for many letters. It goes on without us."""

MAX_NAMED = 300
"""Ids in one request to a daemon, so that it stays below `tailer.app.control.protocol.MAX_REQUEST_BYTES`."""

MAX_REASONS = 10
"""Letters that were rejected again and are told one by one; of more the number is told."""


def list_letters(path: Path, sink: str | None, output: Output) -> None:
    """Write the dead letters that are meant to stdout.

    Args:
        path: The configuration file.
        sink: Name of the one sink that is meant; ``None``: all.
        output: What the list looks like.

    Raises:
        ConfigError: The file can't be used, or that sink has none.
        SinkUnavailableError: The dead letters can't be read.
    """
    config, _ = load_places(path)
    letters = choose(_read(_place_of(config)), sink, ())
    if letters or output == "jsonl" or not sys.stdout.isatty():
        write_rows(TITLES, list(map(_row, letters)), output, sys.stdout)
    else:
        say("no sink has rejected anything")


def retry_letters(path: Path, sink: str | None, ids: Sequence[str]) -> ExitCode:
    """Write dead letters again; say what became of them.

    Args:
        path: The configuration file.
        sink: Name of the one sink that is meant; ``None``: all.
        ids: Handles or ids of events; empty: all.

    Raises:
        ConfigError: The file can't be used, or something that is asked for is not there.
        JournalError: Somebody else has the journal, or it can't be used.
        SinkUnavailableError: The dead letters can't be read.
    """
    config, plans = load_places(path)
    place = _place_of(config)
    letters = choose(_read(place), sink, ids)
    by_sink: dict[str, list[str]] = {}
    for letter in letters:
        by_sink.setdefault(letter.sink, []).append(letter.event.id)
    if not by_sink:
        say("there are no dead letters")
        return ExitCode.DONE
    try:
        results = _ask_daemon(config, by_sink, named=bool(ids))
    except NoDaemonError:
        results = anyio.run(_retry_alone, config, plans, DeadLetterFile(place), by_sink)
    return tell_retried(results, len(letters))


def _ask_daemon(config: Config, by_sink: Mapping[str, Sequence[str]], *, named: bool) -> list[Retried]:
    """Have the daemon do it that owns the journal; raises `NoDaemonError` if none does."""
    journal = config.journal.path
    if not isinstance(journal, Path):
        raise NoDaemonError("a journal in memory has no daemon that could be asked")
    asked = [
        (name, list(ids[start : start + MAX_NAMED]) if named else None)
        for name, ids in by_sink.items()
        for start in range(0, len(ids) if named else 1, MAX_NAMED)
    ]
    return [ask(journal, "dead", result=Retried, timeout=PATIENCE, sink=name, ids=ids) for name, ids in asked]


async def _retry_alone(
    config: Config, plans: Sequence[SinkPlan], dead: DeadLetterFile, by_sink: Mapping[str, Sequence[str]]
) -> list[Retried]:
    """Own the journal, and write to the sinks one after the other."""
    configured = {plan.name: plan for plan in plans}
    journal = make_journal(config)
    await journal.open()
    try:
        results: list[Retried] = []
        for name, ids in by_sink.items():
            plan = configured.get(name)
            if plan is None:
                results.append(Retried(sink=name, error="the sink is no longer configured"))
                continue
            context = SinkContext(name, sys.stdout.buffer, os.environ, _observe)
            results.append(
                await retry(plan, ids, journal=journal, dead=dead, context=context, clock=SystemClock())
            )
        return results
    finally:
        with anyio.CancelScope(shield=True):
            await journal.close()


def _place_of(config: Config) -> Path:
    """Give the file, if there is any."""
    place = config.journal.dead_letters_path
    if place is None:
        raise ConfigError(
            "journal.dead_letters: there are none, as the journal is in memory; give it a path, or name a"
            " file for them"
        )
    return place


def _read(place: Path) -> list[DeadLetter]:
    found = read_letters(place)
    if found.unreadable:
        lines = "1 line" if found.unreadable == 1 else f"{found.unreadable} lines"
        say(f"{lines} of {place} can't be read and are left alone; a crash may have torn them")
    return found.letters


def _row(letter: DeadLetter) -> Row:
    event, handle = letter.event, handle_of(letter)
    record = msgspec.Raw(JsonlFormat().render([event]).rstrip())
    return Row(
        {"id": handle, "at": letter.at, "sink": letter.sink, "reason": letter.reason, "event": record},
        (handle, instant(letter.at), letter.sink, event.name, event.k, letter.reason),
    )


def tell_retried(results: Sequence[Retried], asked: int) -> ExitCode:
    """Say what became of the letters of each sink; judge all of it."""
    for one in results:
        if one.accepted:
            say(f"sink {one.sink} has accepted {one.accepted}")
        rejected = list(one.rejected.items())
        for event, reason in rejected[:MAX_REASONS]:
            say(f"sink {one.sink} rejects {event} again: {reason}")
        if len(rejected) > MAX_REASONS:
            say(f"and {len(rejected) - MAX_REASONS} more")
        if one.error is not None:
            say(f"sink {one.sink}: {one.error}")
    left = max(0, asked - sum(one.accepted for one in results))  # a daemon may have found newer ones
    if left:
        say(f"{left} of {asked} stay dead letters")
    if any(one.error is not None for one in results):
        return ExitCode.FAILED
    return ExitCode.INCOMPLETE if left else ExitCode.DONE


def _observe(report: Report) -> None:
    """Tell people what keeps them waiting; what was rejected is told at the end."""
    if isinstance(report, SinkFailed):
        say(str(report))
