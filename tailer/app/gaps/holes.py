"""The gaps of a collection as its owner has them: listed with their reasons, dropped where that is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import anyio
import msgspec

from tailer.app.aside import in_thread
from tailer.app.gaps.listing import GapReport, ListedGap, gaps_of, report_of
from tailer.app.inquiry import connector_of
from tailer.app.run.run import Run
from tailer.core.advance import dropped
from tailer.core.matching import is_meant
from tailer.core.missing import NOT_YET_READ
from tailer.core.spans import Span
from tailer.core.standing import behind_after
from tailer.interfaces import Commit
from tailer.journal.glance import glance
from tailer.journal.sqlite import SqliteJournal
from tailer.model import Connector
from tailer.pipeline.fleet import Fleet
from tailer.pipeline.poller import Poller


def gaps_within(run: Run, patterns: Sequence[str], since: float | None, until: float | None) -> GapReport:
    """List the gaps of a run's connectors, with the reason why open ones are still open.

    Of a connector that earlier runs have read and that is not listed now only the lost ones.

    Args:
        run: It has been entered.
        patterns: Names the connectors; none: all.
        since: Start of the asked span, API time; ``None``: from the beginning.
        until: Its end; ``None``: the present.
    """
    found = _found(run, patterns, since, until)
    unlisted = [*lost_of_unlisted(run, patterns, since, until)]
    gaps = [gap for _, listed in (*found, *unlisted) for gap in listed]
    return report_of(
        gaps,
        connectors=len(found) + len(unlisted),
        since=since,
        until=until,
        taken_at=run.clock.wall(),
    )


async def drop_within(
    run: Run, patterns: Sequence[str], since: float | None, until: float | None
) -> GapReport:
    """Drop what `gaps_within` lists as open; return it as it is from now on. Arguments as there."""
    found = _found(run, patterns, since, until)
    gaps: list[ListedGap] = []
    for poller, listed in found:
        spans = _open_spans(listed)
        await poller.book.drop(spans)
        gaps += _as_dropped(listed)
    return report_of(gaps, connectors=len(found), since=since, until=until, taken_at=run.clock.wall())


async def drop_alone(
    path: Path, patterns: Sequence[str], since: float | None, until: float | None
) -> GapReport:
    """Drop what is still to be read according to a journal that nobody has open, as its owner.

    Args:
        path: The journal.
        patterns: Names the connectors; none: all.
        since: Start of the asked span, API time; ``None``: from the beginning.
        until: Its end; ``None``: the present.

    Raises:
        JournalError: There is none, somebody has it, or it can't be used.
    """
    await in_thread(partial(glance, path))  # to open one that is not there would make it
    now = time.time()
    gaps: list[ListedGap] = []
    journal = SqliteJournal(path)
    await journal.open()
    try:
        known = (await in_thread(partial(glance, path))).connectors
        meant = [one for one in known if is_meant(connector_of(one), patterns)]
        claims = {account: await journal.claim(account) for account in {one.account for one in meant}}
        for one in meant:
            listed = gaps_of(connector_of(one), one.checkpoint, since=since, until=until, now=now)
            checkpoint = dropped(one.checkpoint, _open_spans(listed))
            await journal.commit(claims[one.account], Commit(one.account, one.connector, checkpoint))
            gaps += _as_dropped(listed)
    finally:
        with anyio.CancelScope(shield=True):
            await journal.close()
    return report_of(gaps, connectors=len(meant), since=since, until=until, taken_at=now)


def why_unread(poller: Poller, fleet: Fleet, run: Run) -> str:
    """Say why a connector has not been read further: its own reason before one that it shares."""
    if poller.error is not None:
        words = "parked" if poller.is_parked else "account stopped" if poller.is_stopped else "read failed"
        return f"{words}: {poller.error}"
    if run.room.full_since is not None:
        return "paused: the journal has no room"
    budget = fleet.crowd.budget
    if budget.reason is not None:
        return f"paused: {budget.reason}"
    if budget.spent(run.clock.monotonic()) >= budget.allowed:
        return "paused: what may be used of the quota is spent for now"
    return NOT_YET_READ


def meant_of(run: Run, patterns: Sequence[str]) -> Iterator[tuple[Poller, Fleet]]:
    """Give the connectors of a run that are named; without patterns all."""
    for fleet in run.fleets:
        for poller in fleet.pollers.values():
            if is_meant(poller.connector, patterns):
                yield poller, fleet


def lost_of_unlisted(
    run: Run, patterns: Sequence[str], since: float | None, until: float | None
) -> Iterator[tuple[Connector, list[ListedGap]]]:
    """Give the connectors of earlier runs that nobody lists and that have lost gaps, each with its own.

    Args:
        run: It has been entered.
        patterns: Names the connectors, by their ids; none: all.
        since: Start of the asked span, API time; ``None``: from the beginning.
        until: Its end; ``None``: the present.
    """
    for fleet in run.fleets:
        for connector, checkpoint in fleet.unlisted:
            gaps = gaps_of(connector, checkpoint, since=since, until=until, now=run.clock.wall())
            lost = [gap for gap in gaps if gap.state == "lost"]
            if lost and is_meant(connector, patterns):
                yield connector, lost


def gaps_of_poller(
    poller: Poller, fleet: Fleet, run: Run, since: float | None, until: float | None
) -> list[ListedGap]:
    """List the gaps of one connector; arguments as of `gaps_within`."""
    return gaps_of(
        poller.connector,
        poller.checkpoint,
        since=since,
        until=until,
        now=fleet.client.api_time.now(run.clock.monotonic()),
        why=why_unread(poller, fleet, run),
        patience=behind_after(poller.tempo.interval),
    )


def _found(
    run: Run, patterns: Sequence[str], since: float | None, until: float | None
) -> list[tuple[Poller, list[ListedGap]]]:
    """Give the connectors that are meant, each with its gaps."""
    return [
        (poller, gaps_of_poller(poller, fleet, run, since, until))
        for poller, fleet in meant_of(run, patterns)
    ]


def _open_spans(listed: Sequence[ListedGap]) -> list[Span]:
    return [(gap.start, gap.end) for gap in listed if gap.state == "open"]


def _as_dropped(listed: Sequence[ListedGap]) -> list[ListedGap]:
    """Give the open gaps as they are once they are dropped."""
    return [
        msgspec.structs.replace(gap, state="lost", reason="dropped") for gap in listed if gap.state == "open"
    ]
