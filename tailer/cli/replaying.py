"""``tailer replay``: whoever does it, the same progress on stderr and the same end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio
import msgspec

from tailer.app.control.client import ask
from tailer.app.control.replies import ReplayStatus
from tailer.app.exitcode import ExitCode
from tailer.app.library import make_journal
from tailer.app.replaying import Wish, plan_of, replay_alone, status_of
from tailer.app.sinks import load_places
from tailer.app.whereabouts import journal_of, sink_types_of
from tailer.cli.exits import say
from tailer.cli.listing import json_line
from tailer.cli.narrator import Narrator
from tailer.cli.times import instant
from tailer.cli.verdict import count
from tailer.clock import SystemClock
from tailer.config.document import read_document
from tailer.config.options import Scope
from tailer.config.words import nearest_of, quoted
from tailer.core.durations import Seconds
from tailer.errors import ConfigError, JournalError, NoDaemonError, SinkError, TailerError
from tailer.observe import Report
from tailer.pipeline.replay import Replay
from tailer.sinks.options import SinkContext

LOOK_EVERY: Seconds = 0.5
"""Seconds between two questions about how far it is."""

TELL_EVERY: Seconds = 30.0
"""Seconds between two lines about the progress where there is no line to update."""


def send_again(
    file: Path,
    sink: str,
    patterns: Sequence[str],
    since: float | None,
    until: float | None,
    *,
    as_json: bool,
) -> ExitCode:
    """Send events to a sink again and say what came of it.

    Args:
        file: The configuration file.
        sink: The sink's name.
        patterns: Names the connectors; none: all.
        since: Start of the asked span, epoch seconds.
        until: Its end; ``None``: the present.
        as_json: For programs.

    Raises:
        ConfigError: The file can't be used, or has no such sink.
        ControlError: There is a daemon that can't be asked, or that can't do it now.
        JournalError: There is no journal, or it can't be used.
    """
    journal, wish = journal_of(file), Wish(patterns, since, until)
    known = list(sink_types_of(file))
    if sink not in known:
        raise ConfigError(f"--sink: {file} has no sink called {quoted(sink)}; {nearest_of(sink, known)}")
    narrator = Narrator(sys.stderr, os.environ.get("TERM", ""), time.monotonic)
    line = _Line(narrator, ReplayStatus(sink=sink))
    try:
        try:
            _by_daemon(journal, wish, line)
        except NoDaemonError:
            anyio.run(_by_itself, file, wish, line)
    except KeyboardInterrupt:
        narrator.close()
        _tell(line.status, is_broken_off=True)
        raise
    finally:
        narrator.close()
    if as_json:
        sys.stdout.write(json_line(line.status))
    else:
        _tell(line.status)
    if line.status.error is not None:
        return ExitCode.FAILED
    return ExitCode.INCOMPLETE if line.status.rejected else ExitCode.DONE


class _Line:
    """The progress, from the first look to the last."""

    def __init__(self, narrator: Narrator, first: ReplayStatus) -> None:
        self.status = first
        self._narrator = narrator
        self._told_at = time.monotonic()
        narrator.begin(lambda: _describe(self.status))

    def show(self, status: ReplayStatus) -> None:
        self.status = status
        if self._narrator.draws:
            self._narrator.tick()
        elif time.monotonic() - self._told_at >= TELL_EVERY:
            self._told_at = time.monotonic()
            self._narrator.say(_describe(status))

    def say(self, sentence: str) -> None:
        self._narrator.say(sentence)


def _by_daemon(journal: Path, wish: Wish, line: _Line) -> None:
    """Have the daemon do it, and watch; raises `NoDaemonError` if none runs."""
    look = partial(ask, journal, "replay", result=ReplayStatus, sink=line.status.sink)
    line.show(look(act="begin", **wish._asdict()))
    try:
        while not line.status.is_over:
            time.sleep(LOOK_EVERY)
            status = look()
            if status.error is not None:  # it may know no more of what was sent before
                status = msgspec.structs.replace(line.status, is_over=True, error=status.error)
            line.show(status)
    except KeyboardInterrupt:
        with suppress(TailerError):  # it is gone, and the replay with it
            line.show(look(act="stop"))
        raise
    except NoDaemonError:
        ended = msgspec.structs.replace(line.status, is_over=True, error="the daemon has ended")
        line.show(ended)


async def _by_itself(file: Path, wish: Wish, line: _Line) -> None:
    """Own the journal, and send."""
    config, plans = load_places(file)
    path = config.journal.path
    if isinstance(path, Path) and not path.exists():
        raise JournalError(f"there is no journal {path} yet: nothing was ever collected here")
    plan = plan_of(plans, line.status.sink)
    journal = make_journal(config)
    await journal.open()
    line.say("no daemon runs: this command sends, and owns the journal meanwhile")

    def observe(report: Report) -> None:
        line.say(str(report))

    def show(replay: Replay) -> None:
        line.show(status_of(plan.name, replay))

    try:
        await replay_alone(
            plan,
            wish.passes(plan, _scopes(read_document(file).get("accounts", ()))),
            config=config,
            journal=journal,
            context=SinkContext(plan.name, sys.stdout.buffer, os.environ, observe),
            clock=SystemClock(),
            show=show,
        )
    except SinkError as error:
        line.show(msgspec.structs.replace(line.status, is_over=True, error=str(error)))
    finally:
        with anyio.CancelScope(shield=True):
            await journal.close()


def _scopes(tables: Iterable[Mapping[str, object]]) -> list[Scope]:
    """Read which kinds accounts want; their credentials are not needed here, nor are their mistakes told."""
    scopes = []
    for table in tables:
        with suppress(msgspec.ValidationError):
            scopes.append(msgspec.convert({"id": table.get("id"), "kinds": table.get("kinds", ())}, Scope))
    return scopes


def _describe(status: ReplayStatus) -> str:
    whole = max(1, status.total)
    text = f"sending again: {100 * status.seen // whole} % of the journal, {count(status.sent, 'event')} sent"
    return f"{text}; {status.waits_for}" if status.waits_for else text


def _tell(status: ReplayStatus, *, is_broken_off: bool = False) -> None:
    """Say what came of it: how much, and from where on."""
    is_empty = status.held_from is None and not is_broken_off  # interrupted, it may not have looked yet
    if is_empty:
        say(f"the journal holds nothing that sink {status.sink} has had, so nothing was sent")
    elif status.held_from is not None and status.dropped:
        before = count(status.dropped, "event")
        say(f"the journal holds what was read since {instant(status.held_from)}; {before} before it: dropped")
    if status.error is not None:
        say(f"sink {status.sink}: {status.error}")
    is_whole = status.is_over and status.error is None and not is_broken_off
    if not is_empty:
        end = "" if is_whole else f", then it was broken off at {100 * status.seen // max(1, status.total)} %"
        say(f"sent {count(status.sent, 'event')} to sink {status.sink} again{end}")
    if status.rejected:
        say(f"the sink rejects {count(status.rejected, 'event')}; tailer dead list names them")
