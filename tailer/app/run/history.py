"""What the runs of one process have in common: budgets that are spent, and everything that was counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tailer.app.principals import Budgets
from tailer.interfaces import RequestCounters
from tailer.pipeline.delivery import Delivery
from tailer.pipeline.tally import Tally


@dataclass(slots=True)
class History:
    """Handed from run to run, so that a new configuration neither crosses the quota nor resets a counter.

    Attributes:
        budgets: By principal.
        tally: What the pipeline counts.
        clients: What each client that was ever made has done; few small numbers each.
        delivered: Events accepted by each sink in runs that have ended.
        set_aside: Events rejected by each sink, likewise.
    """

    budgets: Budgets = field(default_factory=Budgets)
    tally: Tally = field(default_factory=Tally)
    clients: list[RequestCounters] = field(default_factory=list)
    delivered: Counter[str] = field(default_factory=Counter)
    set_aside: Counter[str] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        """Requests sent so far."""
        return sum(client.requests for client in self.clients)

    def close(self, deliveries: Iterable[Delivery]) -> None:
        """Add what the sinks of a run have done that has ended."""
        for one in deliveries:
            self.delivered[one.reader.options.name] += one.delivered
            self.set_aside[one.reader.options.name] += one.set_aside
