"""Connectors as they stand: counted all, ranked by trouble, described one by one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from heapq import nsmallest
from typing import Any, Literal, NamedTuple

from tailer.app.status.facts import MAX_SPANS, ConnectorStatus, FleetStatus, GapStatus, OverdueReason
from tailer.app.status.lateness import delays
from tailer.core.advance import frontier_of
from tailer.core.durations import Seconds
from tailer.core.ladder import REACH
from tailer.core.lateness import merged
from tailer.core.missing import NOT_YET_READ, missing_of
from tailer.core.progress import Checkpoint
from tailer.core.standing import Condition, Standing
from tailer.model import Connector

LAG_QUANTILES = ("0.5", "0.9", "0.99", "1")
"""Those that are shown of the lags; 1 is the worst."""

_RANKS = {"parked": 0, "failing": 1, "behind": 2, "unknown": 3, "well": 3}

_READ = frozenset({"well", "behind"})
"""Conditions of connectors that are read at present; of others no reach can be told."""


class Overdue(NamedTuple):
    """What is known of the deep reads of a connector that are not made in time.

    Attributes:
        reach: Seconds of lateness up to which its late events are found in time nevertheless.
        because: Why they are not made in time.
    """

    reach: Seconds
    because: OverdueReason


class Surveyed(NamedTuple):
    """One connector.

    Attributes:
        connector: Who.
        checkpoint: Its durable progress.
        standing: What that means.
        condition: How its polls go; "unknown" when nobody polls.
        keys: Events that are remembered of it; ``None`` when not counted.
        lag: Seconds from `Standing.whole_through` to the present; ``None`` when nobody polls.
        reach: Seconds that it is read back at most, where memory is short; ``None``: as configured.
        overdue: How far late events are found in time where deeper reads are overdue; ``None``: none is.
        silent_since: Last sign of life of its appliance, whose heartbeat has stopped; ``None``: it has not.
    """

    connector: Connector
    checkpoint: Checkpoint
    standing: Standing
    condition: Condition | Literal["unknown"]
    keys: int | None = None
    lag: Seconds | None = None
    reach: Seconds | None = None
    silent_since: float | None = None
    overdue: Overdue | None = None


def summarized(all_of_them: Sequence[Surveyed]) -> FleetStatus:
    """Count them."""
    counts = Counter(one.condition for one in all_of_them)
    polled = [one for one in all_of_them if one.condition not in {"parked", "failing"}]
    waited_for = [one for one in polled if one.silent_since is None] or polled
    oldest = min(all_of_them, key=_whole_through, default=None)
    newest = [one.checkpoint.newest[0] for one in all_of_them if one.checkpoint.newest is not None]
    gaps = [gap for one in all_of_them for gap in one.checkpoint.gaps]
    keys = [one.keys for one in all_of_them if one.keys is not None]
    reaches = [one.reach for one in all_of_them if one.reach is not None]
    overdue = [one.overdue for one in all_of_them if one.overdue is not None]
    silences = [one.silent_since for one in all_of_them if one.silent_since is not None]
    return FleetStatus(
        connectors=len(all_of_them),
        well=counts["well"],
        behind=counts["behind"],
        failing=counts["failing"],
        parked=counts["parked"],
        unknown=counts["unknown"],
        whole_through=min(map(_whole_through, waited_for), default=None),
        settled_through=_settled_through(all_of_them),
        oldest=None if oldest is None else _whole_through(oldest),
        oldest_name=None if oldest is None else oldest.connector.name,
        newest_at=max(newest, default=None),
        with_gaps=sum(1 for one in all_of_them if one.checkpoint.gaps),
        gaps=len(gaps),
        gap_seconds=sum(gap.end - gap.start for gap in gaps),
        unread=sum(len(one.standing.holes) for one in all_of_them),
        keys=sum(keys) if keys else None,
        cut=len(reaches),
        shortest_reach=min(reaches, default=None),
        lags=_lags(all_of_them),
        lateness=delays(merged(one.checkpoint.lateness for one in all_of_them)),
        silent=len(silences),
        silent_since=min(silences, default=None),
        ladder_reach=min(
            (_ladder_reach(one) for one in all_of_them if one.condition in _READ and one.checkpoint.levels),
            default=None,
        ),
        overdue=len(overdue),
        overdue_because=Counter(one.because for one in overdue),
        affordable_reach=min((one.reach for one in overdue), default=None),
    )


def worst_of(all_of_them: Iterable[Surveyed], limit: int | None) -> list[Surveyed]:
    """Choose those that people should see first: in trouble, then with holes or gaps, then by name.

    Args:
        all_of_them: In any order.
        limit: How many at most; ``None``: all.
    """
    if limit is None:
        return sorted(all_of_them, key=_rank)
    return nsmallest(limit, all_of_them, key=_rank)


def described(one: Surveyed, *, why: str = NOT_YET_READ, **present: Any) -> ConnectorStatus:
    """Tell all about one of them.

    Args:
        one: Who.
        why: Why what is still to be read was not read yet.
        **present: The attributes that only its poller knows.
    """
    connector, checkpoint, standing = one.connector, one.checkpoint, one.standing
    gaps = missing_of(checkpoint, frontier_of(checkpoint), why)[-MAX_SPANS:]
    return ConnectorStatus(
        account=connector.account,
        connector=connector.id,
        name=connector.name,
        serial=connector.serial,
        condition=one.condition,
        newest_at=None if checkpoint.newest is None else checkpoint.newest[0],
        origin=checkpoint.origin,
        read_through=standing.read_through,
        whole_through=standing.whole_through,
        settled_through=standing.settled_through,
        gaps=len(checkpoint.gaps),
        gap_seconds=sum(gap.end - gap.start for gap in checkpoint.gaps),
        unread=len(standing.holes),
        unread_seconds=sum(end - start for start, end in standing.holes),
        spans=tuple(GapStatus(**gap._asdict()) for gap in gaps),
        keys=one.keys,
        reach=one.reach,
        affordable_reach=one.overdue and one.overdue.reach,
        overdue_because=one.overdue and one.overdue.because,
        silent_since=one.silent_since,
        lateness=delays(checkpoint.lateness),
        **present,
    )


def _lags(all_of_them: Iterable[Surveyed]) -> dict[str, Seconds]:
    """Give quantiles of the lags by nearest rank."""
    lags = sorted(
        one.lag
        for one in all_of_them
        if one.lag is not None and one.condition != "parked" and one.silent_since is None
    )
    if not lags:
        return {}
    return {name: lags[max(0, math.ceil(float(name) * len(lags)) - 1)] for name in LAG_QUANTILES}


def headline(fleet: FleetStatus) -> str:
    """Put a fleet into one line, for ``systemctl status``."""
    if not fleet.connectors:
        return "no connectors are known yet"
    troubles = {
        "failing": fleet.failing,
        "parked": fleet.parked,
        "behind": fleet.behind,
        "with gaps": fleet.with_gaps,
    }
    told = [f"{count} {word}" for word, count in troubles.items() if count]
    words = f"{fleet.connectors} connectors, {', '.join(told) if told else 'all well'}"
    if fleet.whole_through is None:
        return words
    return f"{words}; read through {datetime.fromtimestamp(fleet.whole_through, UTC):%Y-%m-%d %H:%M:%SZ}"


def _ladder_reach(one: Surveyed) -> Seconds:
    """Give the lateness up to which events are found, as far as memory and budget allow."""
    limits = (REACH * one.checkpoint.levels[-1][0], one.reach, one.overdue and one.overdue.reach)
    return min(limit for limit in limits if limit is not None)


def _settled_through(all_of_them: Iterable[Surveyed]) -> int | None:
    """Give the lowest of theirs; ``None`` where one has none."""
    settled = [one.standing.settled_through for one in all_of_them]
    known = [through for through in settled if through is not None]
    return min(known) if known and len(known) == len(settled) else None


def _whole_through(one: Surveyed) -> int:
    return one.standing.whole_through


def _rank(one: Surveyed) -> tuple[int, int, int, str, str]:
    rank = _RANKS[one.condition]
    is_incomplete = bool(one.standing.holes or one.checkpoint.gaps)
    lag = 0 if one.condition == "well" else one.standing.whole_through
    return (rank, not is_incomplete, lag, one.connector.name, one.connector.id)
