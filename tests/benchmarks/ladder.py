"""What finding late events costs when the budget binds, and that they are found in time.

Ten connectors share a quota that does not hold a poll of each every `interval`; half of them report once a
minute, half once in ten. Two of a hundred events become visible late, by up to 36 hours. One run has the
ladder up to 48 hours, the other only a look-back of a minute. A page has 100 rows: looking further back costs
later pages, requests beyond one a poll. The whole pipeline runs, in fake time, against a list of rows.

Printed are the extra requests of both runs by density, and how long after becoming visible late events were
found, as a part of the ladder's bound (r(A + P)/(k - 1) + P, with A the event's lateness and P the longest
time between two polls of its connector). A part above 1 means that a level was read in slices, as passes are,
and that these had to wait for the budget's share for revisits: a quota as small as this one leaves little.

    PYTHONPATH=. python tests/benchmarks/ladder.py [--days 2]
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import looptime

from tailer.core.budget import Budget
from tailer.core.ladder import RATIO, VISITS
from tailer.model import Event
from tailer.testing.scripted_source import Asked, Row
from tests.flow.stage import START, KeptJournal, Stage

DENSITIES = {"minute": 60.0, "ten minutes": 600.0}
EACH = 5
LATE_SHARE = 0.02
LATEST = 36 * 3600.0
DAY = 86_400.0
PAGE_ROWS = 100


class Outcome(NamedTuple):
    """What was asked for and found."""

    asked: list[Asked]
    events: list[Event]


def history(days: float) -> dict[str, list[Row]]:
    """Make the rows of all connectors; late ones are not told by `a`, or an absence would be read again."""
    rng = random.Random(1)
    rows: dict[str, list[Row]] = {}
    for density, every in DENSITIES.items():
        for number in range(EACH):
            known, t = [], START + rng.expovariate(1 / every)
            while t < START + days * DAY:
                late = rng.random() < LATE_SHARE
                delay = LATEST ** rng.random() if late else 0.0
                known.append(Row(t, 0, a=t, visible_at=t + delay))
                t += rng.expovariate(1 / every)
            rows[f"{density} {number}"] = known
    return rows


async def run(rows: Mapping[str, list[Row]], days: float, polling: Mapping[str, object]) -> Outcome:
    """Let the pipeline follow the rows."""
    budget = Budget(share=0.8, reserve=0.0, quota=27, window=300.0)
    options = {"interval": 5.0, "max_interval": 300.0, "discover": 3600.0, **polling}
    stage = Stage(rows, journal=KeptJournal(), polling=options, budget=budget, page_rows=PAGE_ROWS)
    await stage.serve(seconds=days * DAY)  # no sink: a reader would look up twice a second, for days
    entries = await stage.journal.read(0, sum(map(len, rows.values())))
    events = [event for one in entries for segment in one.segments for event in segment.events]
    return Outcome(stage.source.asked, events)


def followed(rows: Mapping[str, list[Row]], days: float, polling: Mapping[str, object]) -> Outcome:
    """Run on a loop that skips its waits."""
    with asyncio.Runner(
        loop_factory=lambda: looptime.new_event_loop(noop_cycles=1, resolution=1e-9)
    ) as runner:
        return runner.run(run(rows, days, polling))


def show_cost(name: str, outcome: Outcome) -> None:
    """Print the extra requests by density."""
    for density in DENSITIES:
        asked = [one for one in outcome.asked if one.connector.startswith(density)]
        polls = [one for one in asked if one.request.cursor is None]
        seconds = (asked[-1].at - asked[0].at) * EACH / len(polls)
        print(
            f"{name:9} one event in {density:11}: a poll in {seconds:4.0f} s,"
            f" {(len(asked) - len(polls)) / len(polls):6.2%} more requests for later pages"
        )


def worst(rows: Mapping[str, list[Row]], outcome: Outcome, until: float) -> tuple[float, int, int]:
    """Give the largest part of its bound that a late event took, their number, and that of the missed."""
    found = {(event.connector, event.t): event.seen for event in outcome.events}
    part, late, missed = 0.0, 0, 0
    for connector, known in rows.items():
        times = [one.at for one in outcome.asked if one.connector == connector and one.request.cursor is None]
        longest = max(after - before for before, after in pairwise(times))
        for row in known:
            delay = row.seen_from - row.t
            bound = RATIO * (delay + longest) / (VISITS - 1) + longest
            if delay == 0.0 or row.seen_from + bound > until:
                continue
            late += 1
            seen = found.get((connector, row.t))
            missed += seen is None
            part = max(part, ((until if seen is None else seen) - row.seen_from) / bound)
    return part, late, missed


def main() -> None:
    """Run both and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--days", type=float, default=2.0)
    days = parser.parse_args().days
    rows = history(days)
    until = START + days * DAY
    ladder = followed(rows, days, {})
    show_cost("ladder", ladder)
    part, late, missed = worst(rows, ladder, until)
    print(
        f"ladder: {late} late events, {missed} missed, the slowest took {part:.2f} of its bound", flush=True
    )
    fixed = followed(rows, days, {"look_back": 60.0, "revisit_max": 60.0})
    show_cost("look-back", fixed)
    _, late, missed = worst(rows, fixed, until)
    print(f"look-back: {late} late events, {missed} missed")


if __name__ == "__main__":
    main()
