"""A setup that is to replace the one in force, and who is told what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import anyio

from tailer.app.daemon.setup import Setup
from tailer.app.run.run import Run
from tailer.errors import TailerError


class Herald(Protocol):
    """Who is told what becomes of a daemon; never blocks, never raises."""

    def serves(self, run: Run, setup: Setup) -> None:
        """A run has got as far as serving: its connectors are known, its sinks are attached."""

    def ends(self) -> None:
        """The end has begun: what was read is delivered first."""

    def reloads(self) -> None:
        """A reload has begun; one of the next two follows."""

    def reloaded(self, changed: Sequence[str]) -> None:
        """These tables have changed and are in force; none: all is as it was."""

    def refused(self, error: TailerError) -> None:
        """A reload has failed; what was in force still is."""


class Trial:
    """A setup that is tried: whoever wants it waits for `settled`.

    Attributes:
        setup: What is tried.
        settled: Whether it is in force, or was given up.
        error: Why it was given up.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.settled = anyio.Event()
        self.error: TailerError | None = None

    def settle(self, error: TailerError | None) -> None:
        """Tell who waits what came of it; the first word counts."""
        if not self.settled.is_set():
            self.error = error
            self.settled.set()
