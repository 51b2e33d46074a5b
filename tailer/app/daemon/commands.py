"""What a running daemon can be asked to do over its control socket."""

from __future__ import annotations

from typing import Literal

import msgspec

from tailer.app.control.replies import Reloaded, ReplayStatus, Retried
from tailer.app.control.server import Command, Commands, NoArguments
from tailer.app.daemon.daemon import Daemon
from tailer.app.daemon.snapshot import snapshot
from tailer.app.dead import retry_within
from tailer.app.gaps.filling import ask_to_fill, fill_status
from tailer.app.gaps.holes import drop_within, gaps_within
from tailer.app.gaps.listing import FillStatus, GapReport
from tailer.app.replaying import Wish, begin_replay, delivery_of, replay_status
from tailer.app.status.facts import MAX_CONNECTORS, ProcessStatus, Status


class StatusArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which connectors a status lists: see `tailer.app.daemon.snapshot.snapshot`."""

    limit: int | None = MAX_CONNECTORS
    patterns: tuple[str, ...] = ()


class GapsArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which gaps are listed, or dropped: see `tailer.app.gaps.listing.GapReport`."""

    patterns: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None


class FillArguments(GapsArguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lost gaps are read again, or how that stands: see `tailer.app.gaps.filling`."""

    begin: bool = False


class DeadArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which dead letters are written again: see `tailer.app.dead.retry_within`."""

    sink: str
    ids: tuple[str, ...] | None = None


class ReplayArguments(GapsArguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sent again, or what becomes of that: see `tailer.app.replaying`."""

    sink: str
    act: Literal["begin", "look", "stop"] = "look"


def commands_of(daemon: Daemon, process: ProcessStatus) -> Commands:
    """Give the commands of a daemon, by name."""

    async def status(arguments: StatusArguments) -> Status:
        return snapshot(daemon.run, process, daemon.phase, limit=arguments.limit, patterns=arguments.patterns)

    async def gaps(arguments: GapsArguments) -> GapReport:
        return gaps_within(daemon.run, arguments.patterns, arguments.since, arguments.until)

    async def drop(arguments: GapsArguments) -> GapReport:
        return await drop_within(daemon.run, arguments.patterns, arguments.since, arguments.until)

    async def fill(arguments: FillArguments) -> FillStatus:
        act = ask_to_fill if arguments.begin else fill_status
        return act(daemon.run, arguments.patterns, arguments.since, arguments.until)

    async def reload(_: NoArguments) -> Reloaded:
        return await daemon.reload()

    async def dead(arguments: DeadArguments) -> Retried:
        return await retry_within(daemon.run, arguments.sink, arguments.ids)

    async def replay(arguments: ReplayArguments) -> ReplayStatus:
        delivery = delivery_of(daemon.run, arguments.sink)
        if arguments.act == "begin":
            wish = Wish(arguments.patterns, arguments.since, arguments.until)
            begin_replay(daemon.run, daemon.plans, delivery, wish)
        elif arguments.act == "stop" and delivery.replay is not None:
            delivery.replay.stop()
        return replay_status(delivery)

    return {
        "status": Command(StatusArguments, status),
        "gaps": Command(GapsArguments, gaps),
        "drop": Command(GapsArguments, drop),
        "fill": Command(FillArguments, fill),
        "reload": Command(NoArguments, reload),
        "dead": Command(DeadArguments, dead),
        "replay": Command(ReplayArguments, replay),
    }
