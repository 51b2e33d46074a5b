"""``tailer run``: from a configuration file to a daemon that heeds signals and commands."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio

from tailer.app.control.host import keep_control
from tailer.app.daemon.commands import commands_of
from tailer.app.daemon.daemon import Daemon
from tailer.app.daemon.front import Front
from tailer.app.daemon.notify import Notifier, take_notifier
from tailer.app.daemon.setup import Setup, read_setup
from tailer.app.daemon.snapshot import this_process
from tailer.app.daemon.view import View
from tailer.app.daemon.vigil import Vigil
from tailer.app.exitcode import ExitCode
from tailer.app.run.failures import unwrapped
from tailer.app.run.life import Task
from tailer.app.run.outcome import outcome_of
from tailer.app.run.run import Run
from tailer.app.status.facts import ProcessStatus
from tailer.cli.exits import code_of
from tailer.cli.herald import Herald
from tailer.cli.logs import Level, Log
from tailer.cli.session import Signals
from tailer.errors import ConfigError, SinkClosedError, TailerError


def run(path: Path, *, once: bool) -> ExitCode:
    """Collect what the configuration names; return the exit code.

    Args:
        path: The configuration file.
        once: End when all up to now is delivered.

    Raises:
        ConfigError: The file can't be used; nothing was started.
    """
    process = this_process(time.time())
    notifier = take_notifier(os.environ)
    file = path.absolute()
    setup = read_setup(file, os.environ)

    async def live() -> ExitCode:
        return await Collector(file, setup, process, notifier, once=once).run()

    try:
        return anyio.run(live)
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # or one that comes late would decide the exit code


class Collector:
    """A daemon with all that surrounds it; made inside the event loop.

    Args:
        path: The configuration file.
        setup: What was read from it.
        process: This process.
        notifier: Speaks to the service manager.
        once: End when all up to now is delivered.
    """

    def __init__(
        self, path: Path, setup: Setup, process: ProcessStatus, notifier: Notifier, *, once: bool
    ) -> None:
        self._setup = setup
        self._process = process
        self._notifier = notifier
        self._log = Log(sys.stderr, setup.config.service.log_format)
        self._herald = Herald(self._log, notifier)
        self._front = Front(self._log, self._herald.listens)
        self._daemon = Daemon(
            path,
            setup,
            os.environ,
            once=once,
            herald=self._herald,
            observe=self._log,
            front=self._front,
            attend=self._attend,
        )
        self._signals = Signals(self._daemon.end, lambda: None, self._daemon.hang_up)

    async def run(self) -> ExitCode:
        """Run to the end; the log's last lines say what was achieved, and what ended it early.

        Raises:
            ConfigError: Something in the file can't be used; nothing was started.
        """
        self._herald.begins(self._setup.config)
        failure: TailerError | None = None
        try:
            with unwrapped():
                async with anyio.create_task_group() as group:
                    await group.start(self._signals.attend)
                    await self._daemon.live(*self._beside())
                    group.cancel_scope.cancel()
        except TailerError as error:
            if isinstance(error, ConfigError) and not self._daemon.has_served:
                raise
            failure = error
        if self._daemon.has_served:
            self._herald.ended(outcome_of(self._daemon.run))
        if failure is None:
            return self._signals.exit_code(outcome_of(self._daemon.run).exit_code)
        level: Level = "info" if isinstance(failure, SinkClosedError) else "error"
        self._notifier.status(str(failure))
        self._log.say(str(failure), event=type(failure).__name__, level=level)
        return code_of(failure)

    def _beside(self) -> list[Task]:
        """Give what serves the process as a whole."""
        journal = self._setup.config.journal.path
        if not isinstance(journal, Path):
            return []  # in memory, there is no place that others would look for a socket
        commands = commands_of(self._daemon, self._process)
        return [partial(keep_control, journal, commands, program=self._process.version, observe=self._log)]

    def _attend(self, run: Run) -> Sequence[Task]:
        """Give what belongs beside one run."""
        view = View(run, self._process, lambda: self._daemon.phase)
        self._front.show(view)
        return [Vigil(view.health, self._notifier, view.count, self._herald.stuck).keep]
