"""The gaps of a collection as a list: from its daemon, if one runs, and else from the journal it has left.

Light, as the command line imports it; `tailer.app.gaps.holes` takes the list from a run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tailer.app.control.client import ask
from tailer.app.inquiry import connector_of
from tailer.app.status.facts import GapStatus, Shown
from tailer.app.whereabouts import journal_of
from tailer.core.durations import Seconds
from tailer.core.matching import is_meant
from tailer.core.missing import NOT_YET_READ, end_of_gaps, missing_of, within
from tailer.core.progress import Checkpoint
from tailer.core.standing import BEHIND_AFTER
from tailer.errors import ControlError, NoDaemonError
from tailer.journal.glance import glance
from tailer.model import Connector


class ListedGap(GapStatus, frozen=True, kw_only=True):
    """One gap of one connector.

    Attributes:
        account: Account id.
        connector: Its id.
        name: What people call it.
        serial: Serial number of the device, "" when unknown.
    """

    account: str
    connector: str
    name: str
    serial: str


class GapReport(Shown, frozen=True, kw_only=True):
    """The gaps that were asked for. API time, where nothing else is said.

    Attributes:
        taken_at: Wall time.
        since: Start of the asked span; ``None``: from the origin of each connector.
        until: Its end; ``None``: the present.
        connectors: How many were asked for.
        gaps: By account, connector and time.
        open: How many of them are open.
        open_seconds: Their length.
        lost: How many are lost.
        lost_seconds: Their length.
        note: What people should know of where this comes from; ``None``: from the daemon, as it should.
    """

    taken_at: float
    since: float | None
    until: float | None
    connectors: int
    gaps: tuple[ListedGap, ...]
    open: int
    open_seconds: int
    lost: int
    lost_seconds: int
    note: str | None = None


class FillStatus(Shown, frozen=True, kw_only=True):
    """How a fill of lost gaps stands.

    Attributes:
        gaps: Those that are still lost in the asked span.
        left: Seconds of them that are still to be tried; 0: it is over.
        found: Events that fills of these connectors have brought since the daemon's start.
        doubtful: Rows that they have left out, as nobody knows whether they are journaled.
        obstacles: Why connectors can't be read at present, one sentence each.
    """

    gaps: GapReport
    left: int
    found: int
    doubtful: int
    obstacles: tuple[str, ...] = ()


def gaps_of(
    connector: Connector,
    checkpoint: Checkpoint,
    *,
    since: float | None,
    until: float | None,
    now: float,
    why: str = NOT_YET_READ,
    patience: Seconds = BEHIND_AFTER,
) -> list[ListedGap]:
    """List the gaps of one connector; see `tailer.core.missing` for the arguments."""
    end = end_of_gaps(checkpoint, now, until, patience)
    start = -math.inf if since is None else since
    return [
        ListedGap(
            account=connector.account,
            connector=connector.id,
            name=connector.name,
            serial=connector.serial,
            **gap._asdict(),
        )
        for gap in within(missing_of(checkpoint, end, why), start, math.inf)
    ]


def report_of(
    gaps: Iterable[ListedGap],
    *,
    connectors: int,
    since: float | None,
    until: float | None,
    taken_at: float,
    note: str | None = None,
) -> GapReport:
    """Sum gaps up."""
    listed = sorted(gaps, key=lambda gap: (gap.account, gap.connector, gap.start))
    lengths = {
        state: [gap.end - gap.start for gap in listed if gap.state == state] for state in ("open", "lost")
    }
    return GapReport(
        taken_at=taken_at,
        since=since,
        until=until,
        connectors=connectors,
        gaps=tuple(listed),
        open=len(lengths["open"]),
        open_seconds=sum(lengths["open"]),
        lost=len(lengths["lost"]),
        lost_seconds=sum(lengths["lost"]),
        note=note,
    )


def find_gaps(file: Path, patterns: Sequence[str], since: float | None, until: float | None) -> GapReport:
    """Find out what the collection of a configuration file has not read; blocks for a moment.

    Args:
        file: The configuration file.
        patterns: Names the connectors; none: all.
        since: Start of the asked span, epoch seconds; ``None``: from the beginning.
        until: Its end; ``None``: the present.

    Raises:
        ConfigError: The file names no journal that others could find.
        JournalError: There is none, or it can't be read.
    """
    journal = journal_of(file)
    note = "no daemon runs; this is what the journal holds"
    try:
        live = ask(journal, "gaps", result=GapReport, patterns=patterns, since=since, until=until)
        if live.connectors or patterns:
            return live
        note = "the daemon is starting; this is what the journal holds"
    except NoDaemonError:
        pass
    except ControlError as error:
        note = f"{error}; this is what the journal holds"
    return _left(journal, patterns, since, until, note)


def _left(
    journal: Path, patterns: Sequence[str], since: float | None, until: float | None, note: str
) -> GapReport:
    now = time.time()
    known = [(connector_of(one), one.checkpoint) for one in glance(journal).connectors]
    meant = [(connector, checkpoint) for connector, checkpoint in known if is_meant(connector, patterns)]
    gaps = [
        gap
        for connector, checkpoint in meant
        for gap in gaps_of(connector, checkpoint, since=since, until=until, now=now)
    ]
    return report_of(gaps, connectors=len(meant), since=since, until=until, taken_at=now, note=note)
