"""The truth file: JSON Lines that say what a perfect client must have found.

One line per event, written when the event has become visible, so that at any moment the file holds what the
API has had to show and nothing else: {"connector", "t", "n", "k", "a", "visible_at"}. Started again with the
same file, the simulator adds only what is not in it yet.
"""

import heapq
from pathlib import Path
from typing import TypeAlias

import msgspec

from tailer.simulator.fleet import Connector
from tailer.simulator.shelf import Event

Identity: TypeAlias = tuple[str, float, float]

_encode = msgspec.json.Encoder().encode


class Line(msgspec.Struct, frozen=True):
    """One event that is, or was, visible."""

    connector: str
    t: int | float
    n: int | float
    k: str
    a: int | float
    visible_at: float

    def identity(self) -> Identity:
        """What makes it this event and no other."""
        return (self.connector, self.t, self.n)


class Ledger:
    """Waits with each event until it is visible. Pure; the file is `append`'s business."""

    def __init__(self, known: set[Identity]) -> None:
        self._known = known
        self._waiting: list[tuple[float, int, Line]] = []
        self._arrivals = 0

    def witness(self, connector: Connector, event: Event, visible_at: float) -> None:
        """Take note of an event, unless the file has it already."""
        line = Line(connector.id, event.t, event.n, event.k, event.a, visible_at)
        if line.identity() in self._known:
            return
        self._arrivals += 1  # a tie breaker: lines have no order of their own
        heapq.heappush(self._waiting, (visible_at, self._arrivals, line))

    def collect(self, now: float) -> list[Line]:
        """Hand over the events that have become visible at or before `now`, each once, in that order."""
        lines = []
        while self._waiting and self._waiting[0][0] <= now:
            lines.append(heapq.heappop(self._waiting)[2])
        return lines


def read_known(path: Path) -> set[Identity]:
    """Read which events a truth file holds already; a torn last line is cut off.

    Raises:
        OSError: The file cannot be read or written.
        ValueError: The file holds something else than truth.
    """
    if not path.exists():
        return set()
    text = path.read_bytes()
    whole = text.rfind(b"\n") + 1
    if whole < len(text):
        with path.open("r+b") as file:
            file.truncate(whole)
    try:
        lines = msgspec.json.Decoder(Line).decode_lines(text[:whole])
    except msgspec.DecodeError as error:
        raise ValueError(f"{path} is not a truth file of the simulator ({error})") from error
    return {line.identity() for line in lines}


def append(path: Path, lines: list[Line]) -> None:
    """Write lines at the end of the file, which is created where it does not exist; flushed on return."""
    with path.open("ab") as file:
        file.write(b"".join(_encode(line) + b"\n" for line in lines))
