"""Events sent again from the journal, by the daemon between its batches or by whoever owns the journal.

What a sink's `filter` and the accounts' `kinds` keep from it, is not sent to it here either; but nobody knows
any more what was late, so that is not judged.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import anyio
import msgspec

from tailer.app.control.replies import ReplayStatus
from tailer.app.dead import make_dead_letters
from tailer.app.run.run import Run
from tailer.app.run.wanted import both, wanted_of
from tailer.clock import Clock
from tailer.config.options import Config, Scope
from tailer.config.words import nearest_of, quoted
from tailer.core.filter import EventFilter
from tailer.errors import ConfigError, ControlError
from tailer.interfaces import Journal, ReaderState, Resume
from tailer.model import Event
from tailer.pipeline.delivery import CLOSE_LIMIT, Delivery
from tailer.pipeline.handover import Handover
from tailer.pipeline.reader import ReaderOptions
from tailer.pipeline.replay import Replay
from tailer.sinks.options import SinkContext, estimate_bytes
from tailer.sinks.registry import SinkPlan


class Wish(NamedTuple):
    """What is to be sent again.

    Attributes:
        patterns: Names the connectors; none: all.
        since: Start of the asked span, epoch seconds; ``None``: all that is held.
        until: Its end; ``None``: no end. An event is meant if it was recorded or collected in between.
    """

    patterns: Sequence[str] = ()
    since: float | None = None
    until: float | None = None

    def passes(self, plan: SinkPlan, scopes: Iterable[Scope]) -> Callable[[Event], bool]:
        """Give what tells whether an event is sent again to a sink."""
        start = -math.inf if self.since is None else self.since
        end = math.inf if self.until is None else self.until
        meant = EventFilter(connectors=self.patterns)

        def is_asked(event: Event) -> bool:
            return (start <= event.t < end or start <= event.a < end) and meant(event)

        wanted = both(wanted_of(scopes), plan.options.filter.make().admits)
        return both(is_asked, wanted) or is_asked


def plan_of(plans: Sequence[SinkPlan], name: str) -> SinkPlan:
    """Find a sink by its name; raises `ConfigError` with the nearest."""
    for plan in plans:
        if plan.name == name:
            return plan
    raise ConfigError(
        f"--sink: no sink is called {quoted(name)}; {nearest_of(name, [p.name for p in plans])}"
    )


def delivery_of(run: Run, name: str) -> Delivery:
    """Find a delivery by its sink's name; raises `ControlError` if there is none."""
    for delivery in run.deliveries:
        if delivery.reader.options.name == name:
            return delivery
    raise ControlError(
        f"the daemon has no sink called {quoted(name)}; perhaps its file has changed: reload it"
    )


def begin_replay(run: Run, plans: Sequence[SinkPlan], delivery: Delivery, wish: Wish) -> None:
    """Have a running delivery send a part of the journal again; returns at once.

    Raises:
        ConfigError: The sink is not in force any more.
        ControlError: It can't be now.
    """
    options = delivery.reader.options
    passes = wish.passes(plan_of(plans, options.name), run.config.accounts)
    delivery.begin_replay(Replay(run.journal, passes, options, delivery.reader.offset))


def replay_status(delivery: Delivery) -> ReplayStatus:
    """Tell how the present or last replay of a delivery stands."""
    name = delivery.reader.options.name
    if delivery.replay is None:
        return ReplayStatus(sink=name, error="no replay is under way any more; a reload breaks one off")
    return status_of(name, delivery.replay, None if delivery.error is None else str(delivery.error))


def status_of(name: str, replay: Replay, waits_for: str | None = None) -> ReplayStatus:
    """Put a replay into a reply."""
    return ReplayStatus(
        sink=name,
        held_from=replay.held_from,
        dropped=replay.begin,
        total=max(0, replay.end - replay.begin),
        seen=replay.seen,
        sent=replay.sent,
        rejected=replay.rejected,
        is_over=replay.is_over,
        error=replay.error,
        waits_for=None if replay.is_over else waits_for,
    )


async def replay_alone(
    plan: SinkPlan,
    passes: Callable[[Event], bool],
    *,
    config: Config,
    journal: Journal,
    context: SinkContext,
    clock: Clock,
    show: Callable[[Replay], None],
) -> None:
    """Send a part of the journal to a sink again, as the journal's owner: no daemon has it.

    Args:
        plan: The sink.
        passes: Which events are sent.
        config: Tells where dead letters lie.
        journal: Open; it keeps the sink's state.
        context: For the sink; its observer is told what happens.
        clock: For the waits.
        show: Is given the replay at its begin and after each step.

    Raises:
        SinkError: The sink is away, or breaks its contract.
        JournalError: The journal can't be read, or the sink's state could not be committed.
    """
    options = plan.options
    stored = await journal.load_reader(plan.name) or ReaderState()

    async def commit(state: bytes | None) -> None:
        # What is the highest has been stored; only a change of it would be told.
        await journal.commit_reader(plan.name, msgspec.structs.replace(stored, highest={}, sink=state))

    batches = ReaderOptions(
        name=plan.name,
        order=options.order,
        hold=0.0,
        max_held=0,
        max_events=options.max_events,
        max_bytes=options.max_bytes,
        estimate=estimate_bytes,
    )
    replay = Replay(journal, passes, batches, stored.offset)
    show(replay)
    if replay.is_over:
        return
    handover = Handover(
        name=plan.name,
        sink=plan.build(context),
        commit=commit,
        dead=make_dead_letters(config),
        is_ending=lambda: True,
        clock=clock,
        observe=context.observer,
        random=random.random,
    )
    try:
        await commit(await handover.open(Resume(stored.offset, stored.sink)))
        while not replay.is_over:
            await replay.step(handover)
            show(replay)
    finally:
        with anyio.move_on_after(CLOSE_LIMIT, shield=True):
            await handover.sink.close()
