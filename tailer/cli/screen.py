"""A run whose events go to stdout, and on stderr how it goes: what `tail` and `demo` share."""

from __future__ import annotations

import os
import select
import stat
import sys
from collections.abc import Callable

import anyio

from tailer.app.exitcode import ExitCode
from tailer.app.run.ask import Ask
from tailer.app.run.life import Task
from tailer.app.run.outcome import outcome_of
from tailer.app.run.run import Run
from tailer.cli.narrator import Narrator
from tailer.cli.session import Session, every
from tailer.cli.summary import summarize
from tailer.clock import SystemClock
from tailer.config.options import Config
from tailer.core.durations import Seconds, format_duration
from tailer.core.ordering import Order
from tailer.errors import SinkClosedError
from tailer.interfaces import Resume, Sink
from tailer.journal.memory import MemoryJournal
from tailer.model import Batch, Event
from tailer.sinks import zones
from tailer.sinks.options import SinkContext
from tailer.sinks.stdout import StdoutSink

TICK: Seconds = 0.5
"""How often the status line is brought up to date, and stdout looked at."""

NAME = "stdout"

BATCH = 5000
"""Most events written at once: 2 MB, which a history fills and a live tail never does."""


class Screen:
    """One run on the screen, or in a pipe.

    Args:
        config: Whom to ask and what for; its journal and sinks are left alone.
        ask: The span.
        look: What the lines look like.
        order: Of the events; see `tailer.core.ordering`.
        wanted: Which events are shown; ``None``: all.
        check: Called with the run once the connectors are known; raises `ConfigError`.
        duration: Seconds of delivering after which the run is drained; ``None``: not by time.
        idle_exit: Seconds without an event to show after which it is drained; ``None``: not by that.
    """

    def __init__(
        self,
        config: Config,
        ask: Ask,
        look: StdoutSink.Config,
        *,
        order: Order = "global",
        wanted: Callable[[Event], bool] | None = None,
        check: Callable[[Run], None] = lambda _run: None,
        duration: Seconds | None = None,
        idle_exit: Seconds | None = None,
    ) -> None:
        clock = SystemClock()
        term = os.environ.get("TERM", "")
        self.narrator = Narrator(sys.stderr, term, clock.monotonic, shared=_is_read_by_others())
        journal = MemoryJournal()
        self._run = Run(config, ask, journal=journal, observe=self.narrator, clock=clock)
        self._look = look
        self._order = order
        self._wanted = wanted
        self._check = check
        self._duration = duration
        self._idle = None if idle_exit is None else Idleness(idle_exit, clock.monotonic)
        self._session = Session(
            self._run, self._prepare, on_drain=self.narrator.drain, on_leave=self.narrator.close
        )

    async def show(self) -> ExitCode:
        """Run to the end and say on stderr what was read.

        Raises:
            TailerError: What ended it early.
        """
        self.narrator.begin(self._activity)
        closed = False
        try:
            await self._session.conduct(*self._tasks())
        except SinkClosedError:
            closed = True
        finally:
            self.narrator.close()
            if self._session.serving.is_set() and not closed:
                self.narrator.say(*summarize(outcome_of(self._run), self._zone))
        return ExitCode.DONE if closed else self._session.exit_code(outcome_of(self._run).exit_code)

    async def _prepare(self) -> None:
        self._check(self._run)
        self.narrator.know_fleet()
        stdout = sys.stdout.buffer
        sink: Sink = StdoutSink(self._look, SinkContext(NAME, stdout, os.environ, self.narrator))
        if stdout.isatty():
            sink = _Courteous(sink, self.narrator)
        reader = await self._run.open_reader(NAME, self._order, max_events=BATCH, wanted=self._wanted)
        self._run.deliver(sink, reader)

    def _tasks(self) -> list[Task]:
        tasks = [every(TICK, self.narrator.tick), every(TICK, _check_reader)]
        if self._duration is not None:
            tasks.append(self._end_after)
        if self._idle is not None:
            tasks.append(every(TICK, self._check_idle))
        return tasks

    async def _end_after(self) -> None:
        await self._session.serving.wait()
        await anyio.sleep(self._duration or 0.0)
        self._session.drain()

    def _check_idle(self) -> None:
        idle = self._idle
        if idle is None or not self._session.serving.is_set() or not idle.is_over(self._delivered):
            return
        if self._run.waiting:
            return
        self._idle = None
        if not self._session.was_interrupted:
            self.narrator.say(f"nothing new for {format_duration(idle.limit)}, so this is the end")
            self._session.drain()

    @property
    def _delivered(self) -> int:
        return sum(delivery.delivered for delivery in self._run.deliveries)

    @property
    def _zone(self) -> zones.Zone:
        return zones.choose(self._look.time_zone, utc=self._look.utc)

    def _activity(self) -> str | None:
        """Say what is being done as long as nothing is to be seen."""
        if not self._session.serving.is_set():
            return "asking the API for the connectors"
        if self._delivered:
            return None
        return f"reading {len(self._run.pollers)} connectors, {self._run.tally.events} events so far"


class Idleness:
    """Tells when nothing has come for a while.

    Args:
        limit: Seconds of that while; it begins when `is_over` is asked first, and anew with each event.
        monotonic: The clock's.
    """

    def __init__(self, limit: Seconds, monotonic: Callable[[], float]) -> None:
        self.limit = limit
        self._monotonic = monotonic
        self._count = -1
        self._since = 0.0

    def is_over(self, count: int) -> bool:
        """Tell whether the while is over.

        Args:
            count: Events so far.
        """
        now = self._monotonic()
        if count != self._count:
            self._count, self._since = count, now
        return now - self._since >= self.limit


class _Courteous:
    """A sink for a terminal that stderr writes to as well: no status line while it writes."""

    def __init__(self, sink: Sink, narrator: Narrator) -> None:
        self._sink = sink
        self._narrator = narrator

    async def open(self, resume: Resume) -> bytes | None:
        return await self._sink.open(resume)

    async def write(self, batch: Batch) -> bytes | None:
        with self._narrator.aside():
            return await self._sink.write(batch)

    async def close(self) -> None:
        await self._sink.close()


def _is_read_by_others() -> bool:
    """Tell whether stdout leads to a program, which probably writes to the terminal in its own time."""
    try:
        mode = os.fstat(sys.stdout.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _check_reader() -> None:
    """Notice that nobody reads stdout any more before there is something to write.

    Raises:
        SinkClosedError: Nobody does.
    """
    if not hasattr(select, "poll"):  # Windows: the next write tells
        return
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    looks = select.poll()
    looks.register(number, 0)
    if any(event & (select.POLLERR | select.POLLHUP) for _, event in looks.poll(0)):
        raise SinkClosedError("Nobody reads standard output any more")
