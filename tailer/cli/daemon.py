"""``tailer run``: from a configuration file to a run with a journal and sinks."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import anyio
import msgspec

from tailer.app.exitcode import ExitCode
from tailer.app.library import make_journal
from tailer.app.notify import Notifier, take_notifier
from tailer.app.outcome import Outcome, outcome_of
from tailer.app.run import Ask, Run
from tailer.app.service import serving
from tailer.app.sinks import load_with_sinks
from tailer.app.snapshot import this_process
from tailer.app.status import Phase
from tailer.app.view import View
from tailer.app.vigil import Vigil
from tailer.cli.exits import code_of
from tailer.cli.logs import Level, Log
from tailer.cli.session import Session
from tailer.cli.summary import summarize
from tailer.cli.times import naive_as_local
from tailer.config.addresses import Address
from tailer.config.options import Config
from tailer.core.matching import unmatched
from tailer.errors import SinkClosedError, TailerError
from tailer.sinks.options import SinkContext
from tailer.sinks.registry import SinkPlan


def run(path: Path, *, once: bool) -> ExitCode:
    """Collect what the configuration names; return the exit code.

    Args:
        path: The configuration file.
        once: End when all up to now is delivered.

    Raises:
        ConfigError: The file can't be used; nothing was started.
    """
    notifier = take_notifier(os.environ)
    config, plans = load_with_sinks(path, os.environ)

    async def live() -> ExitCode:
        return await Daemon(config, plans, notifier, once=once).run()

    return anyio.run(live)


class Daemon:
    """One life of the daemon; made inside the event loop.

    Args:
        config: What to read, and the journal.
        plans: Where it goes.
        notifier: Speaks to the service manager.
        once: End when all up to now is delivered.
    """

    def __init__(self, config: Config, plans: Sequence[SinkPlan], notifier: Notifier, *, once: bool) -> None:
        self._config = config
        self._plans = plans
        self._notifier = notifier
        self._phase: Phase = "starting"
        self._log = Log(sys.stderr, config.service.log_format)
        ask = Ask(start=config.polling.start, follow=not once)
        self._run = Run(config, ask, journal=make_journal(config), observe=self._log)

    async def run(self) -> ExitCode:
        """Run to the end; the log's last lines say what was achieved, and what ended it early."""
        log = self._log
        local = naive_as_local(self._config.polling.start)
        if local is not None:
            log.say(f"polling.start is taken for local time, {local}", event="StartRead")
        session = Session(self._run, self._prepare, on_drain=self._tell_drain, on_leave=lambda: None)
        view = View(self._run, this_process(time.time()), lambda: self._phase)
        vigil = Vigil(view.health, self._notifier, view.count, self._tell_stuck)
        failure: TailerError | None = None
        async with serving(self._config.service.listen, view, log) as address:
            self._tell_service(address)
            try:
                await session.conduct(vigil.keep)
            except TailerError as error:
                failure = error
        outcome = outcome_of(self._run)
        if session.serving.is_set():
            self._tell_end(outcome)
        if failure is None:
            return session.exit_code(outcome.exit_code)
        level: Level = "info" if isinstance(failure, SinkClosedError) else "error"
        self._notifier.status(str(failure))
        log.say(str(failure), event=type(failure).__name__, level=level)
        return code_of(failure)

    async def _prepare(self) -> None:
        for plan in self._plans:
            options = plan.options
            reader = await self._run.open_reader(
                plan.name,
                options.order,
                max_events=options.max_events,
                max_bytes=options.max_bytes,
                linger=options.linger,
            )
            sink = plan.build(SinkContext(plan.name, sys.stdout.buffer, os.environ, self._log))
            self._run.deliver(sink, reader)
        self._tell_unmatched()
        for name in self._run.absent_readers:
            self._log.say(
                f"Sink {name!r} is in the journal but no longer configured; what it has not taken "
                "is dropped with what the others have taken, after [journal] retain",
                event="SinkAbsent",
                level="warning",
                sink=name,
            )
        count = len(self._run.pollers)
        names = ", ".join(plan.name for plan in self._plans)
        self._log.say(f"{count} connectors are read for {names}", event="Started", connectors=count)
        self._phase = "running"
        self._notifier.ready()

    def _tell_service(self, address: Address | None) -> None:
        if address is None:
            return
        self._log.say(
            f"The service listens on http://{address}", event="ServiceStarted", address=str(address)
        )
        if not address.is_loopback:
            self._log.say(
                f"The service listens beyond this machine, without a password: whoever reaches {address} can"
                " read names of connectors and what is known of them",
                event="ServiceExposed",
                level="warning",
                address=str(address),
            )

    def _tell_stuck(self, ailment: str) -> None:
        self._log.say(f"Polling is stuck: {ailment}", event="PollingStuck", level="error")

    def _tell_unmatched(self) -> None:
        """Name patterns that mean no connector yet: a later listing may bring one, or it is a typo."""
        for account in self._config.accounts:
            listed = [one for fleet in self._run.fleets for one in fleet.listed.get(account.id, ())]
            for pattern in unmatched(listed, account.connectors):
                self._log.say(
                    f"Account {account.id}: no connector matches {pattern!r} yet",
                    event="PatternUnmatched",
                    level="warning",
                    account=account.id,
                    pattern=pattern,
                )

    def _tell_drain(self) -> None:
        self._phase = "draining"
        self._notifier.stopping()
        self._log.say("Ending: what was read is delivered first", event="DrainStarted")

    def _tell_end(self, outcome: Outcome) -> None:
        fields = msgspec.structs.asdict(outcome)
        fields["unread"] = [one.connector for one in outcome.unread]
        self._log.say("; ".join(summarize(outcome, utc=True)), event="Ended", **fields)
