"""The daemon: one process and one journal, but a sequence of runs, one for each configuration.

Rules:

1. The journal stays open and locked from the first run to the last; what serves the process as a whole (the
   control socket) lives as long.
2. A reload reads the file anew. What can be found wrong with it is found while the old run still works: then
   nothing changes. So it is with a file that says what is in force already.
3. Otherwise the old run drains as at its end, but bounded, and the new one begins where the journal says:
   nothing is lost, and nothing comes twice that would not after a restart. What was spent of the budgets
   stays spent.
4. A new run that fails before it has got as far as serving is given up, and the old configuration goes on.
5. One reload at a time; one that is asked for meanwhile reads the file once more. The end outranks both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio

from tailer.app.aside import in_thread
from tailer.app.control.replies import Reloaded
from tailer.app.daemon.front import Front
from tailer.app.daemon.preflight import try_accounts
from tailer.app.daemon.setup import Setup, changed_tables, read_setup
from tailer.app.daemon.trial import Herald, Trial
from tailer.app.dead import make_dead_letters
from tailer.app.library import make_journal
from tailer.app.run.ask import Ask
from tailer.app.run.failures import unwrapped
from tailer.app.run.history import History
from tailer.app.run.life import Life, Task
from tailer.app.run.run import Run
from tailer.app.sinks import attach
from tailer.app.status.facts import Phase
from tailer.clock import SystemClock
from tailer.config.options import JournalOptions
from tailer.errors import ApiError, ControlError, SinkUnavailableError, TailerError
from tailer.observe import ConnectorFound, Observer, Report
from tailer.sinks.registry import SinkPlan


class Daemon:
    """A daemon, made inside the event loop and run once.

    Args:
        file: The configuration file.
        setup: What was read from it.
        environ: Environment variables.
        once: End when all up to now is delivered.
        herald: Is told what becomes of it.
        observe: Is told what happens in its runs.
        front: Where it shows itself; nothing of that is open yet.
        attend: Gives the endless tasks that belong beside a run.

    Attributes:
        run: The present run; the last one at the end.
        phase: Where it stands.
        has_served: Whether any run has got that far.
    """

    def __init__(
        self,
        file: Path,
        setup: Setup,
        environ: Mapping[str, str],
        *,
        once: bool,
        herald: Herald,
        observe: Observer,
        front: Front,
        attend: Callable[[Run], Sequence[Task]] = lambda _run: (),
    ) -> None:
        self.phase: Phase = "starting"
        self.has_served = False
        self._file = file
        self._setup = setup
        self._environ = environ
        self._once = once
        self._herald = herald
        self._observe = observe
        self._found: set[tuple[str, str]] = set()
        self._front = front
        self._attend = attend
        self._clock = SystemClock()
        self._history = History()
        self._journal = make_journal(setup.config)
        self._kept: JournalOptions | None = setup.config.journal
        self._life: Life | None = None
        self._next: Trial | None = None
        self._reloading = anyio.Lock()
        self._hung_up = anyio.Event()

    @property
    def run(self) -> Run:
        """The present run; the last one at the end. There is one as soon as tasks beside it begin."""
        if self._life is None:
            raise RuntimeError("the daemon has not begun")
        return self._life.run

    @property
    def plans(self) -> tuple[SinkPlan, ...]:
        """The sinks that are in force."""
        return self._setup.plans

    async def live(self, *beside: Task) -> None:
        """Collect to the end.

        Args:
            *beside: Endless tasks that serve the process as a whole; they begin once the journal is ours.

        Raises:
            TailerError: What ended it early.
        """
        await self._journal.open()
        try:
            await self._front.open(self._setup.config.service.listen)
            with unwrapped():
                async with anyio.create_task_group() as group:
                    for task in (self._heed, *beside):
                        group.start_soon(task)
                    await self._live_on()
                    group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await self._front.close()
                await self._journal.close()

    def end(self) -> None:
        """Take nothing new, deliver what was read, and end; a second call does nothing."""
        if self.phase == "draining":
            return
        is_serving = self.phase == "running"
        self.phase = "draining"
        if self._life is not None:
            self._life.end()
        if is_serving:
            self._herald.ends()

    def hang_up(self) -> None:
        """Reload in the background; the herald hears what comes of it."""
        self._hung_up.set()

    async def reload(self) -> Reloaded:
        """Read the file again, and apply it if that is possible; returns when it is in force.

        Raises:
            ConfigError: The file can't be used: all mistakes.
            TailerError: It can't be lived with, for the reason that is told. What was in force still is.
        """
        async with self._reloading:
            self._herald.reloads()
            try:
                changed = await self._reload()
            except TailerError as error:
                self._herald.refused(error)
                raise
            self._herald.reloaded(changed)
            return Reloaded(file=str(self._file), changed=changed)

    async def _reload(self) -> tuple[str, ...]:
        self._check_going_on()
        setup = await in_thread(partial(read_setup, self._file, self._environ))
        changed = changed_tables(self._setup, setup)
        if not changed:
            return ()
        await try_accounts(
            self._setup.config,
            setup.config,
            stopped={account for fleet in self.run.fleets for account in fleet.stopped},
            budgets=self._history.budgets,
            clock=self._clock,
            observe=self._observe,
        )
        async with self._front.moved(setup.config.service.listen):
            await self._try(Trial(setup))
        return changed

    async def _try(self, trial: Trial) -> None:
        """Let a setup take over; raises what hindered it."""
        self._check_going_on()
        self._next = trial
        if self._life is not None:
            self._life.end()
        await trial.settled.wait()
        if trial.error is not None:
            raise trial.error

    def _check_going_on(self) -> None:
        if self.phase == "draining":
            raise _ending()
        if self._once:
            raise ControlError("this daemon runs once and ends by itself, so it keeps its configuration")

    async def _heed(self) -> None:
        while True:
            await self._hung_up.wait()
            self._hung_up = anyio.Event()
            with suppress(TailerError):  # the herald was told
                await self.reload()

    async def _live_on(self) -> None:
        """Live one life after the other, until the end or an error that no other configuration mends."""
        trial: Trial | None = None
        try:
            while True:
                error = await self._live_once(self._setup if trial is None else trial.setup, trial)
                is_ending = self.phase == "draining"
                if trial is not None and not trial.settled.is_set() and not is_ending:
                    trial.settle(error or _ending())
                    trial = None  # the old configuration goes on
                elif self._next is not None and _is_passing(error) and not is_ending:
                    trial, self._next = self._next, None
                elif error is not None:
                    raise error
                else:
                    return
        finally:
            for waiting in (trial, self._next):
                if waiting is not None:
                    waiting.settle(_ending())

    async def _live_once(self, setup: Setup, trial: Trial | None) -> TailerError | None:
        """Live one life; return what ended it early."""
        try:
            await self._keep_journal(setup)
            self._life = life = self._make_life(setup, trial)
            await life.live(*self._attend(life.run))
        except TailerError as error:
            return error
        return None

    async def _keep_journal(self, setup: Setup) -> None:
        """Hand the journal over to another configuration; one that stores it otherwise opens it anew.

        Raises:
            JournalError: It can't be opened any more.
        """
        self._journal.forget_readers()
        if setup.config.journal != self._kept and self._journal.durable:
            self._kept = None
            await self._journal.close()
            self._journal = make_journal(setup.config)
            await self._journal.open()
        self._kept = setup.config.journal

    def _make_life(self, setup: Setup, trial: Trial | None) -> Life:
        if self._life is not None:
            self._history.close(self._life.run.deliveries)
        run = Run(
            setup.config,
            Ask(start=setup.config.polling.start, follow=not self._once),
            journal=self._journal,
            observe=self._note,
            clock=self._clock,
            history=self._history,
            dead=make_dead_letters(setup.config),
            is_open=True,
        )
        life = Life(run, partial(self._begin, run, setup, trial))
        if self.phase == "draining":
            life.end()
        else:
            self.phase = "starting"
        return life

    async def _begin(self, run: Run, setup: Setup, trial: Trial | None) -> None:
        """Take a run whose connectors are known into service."""
        await attach(run, setup.plans, self._environ, self._observe)
        if self.phase == "draining":
            return
        self.phase = "running"
        self.has_served = True
        self._setup = setup
        self._herald.serves(run, setup)
        if trial is not None:
            trial.settle(None)

    def _note(self, report: Report) -> None:
        """Pass a report on, unless it tells once more of a connector that an earlier run has found."""
        if isinstance(report, ConnectorFound):
            found = (report.account, report.connector)
            if found in self._found:
                return
            self._found.add(found)
        self._observe(report)


def _ending() -> ControlError:
    return ControlError("this daemon is ending; its next start reads the file anyway")


def _is_passing(error: TailerError | None) -> bool:
    """Tell whether another configuration, or another try, may do better."""
    return error is None or isinstance(error, ApiError | SinkUnavailableError)
