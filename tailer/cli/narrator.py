"""Tells people at a terminal, or in a pipe, what they should know while events go to stdout.

1. What passes by itself is one line that is updated and vanishes, if stderr is a terminal. Elsewhere it is a
   plain line when it begins and one when it is over, not repeated.
2. What stays true (a gap, a connector that is refused) is a line that stays.
3. While stdout writes to the same terminal, nothing is drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from tailer.cli.exits import clean, say
from tailer.cli.line import StatusLine
from tailer.cli.troubles import Family, Troubles, describe
from tailer.core.durations import Seconds
from tailer.observe import (
    AccountResumed,
    AccountStopped,
    ClockStepped,
    ConnectorFound,
    ConnectorParked,
    ConnectorResumed,
    DetailsMissed,
    GapRecorded,
    IntervalStretched,
    KindChanged,
    PollFailed,
    Report,
    TokenRenewed,
)

AGAIN_AFTER: Seconds = 60.0
"""The same trouble that comes and goes is not told more often, where there is no line to update."""

LASTING_FAILURES = 3
"""Failed polls in a row after which a connector's trouble is no passing one."""

LASTING = (
    AccountResumed,
    ClockStepped,
    ConnectorResumed,
    DetailsMissed,
    GapRecorded,
    IntervalStretched,
    KindChanged,
    TokenRenewed,
)
"""What people should still see when they look up later."""

MAX_LASTING = 10
"""Lines of one sort that stay: a fleet of thousands must not bury the events."""


class Narrator:
    """An observer of a run, for people.

    Args:
        stream: stderr.
        term: What the environment calls the terminal.
        monotonic: The clock's.
        shared: Whether others may write to the same terminal, such as the ``head`` behind our stdout.
    """

    def __init__(
        self, stream: TextIO, term: str, monotonic: Callable[[], float], *, shared: bool = False
    ) -> None:
        self._line = StatusLine(stream, term, shared=shared)
        self._monotonic = monotonic
        self._troubles = Troubles()
        self._activity: Callable[[], str | None] = _nothing
        self._held = False
        self._waiting: list[str] = []
        self._told: Family | None = None
        self._told_at: dict[Family, float] = {}
        self._knows_fleet = False
        self._lasting: Counter[type[Report]] = Counter()

    def __call__(self, report: Report) -> None:
        """Take a report."""
        now = self._monotonic()
        self._troubles.note(report, now)
        if self._is_lasting(report):
            self._keep(report)
        if not self._line.is_possible:
            self._tell(now)
        self.tick()

    @property
    def draws(self) -> bool:
        """Whether there is a status line at all."""
        return self._line.is_possible

    def say(self, *sentences: str) -> None:
        """Print lines that stay, above the status line."""
        if self._held:
            self._waiting += sentences
            return
        self._line.hide()
        say(*sentences)
        self.tick()

    def begin(self, activity: Callable[[], str | None]) -> None:
        """Show what is being done while all is well, from the next `tick` on; ``None``: nothing to show."""
        self._activity = activity

    def know_fleet(self) -> None:
        """Note that the connectors were listed: from now on one that turns up is news."""
        self._knows_fleet = True

    def drain(self) -> None:
        """Show that the end was asked for, and how to have it sooner; the API's troubles no longer matter."""
        self._troubles = Troubles()
        self._activity = lambda: "finishing what was read; Ctrl-C again leaves at once"
        self.tick()

    def tick(self) -> None:
        """Bring the status line up to date; called every now and then."""
        if self._held or not self._line.is_possible:
            return
        now = self._monotonic()
        trouble = self._troubles.worst(now)
        text = self._activity() if trouble is None else describe(trouble, now)
        if text is None:
            self._line.hide()
        else:
            self._line.show(f"tailer: {' '.join(clean(text).split())}")

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leave the terminal to others for a while."""
        self._line.hide()
        self._held = True
        try:
            yield
        finally:
            self._held = False
            waiting, self._waiting = self._waiting, []
            self.say(*waiting)

    def close(self) -> None:
        """Say nothing more of what passes; what `say` is given is still printed."""
        self._activity = _nothing
        self._troubles = Troubles()
        self._held = False
        self._line.hide()

    def _is_lasting(self, report: Report) -> bool:
        """Choose what people should still see when they look up later."""
        match report:
            case PollFailed(failures=failures):
                return failures == LASTING_FAILURES
            case ConnectorParked(tries=tries) | AccountStopped(tries=tries):
                return tries == 1
            case ConnectorFound():
                return self._knows_fleet
            case _:
                return isinstance(report, LASTING)

    def _keep(self, report: Report) -> None:
        """Print a report that lasts, unless there have been many of its sort."""
        self._lasting[type(report)] += 1
        if self._lasting[type(report)] <= MAX_LASTING:
            self.say(str(report))
        elif self._lasting[type(report)] == MAX_LASTING + 1:
            self.say("there is more of this sort, which is not told one by one; the summary counts it")

    def _tell(self, now: float) -> None:
        """Tell once what would be on the status line; parked and stopped ones have a line that stays."""
        trouble = self._troubles.worst(now)
        if trouble is None or trouble.family == "parked":
            if self._told is not None:
                self._told = None
                self.say("going on as usual")
        elif trouble.family not in {"account", "retry", self._told} and (
            now - self._told_at.get(trouble.family, -AGAIN_AFTER) >= AGAIN_AFTER
        ):
            self._told = trouble.family
            self._told_at[trouble.family] = now
            self.say(describe(trouble, now))


def _nothing() -> str | None:
    return None
