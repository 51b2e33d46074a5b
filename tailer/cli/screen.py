"""A run whose events go to stdout, and on stderr how it goes: what `tail` and `demo` share."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import anyio

from tailer.app.exitcode import ExitCode
from tailer.app.life import Task
from tailer.app.outcome import outcome_of
from tailer.app.run import Ask, Run
from tailer.cli.narrator import Narrator
from tailer.cli.session import Session, every
from tailer.cli.summary import summarize
from tailer.clock import SystemClock
from tailer.config.options import Config
from tailer.core.durations import Seconds
from tailer.core.ordering import Order
from tailer.errors import SinkClosedError
from tailer.interfaces import Resume, Sink
from tailer.journal.memory import MemoryJournal
from tailer.model import Batch
from tailer.sinks.options import SinkContext
from tailer.sinks.stdout import StdoutSink

TICK: Seconds = 0.5
"""How often the status line is brought up to date, and stdout looked at."""

NAME = "stdout"

BATCH = 5000
"""Most events written at once: 2 MB, which a history fills and a live tail never does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What the lines look like, in the words of the flags."""

    output: Literal["auto", "pretty", "jsonl"] = "auto"
    order: Order = "global"
    utc: bool = False
    color: Literal["auto", "always", "never"] = "auto"


class Screen:
    """One run on the screen, or in a pipe.

    Args:
        config: Whom to ask and what for; its journal and sinks are left alone.
        ask: The span.
        look: What the lines look like.
        check: Called with the run once the connectors are known; raises `ConfigError`.
        duration: Seconds of delivering after which the run is drained; ``None``: not by time.
    """

    def __init__(
        self,
        config: Config,
        ask: Ask,
        look: Look,
        *,
        check: Callable[[Run], None] = lambda _run: None,
        duration: Seconds | None = None,
    ) -> None:
        clock = SystemClock()
        self.narrator = Narrator(sys.stderr, os.environ.get("TERM", ""), clock.monotonic)
        journal = MemoryJournal()
        self._run = Run(config, ask, journal=journal, observe=self.narrator, clock=clock)
        self._look = look
        self._check = check
        self._duration = duration
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
                self.narrator.say(*summarize(outcome_of(self._run), utc=self._look.utc))
        return ExitCode.DONE if closed else self._session.exit_code(outcome_of(self._run).exit_code)

    async def _prepare(self) -> None:
        self._check(self._run)
        self.narrator.know_fleet()
        look, stdout = self._look, sys.stdout.buffer
        context = SinkContext(NAME, stdout, os.environ, self.narrator)
        sink: Sink = StdoutSink(
            StdoutSink.Config(format=look.output, utc=look.utc, color=look.color), context
        )
        if stdout.isatty():
            sink = _Courteous(sink, self.narrator)
        self._run.deliver(sink, await self._run.open_reader(NAME, look.order, max_events=BATCH))

    def _tasks(self) -> list[Task]:
        tasks = [every(TICK, self.narrator.tick), every(TICK, _check_reader)]
        if self._duration is not None:
            tasks.append(self._end_after)
        return tasks

    async def _end_after(self) -> None:
        await self._session.serving.wait()
        await anyio.sleep(self._duration or 0.0)
        self._session.drain()

    def _activity(self) -> str | None:
        """Say what is being done as long as nothing is to be seen."""
        if not self._session.serving.is_set():
            return "asking the API for the connectors"
        if any(delivery.delivered for delivery in self._run.deliveries):
            return None
        return f"reading {len(self._run.pollers)} connectors, {self._run.tally.events} events so far"


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
