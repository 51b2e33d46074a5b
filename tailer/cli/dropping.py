"""``tailer gaps --drop``: by the daemon, if one runs, and else by this process as the journal's owner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio

from tailer.app.control.client import ask
from tailer.app.gaps.holes import drop_alone
from tailer.app.gaps.listing import GapReport
from tailer.app.whereabouts import journal_of
from tailer.core.durations import Seconds
from tailer.errors import NoDaemonError

PATIENCE: Seconds = 60.0
"""Longest wait for a daemon's answer: each connector costs it a transaction, and it goes on without us."""


def drop_gaps(file: Path, patterns: Sequence[str], since: float | None, until: float | None) -> GapReport:
    """Drop what is still to be read of the connectors that are meant; return what that was.

    Args:
        file: The configuration file.
        patterns: Names the connectors; none: all.
        since: Start of the asked span, epoch seconds; ``None``: from the beginning.
        until: Its end; ``None``: the present.

    Raises:
        ConfigError: The file names no journal that others could find.
        ControlError: There is a daemon that can't be asked.
        JournalError: There is no journal, or it can't be used.
    """
    journal = journal_of(file)
    try:
        return ask(
            journal, "drop", result=GapReport, timeout=PATIENCE, patterns=patterns, since=since, until=until
        )
    except NoDaemonError:
        return anyio.run(drop_alone, journal, patterns, since, until)
