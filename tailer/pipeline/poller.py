"""One connector: plan a window, read it, keep what is new, commit it together with what it proves.

What was read is entered into the connector's book (`tailer.pipeline.book`), which alone talks to the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tailer.core.appliance import Appliance
from tailer.core.dedupe import Selection, select
from tailer.core.durations import Seconds
from tailer.core.parking import ConnectorCase
from tailer.core.progress import Checkpoint
from tailer.core.purpose import Purpose
from tailer.core.reading import Reading, WindowRead, merged
from tailer.core.refill import Refill, judge
from tailer.core.spans import Spans
from tailer.core.tempo import Tempo
from tailer.core.terms import Terms
from tailer.core.windows import Pacing, Plan
from tailer.errors import ApiError, ConnectorGoneError, TransportError
from tailer.interfaces import Stored
from tailer.model import Connector, Event
from tailer.observe import (
    ConnectorParked,
    ConnectorResumed,
    PollFailed,
    PollRecovered,
    Report,
)
from tailer.pipeline.book import Book, Waiting
from tailer.pipeline.context import PollContext
from tailer.pipeline.pages import read_pages
from tailer.pipeline.together import gathered


class Poller:
    """Reads one connector; `poll` is called by one task at a time.

    Args:
        context: Shared by the principal's pollers.
        connector: Whose events; replaced when its notes change.
        stored: Its checkpoint and keys as the journal gave them; the keys are owned from now on.

    Attributes:
        ref: ``account/connector``.
        book: What is known of its events.
        due_at: When it is polled next (monotonic), or its stopped account is tried; in the past while it
            waits for its turn or is polled.
        error: Why it is not read at present; ``None`` while all is well.
        is_stopped: Whether its account is stopped (`tailer.pipeline.warden`).
        appliance: What is known of its appliance: silent or not, what of it is read again.
        refill: What of its lost gaps is read again, as somebody asked for it.
        is_questioned: Whether its last poll was refused once too often, and List Connectors has to tell why.
        may_revisit: Whether the budget has room for a read of the past; what waits for room would hold up
            the polls.
        revisits_first: Whether that goes before a poll that is due: the room for it is kept from all polls.
        has_revisited: Whether its last poll was such a read.
    """

    def __init__(self, context: PollContext, connector: Connector, stored: Stored) -> None:
        self.ref = f"{connector.account}/{connector.id}"
        self.book = Book(context, connector, stored)
        self.due_at = 0.0
        self.error: ApiError | None = None
        self.steps = 0
        self.case = ConnectorCase()
        self.refill = Refill()
        self.is_stopped = False
        self.is_questioned = False
        self.may_revisit = True
        self.revisits_first = False
        self.has_revisited = False
        self._context = context
        self.appliance = Appliance(
            context.api_now(), context.pacing.ladder.lengths[-1], stored.checkpoint.lateness.collected
        )
        self.tempo = Tempo(context.clock.monotonic(), context.pacing.interval)
        self._planner = context.planner(context.pacing, self.appliance.absence)

    @property
    def connector(self) -> Connector:
        """Whose events, as a listing told last."""
        return self.book.connector

    @property
    def checkpoint(self) -> Checkpoint:
        """Durable progress."""
        return self.book.checkpoint

    @property
    def failures(self) -> int:
        """Failed polls in a row."""
        return self.case.failures

    @property
    def is_parked(self) -> bool:
        """Whether the API refuses it, so that it is tried only now and then."""
        return self.case.is_parked

    @property
    def pacing(self) -> Pacing:
        """What it reads how often."""
        return self._context.pacing

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to be read: all of a finite span is, or it was given up."""
        until = self._context.pacing.until
        is_refused = self.is_stopped or self.is_parked or self.failures >= self._context.tries
        if is_refused and until is not None and self._context.api_now() >= until:
            return True
        return self._planner.is_done(self.book.read)

    @property
    def is_slow(self) -> bool:
        """Whether its last request ran into the time limit."""
        return isinstance(self.error, TransportError) and self.error.timed_out

    @property
    def backlog(self) -> Purpose | None:
        """What for something could be read before the next poll is due; ``None`` when nothing could."""
        if self.failures:
            return None
        now = self._context.api_now()
        if self.refill.left or self._planner.is_behind(self.book.read, now):
            return Purpose.LIVE
        plan = self._planner.backlog(self.book.read, now)
        return None if plan is None else plan.purpose

    @property
    def silent_since(self) -> float | None:
        """Last sign of life of its appliance (API time), if that is silent."""
        return self.appliance.silent_since if self.tempo.is_silent else None

    @property
    def next_at(self) -> float:
        """When it wants its next turn (monotonic): `due_at`, or before that to read an absence."""
        if self.failures or self.is_parked or self.appliance.absence.span is None:
            return self.due_at
        context = self._context
        again_at = context.clock.monotonic() + self.appliance.absence.next_at - context.api_now()
        return min(self.due_at, again_at)

    async def poll(self) -> None:
        """Read one window and commit what came of it; afterwards `due_at` tells when to come back.

        Raises:
            JournalError: The events are not durable; nothing was changed.
        """
        context = self._context
        started = context.clock.monotonic()
        began = context.api_now()
        plan = self._plan(began, started)
        self.has_revisited = False
        if plan is not None and plan.purpose == Purpose.REVISIT and plan.aim != "fill":
            if not (self.may_revisit or started >= self.due_at):
                return  # an absence became due: it has to wait for room
            self.has_revisited = await self._carry_out(plan, began, started)
            if self.has_revisited:
                return
            started, began = context.clock.monotonic(), context.api_now()  # it made way for the poll
            plan = self._planner.head(self.book.read, self.book.read.levels, began)
        if plan is None:
            self.due_at = started + self.tempo.interval
            context.board.post(self.ref, self.checkpoint.through, is_behind=False, now=started)
        else:
            await self._carry_out(plan, began, started)

    async def fill(self) -> None:
        """Read the next slice of `refill`, and nothing else; errors as of `poll`."""
        plan = self.refill.plan(self.pacing.slice_rows)
        if plan is not None:
            await self._carry_out(plan, self._context.api_now(), self._context.clock.monotonic())

    async def _carry_out(self, plan: Plan, began: float, started: float) -> bool:
        """Read and commit; return whether anything was asked for: what makes way may not even begin."""
        reading, error = await self._read_all(plan, began)
        if reading.dense and not reading.pages:
            return False
        levels = self.book.read.levels
        is_fill = plan.aim == "fill"
        self.book.silent_since = self.silent_since
        try:
            if error is None and not is_fill:
                levels = self._planner.succeeded(plan, reading, levels)
            choose = partial(self._select, plan, reading)
            events, waiting = await self.book.enter(choose, reading, levels, began, is_ordinary=not is_fill)
            await self._wait_for_details(waiting)
        except BaseException:
            self._plan_anew()  # the planner counts on a read that was never made durable
            raise
        if error is None:
            self._succeed(plan, reading, events, started)
        else:
            self._fail(plan, reading, error)
        return True

    async def _wait_for_details(self, waiting: Waiting | None) -> None:
        """Have what waits for its details journaled as they come; only a sweep is held up by it."""
        details = self._context.details
        if waiting is not None and details is not None:
            await details.take(waiting.events.values(), partial(self.book.settle, waiting))

    def _plan(self, now: float, started: float) -> Plan | None:
        is_early = started < self.due_at or self.revisits_first
        if is_early and not self._planner.is_behind(self.book.read, now):
            plan = self.refill.plan(self.pacing.slice_rows) or self._planner.backlog(self.book.read, now)
            if plan is not None:
                return plan
        return self._planner.head(self.book.read, self.book.read.levels, now) or self._planner.backlog(
            self.book.read, now
        )

    async def _read_all(self, plan: Plan, began: float) -> tuple[Reading, ApiError | None]:
        """Read a plan's slices side by side; return what came of them, and what ended one early."""
        context = self._context
        skip = Spans() if plan.aim == "fill" else self.book.read.unreadable
        terms = self._terms(plan, began)
        reads = [
            WindowRead(
                window,
                context.quirks,
                now=began,
                limit=context.limit,
                kind=context.kind,
                max_rows=plan.max_rows,
                skip=skip,
            )
            for window in plan.slices or (plan.window,)
        ]
        errors = await gathered(
            [
                partial(
                    read_pages,
                    context.client,
                    self.connector,
                    read,
                    terms,
                    context.clock,
                    note=self._note_step,
                )
                for read in reads
            ]
        )
        error = next((error for error in errors if error is not None), None)
        return merged([read.result for read in reads]), error

    def _terms(self, plan: Plan, now: float) -> Terms:
        """Tell how a read is paid, and whether it makes way for a poll: not where none will come."""
        until = self.pacing.until
        is_last = plan.aim == "fill" or (until is not None and now >= until)
        due_at = self.due_at if plan.purpose == Purpose.REVISIT and not is_last else None
        return Terms(self._context.client.budget, plan.purpose, plan.later, due_at=due_at)

    def _note_step(self) -> None:
        self.steps += 1

    def _select(self, plan: Plan, reading: Reading) -> Selection:
        """Choose what is new; of a fill only what lies in the gap, for only there keys were kept."""
        rows, keys, checkpoint, window = reading.rows, self.book.keys, self.book.read, plan.window
        if plan.aim != "fill":
            return select(rows, keys, window, origin=checkpoint.origin, until=self._context.pacing.until)
        start = max(checkpoint.origin, window.start)
        selection = select(rows, keys, window, origin=start, until=window.end)
        new, doubtful = judge(selection.events, window, checkpoint.floor)
        self.refill.doubtful += len(doubtful)
        return selection._replace(events=new)

    def _succeed(self, plan: Plan, reading: Reading, events: Sequence[Event], started: float) -> None:
        context, connector = self._context, self.connector
        context.tally.polls += 1
        if events:
            self.case.bring_events()
        if self.case.is_missing:
            self.leave()
            return
        if self.case.parked_at is not None:
            parked = started - self.case.parked_at
            context.observe(ConnectorResumed(connector.id, connector.name, parked))
        elif self.failures:
            context.observe(PollRecovered(connector.id, connector.name, self.failures))
        context.pacing.parked -= self.is_parked
        self.case.succeed()
        self.error = None
        if plan.aim == "fill":
            self.refill.found += len(events)
            self.refill.read(plan.window, reading, self.pacing.slice_rows)
        else:
            self._notice(plan, reading, events)
        if plan.aim == "head":
            interval = self._pace(events, started)
            # A window that proved too dense for one read is gone on with at once, slice by slice; if it was
            # so wide for its level, without that: its newest events may be unread.
            is_behind = self._planner.is_behind(self.book.read, context.api_now())
            is_begun = reading.dense and (bool(plan.level) or is_behind)
            self.due_at = started if is_begun else started + interval
        has_reached_head = plan.aim == "head" and not reading.dense
        context.board.post(
            self.ref,
            self.checkpoint.through,
            is_behind=not has_reached_head,
            now=context.clock.monotonic(),
        )
        if self.tempo.is_silent:  # nothing is expected of it, and its polls are rare: nobody waits for it
            context.board.give_up(self.ref, context.clock.monotonic())

    def _notice(self, plan: Plan, reading: Reading, events: Sequence[Event]) -> None:
        """Learn from a read how the appliance is; what is asked of a finite span is read, silent or not."""
        now = self._context.api_now()
        is_again = plan.aim == "absence"
        if is_again and not reading.dense:
            self.appliance.absence.read(plan.window.end, now, has_found=bool(events))
        if self._context.pacing.until is not None:
            self.tempo.is_silent = False
            return
        self.appliance.brought(events, self.checkpoint.lateness.collected, now, is_again=is_again)
        self.tempo.is_silent = self.appliance.silent_since is not None

    def hear(self, connector: Connector, now: float) -> bool:
        """Learn what a listing says of this connector; return whether its appliance was silent and is back.

        Args:
            connector: As it was listed.
            now: API time at which the listing was asked for.
        """
        self.book.connector = connector
        was_silent, was_missing = self.tempo.is_silent, self.case.is_missing
        self.case.find()
        if self._context.pacing.until is None:
            self.appliance.listed(connector.heartbeat_at, now, was_missing=was_missing)
            self.tempo.is_silent = self.appliance.silent_since is not None
        return was_silent and not self.tempo.is_silent

    def _pace(self, events: Sequence[Event], now: float) -> Seconds:
        """Tell after how long the next poll is due, and all whom it concerns."""
        context = self._context
        api_now = context.api_now()
        interval = context.pace.next(self.tempo, [api_now - event.t for event in events], now)
        self._planner.interval = interval
        context.board.allow_wait(self.ref, context.longest_wait(interval))
        return interval

    def _plan_anew(self) -> None:
        """Forget what reads have shown."""
        self._planner = self._context.planner(self._context.pacing, self.appliance.absence)
        self._planner.interval = self.tempo.interval

    def _fail(self, plan: Plan, reading: Reading, error: ApiError) -> None:
        context = self._context
        context.tally.failed_polls += 1
        if plan.aim == "fill":
            self.refill.failed(plan.window, reading)
        else:
            self._planner.failed(plan, reading.pages)
        if len(plan.slices) > 1 and reading.covered and not self.is_parked:
            self.case.succeed()  # it gets on: what failed is one of several slices
        self._judge(error)

    def _judge(self, error: ApiError) -> None:
        """Back off, park, or have List Connectors asked."""
        context = self._context
        self.error = error
        now = context.clock.monotonic()
        context.board.give_up(self.ref, now)
        pacing, was_parked = context.pacing, self.is_parked
        delay = self.case.fail(
            error, now, interval=pacing.interval, unit=context.random(), spread=pacing.parked_spread
        )
        pacing.parked += self.is_parked - was_parked
        self._give_up_if_parked()
        self.is_questioned = delay is None
        if delay is not None:
            self._put_off(error, delay, now)

    def leave(self) -> None:
        """Park this connector, as listings do not have it any more; it is not being polled."""
        connector = self.connector
        self._judge(
            ConnectorGoneError(f"connector {connector.id}: List Connectors does not have it any more")
        )

    def judge(self, *, is_listed: bool) -> None:
        """Learn what List Connectors said when it was asked about this connector's refusals.

        Args:
            is_listed: Whether it was answered, so that the refusals are this connector's own; else nobody
                knows, and it is tried again like after any failure.
        """
        context = self._context
        self.is_questioned = False
        if self.error is not None:
            now = context.clock.monotonic()
            pacing, was_parked = context.pacing, self.is_parked
            delay = self.case.decide(
                is_listed=is_listed,
                now=now,
                interval=pacing.interval,
                unit=context.random(),
                spread=pacing.parked_spread,
            )
            pacing.parked += self.is_parked - was_parked
            self._give_up_if_parked()
            self._put_off(self.error, delay, now)

    def stop(self, error: ApiError, next_at: float) -> None:
        """Take note that nothing of the account is read, so nobody waits for this connector.

        Args:
            error: Why.
            next_at: When the account is tried again (monotonic), and this connector soon after.
        """
        self.error, self.is_stopped, self.is_questioned = error, True, False
        self.refill.give_up()
        self.due_at = next_at
        self._context.board.give_up(self.ref, self._context.clock.monotonic())

    def go_on(self, due_at: float) -> None:
        """Begin anew at `due_at` (monotonic): the refusals so far say nothing any more."""
        self.is_stopped = self.is_questioned = False
        self.case.forgive()
        self.due_at = due_at

    def _give_up_if_parked(self) -> None:
        """Let nobody wait for a fill of a connector that is tried now and then only."""
        if self.is_parked:
            self.refill.give_up()

    def _put_off(self, error: ApiError, delay: Seconds, now: float) -> None:
        """Come back after a while."""
        context, connector, case = self._context, self.connector, self.case
        delay = context.bounded(delay)
        self.due_at = now + delay
        if case.is_parked:
            report: Report = ConnectorParked(connector.id, connector.name, case.tries, delay, str(error))
        else:
            report = PollFailed(connector.id, connector.name, case.failures, delay, str(error))
        context.observe(report)
