"""What a daemon says of itself: on its log, and to the service manager."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

import msgspec

from tailer.app.daemon.notify import Notifier
from tailer.app.daemon.setup import Setup
from tailer.app.run.outcome import Outcome
from tailer.app.run.run import Run
from tailer.cli.logs import Log
from tailer.cli.summary import summarize
from tailer.cli.times import naive_as_local
from tailer.config.addresses import Address
from tailer.config.options import Config
from tailer.core.matching import unmatched
from tailer.errors import ConfigError, TailerError


class Herald:
    """See `tailer.app.daemon.daemon.Herald`.

    Args:
        log: Where it is said.
        notifier: Who is told as well.
    """

    def __init__(self, log: Log, notifier: Notifier) -> None:
        self._log = log
        self._notifier = notifier

    def begins(self, config: Config) -> None:
        """Say how a configuration was understood."""
        local = naive_as_local(config.polling.start)
        if local is not None:
            self._log.say(f"polling.start is taken for local time, {local}", event="StartRead")

    def serves(self, run: Run, setup: Setup) -> None:
        """Say that a run has begun, and what does not fit its configuration."""
        self._log.use(setup.config.service.log_format)
        self._tell_unmatched(run)
        for name in run.absent_readers:
            self._log.say(
                f"Sink {name!r} is in the journal but no longer configured; what it has not taken "
                "is dropped with what the others have taken, after [journal] retain",
                event="SinkAbsent",
                level="warning",
                sink=name,
            )
        count = len(run.pollers)
        names = ", ".join(plan.name for plan in setup.plans)
        self._log.say(f"{count} connectors are read for {names}", event="Started", connectors=count)
        self._notifier.ready()

    def listens(self, address: Address) -> None:
        """Say where the service is, and warn if others than this machine can reach it."""
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

    def ends(self) -> None:
        """Say that the end has begun."""
        self._notifier.stopping()
        self._log.say("Ending: what was read is delivered first", event="DrainStarted")

    def reloads(self) -> None:
        """Tell the service manager to wait."""
        self._notifier.reloading()

    def reloaded(self, changed: Sequence[str]) -> None:
        """Say what a reload has changed."""
        words = f"Reloaded: {', '.join(changed)} changed" if changed else "Reloaded: nothing has changed"
        self._log.say(words, event="Reloaded", changed=changed)
        self._notifier.ready()

    def refused(self, error: TailerError) -> None:
        """Say why a reload has changed nothing, a mistake a line."""
        mistakes = error.mistakes if isinstance(error, ConfigError) else (str(error),)
        for mistake in mistakes:
            self._log.say(
                f"Not reloaded, the former configuration stays in force: {mistake}",
                event="ReloadRefused",
                level="error",
                reason=mistake,
            )
        self._notifier.ready()

    def stuck(self, ailment: str) -> None:
        """Say that polling does not get on."""
        self._log.say(f"Polling is stuck: {ailment}", event="PollingStuck", level="error")

    def ended(self, outcome: Outcome) -> None:
        """Say what was achieved."""
        fields = msgspec.structs.asdict(outcome)
        fields["unread"] = [one.connector for one in outcome.unread]
        fields["stopped"] = [one.account for one in outcome.stopped]
        self._log.say("; ".join(summarize(outcome, UTC)), event="Ended", **fields)

    def _tell_unmatched(self, run: Run) -> None:
        """Name patterns that mean no connector yet: a later listing may bring one, or it is a typo."""
        for account in run.config.accounts:
            if any(account.id in fleet.stopped for fleet in run.fleets):
                continue  # it was not listed, which was said
            listed = [one for fleet in run.fleets for one in fleet.listed.get(account.id, ())]
            for pattern in unmatched(listed, account.connectors):
                self._log.say(
                    f"Account {account.id}: no connector matches {pattern!r} yet",
                    event="PatternUnmatched",
                    level="warning",
                    account=account.id,
                    pattern=pattern,
                )
