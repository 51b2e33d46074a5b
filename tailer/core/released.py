"""Runs of events on their way out of an ordering, each with the chunk of the journal that it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import msgspec

from tailer.model import Event

BY_TIME = attrgetter("t")
"""Orders events by t alone."""

BY_KEY = attrgetter("t", "n")
"""Orders events of one connector."""


class Chunk:
    """Events of one segment: those from `at` on are held, those before `accepted` are accepted.

    Args:
        ref: ``account/connector``.
        first: Journal number of the first event.
        events: Sorted by (t, n).
        read_at: API time at which their poll began.
    """

    __slots__ = ("accepted", "at", "events", "first", "read_at", "ref")

    def __init__(self, ref: str, first: int, events: list[Event], read_at: float) -> None:
        self.ref = ref
        self.first = first
        self.events = events
        self.read_at = read_at
        self.at = 0
        self.accepted = 0


class Released(NamedTuple):
    """Events in their final order, each with the chunk it came from (parallel lists of one length)."""

    events: list[Event]
    chunks: list[Chunk]

    def parted(self, count: int) -> tuple[Released, Released]:
        """Return the first `count` events, and the rest."""
        events, chunks = self
        return Released(events[:count], chunks[:count]), Released(events[count:], chunks[count:])

    def sorted(self, key: Callable[[Event], Any]) -> Released:
        """Return the same sorted by a key of the events; stable."""
        return self._arranged(list(map(key, self.events)))

    def by_number(self) -> Released:
        """Return the same in the order of the journal, if each chunk's events are in order."""
        return self._arranged([chunk.first for chunk in self.chunks])

    def _arranged(self, keys: list[Any]) -> Released:
        if len(keys) < 2:
            return self
        order = itemgetter(*sorted(range(len(keys)), key=keys.__getitem__))
        return Released([*order(self.events)], [*order(self.chunks)])


def joined(parts: Iterable[Released]) -> Released:
    """Put runs one behind the other."""
    filled = [part for part in parts if part.events]
    if len(filled) == 1:
        return filled[0]
    return Released(
        list(chain.from_iterable(part.events for part in filled)),
        list(chain.from_iterable(part.chunks for part in filled)),
    )


def marked_late(events: Iterable[Event]) -> list[Event]:
    """Give copies that are marked late: the originals belong to the journal and to other readers."""
    return [event if event.late else msgspec.structs.replace(event, late=True) for event in events]
