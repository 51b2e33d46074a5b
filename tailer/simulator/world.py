"""The simulated account as a whole: a fleet and what has happened to it. No I/O, no clock."""

import math
from collections.abc import Callable
from typing import TypeAlias

from tailer.core.durations import Seconds
from tailer.simulator.chronicle import Chronicle
from tailer.simulator.fleet import Connector, build_fleet
from tailer.simulator.options import SimulatorOptions
from tailer.simulator.shelf import Event, Shelf

LONGEST_HISTORY: Seconds = 366 * 86400.0
"""A typing mistake in `epoch` shall not look like a hang."""

Witness: TypeAlias = Callable[[Connector, Event, float], None]
"""Called with (connector, event, visible_at) once for each event, before it is visible."""


class World:
    """What the server knows; told further each time it is asked at a later `now`."""

    def __init__(self, options: SimulatorOptions, started_at: float, witness: Witness | None = None) -> None:
        """Found the world; events are told only when somebody asks.

        Args:
            options: The fleet and its fate.
            started_at: The server's start in its own time, epoch seconds.
            witness: Learns of every event as it is told.

        Raises:
            ValueError: The history is so long that telling it would take minutes.
        """
        self.options = options
        self.started_at = started_at
        self.connectors = build_fleet(options, started_at)
        self._witness = witness
        self._by_id = {connector.id: connector for connector in self.connectors}
        self._shelves = {connector.id: Shelf(options.filter_on) for connector in self.connectors}
        begins_at = math.floor(started_at - options.history if options.epoch is None else options.epoch)
        if started_at - begins_at > LONGEST_HISTORY:
            raise ValueError("--history or --epoch reach further back than a year")
        live_from = begins_at + math.floor(options.history) if options.history_events else begins_at
        self._chronicles = {
            connector.id: Chronicle(options, connector, begins_at, live_from) for connector in self.connectors
        }
        self._chronicles[self.connectors[0].id].expect_bursts(
            [(burst.second(started_at), burst.events) for burst in options.bursts]
        )

    def listed(self, now: float) -> list[Connector]:
        """The connectors that the account has at `now`, in the order of the listing."""
        return [connector for connector in self.connectors if connector.is_known(now)]

    def connector(self, connector_id: str, now: float) -> Connector | None:
        """The connector with this id, or ``None`` where the account has no such at `now`."""
        connector = self._by_id.get(connector_id)
        return connector if connector is not None and connector.is_known(now) else None

    def place_of(self, connector_id: str) -> int | None:
        """Place of a connector that the account has or had or will have, ``None`` of any other."""
        connector = self._by_id.get(connector_id)
        return None if connector is None else connector.place

    def shelf(self, connector: Connector, now: float) -> Shelf:
        """The connector's events, complete up to `now`."""
        shelf = self._shelves[connector.id]
        told = list(self._chronicles[connector.id].tell_until(now))
        if told:
            shelf.add(told)
            if self._witness is not None:
                for event, visible_at in told:
                    self._witness(connector, event, visible_at)
        return shelf

    def tell_all(self, now: float) -> None:
        """Bring every connector's history up to `now`, so that the witness has seen it."""
        for connector in self.connectors:
            self.shelf(connector, now)
