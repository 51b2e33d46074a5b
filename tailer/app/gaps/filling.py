"""Lost gaps read again, by the daemon between its polls, or without one by whoever owns the journal for it.

A fill has no state of its own: what is left of it, what it has found and what is still a gap is read from the
pollers, whoever asks. So it may be asked for twice, and one that nobody waits for any more goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import anyio

from tailer.app.gaps.holes import gaps_of_poller, lost_of_unlisted, meant_of, why_unread
from tailer.app.gaps.listing import FillStatus, ListedGap, report_of
from tailer.app.run.run import Run
from tailer.core.spans import Span
from tailer.pipeline.fleet import Fleet
from tailer.pipeline.poller import Poller


class _Asked(NamedTuple):
    """A connector whose gaps are meant.

    Attributes:
        poller: Its poller.
        fleet: Its fleet.
        lost: Its lost gaps in the asked span.
    """

    poller: Poller
    fleet: Fleet
    lost: list[ListedGap]

    @property
    def spans(self) -> list[Span]:
        """The gaps as spans."""
        return [(gap.start, gap.end) for gap in self.lost]

    @property
    def left(self) -> int:
        """Seconds that are still to be tried, or that were read whole and wait for an event's details."""
        read = self.poller.book.read.gap_spans
        waiting = [part for start, end in self.spans for part in read.missing(start, end)]
        left = self.poller.refill.left.update(waiting)
        return sum(
            max(0, min(end, high) - max(start, low)) for start, end in self.spans for low, high in left
        )


def ask_to_fill(run: Run, patterns: Sequence[str], since: float | None, until: float | None) -> FillStatus:
    """Have the lost gaps of an asked span read again, and return at once.

    Args:
        run: Being served, or to be filled by `fill_alone`.
        patterns: Names the connectors; none: all.
        since: Start of the asked span, API time; ``None``: from the beginning.
        until: Its end; ``None``: the present.
    """
    asked = list(_asked(run, patterns, since, until))
    for fleet in run.fleets:
        spans = {one.poller.ref: one.spans for one in asked if one.fleet is fleet and one.lost}
        if spans:
            fleet.fill(spans)
    return fill_status(run, patterns, since, until)


def fill_status(run: Run, patterns: Sequence[str], since: float | None, until: float | None) -> FillStatus:
    """Tell how a fill stands; arguments as of `ask_to_fill`."""
    asked = list(_asked(run, patterns, since, until))
    unlisted = [*lost_of_unlisted(run, patterns, since, until)]
    return FillStatus(
        gaps=report_of(
            [gap for one in asked for gap in one.lost] + [gap for _, lost in unlisted for gap in lost],
            connectors=len(asked) + len(unlisted),
            since=since,
            until=until,
            taken_at=run.clock.wall(),
        ),
        left=sum(one.left for one in asked),
        found=sum(one.poller.refill.found for one in asked),
        doubtful=sum(one.poller.refill.doubtful for one in asked),
        obstacles=(
            *(
                f"{one.poller.connector.name}: {why_unread(one.poller, one.fleet, run)}"
                for one in asked
                if one.lost and one.poller.error is not None
            ),
            *(f"{one.name}: List Connectors does not have it, so it can't be read" for one, _ in unlisted),
        ),
    )


async def fill_alone(run: Run) -> None:
    """Read what `ask_to_fill` was told, in a run that is entered and not served.

    Raises:
        JournalError: What came could not be made durable; what came before is.
    """
    limiter = anyio.CapacityLimiter(run.config.polling.concurrency)
    async with anyio.create_task_group() as beside:
        for fleet in run.fleets:
            fleet.start_details(beside)
        async with anyio.create_task_group() as group:
            for poller in run.pollers:
                group.start_soon(partial(_fill, poller, run, limiter))
        for fleet in run.fleets:
            await fleet.finish_details()
        beside.cancel_scope.cancel()


async def _fill(poller: Poller, run: Run, limiter: anyio.CapacityLimiter) -> None:
    while poller.refill.left:
        if poller.is_questioned:
            poller.judge(is_listed=True)  # it was, a moment ago
            continue
        if poller.failures:
            await run.clock.sleep(max(0.0, poller.due_at - run.clock.monotonic()))
        async with limiter:
            await poller.fill()


def _asked(run: Run, patterns: Sequence[str], since: float | None, until: float | None) -> Iterator[_Asked]:
    for poller, fleet in meant_of(run, patterns):
        gaps = gaps_of_poller(poller, fleet, run, since, until)
        yield _Asked(poller, fleet, [gap for gap in gaps if gap.state == "lost"])
