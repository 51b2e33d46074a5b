"""What finding late events costs when the budget binds, and that they are found in time.

Ten connectors share a quota that does not hold a poll of each every `interval`; half of them report once a
minute, half once in ten. Two of a hundred events become visible late, by up to 36 hours. One run has the
ladder up to 48 hours, the other only a look-back of a minute. A page has 100 rows: looking further back costs
requests beyond one a poll. The whole pipeline runs, in fake time, against a list of rows.

Printed are the extra requests of both runs by density (what they come to in a poll depends on how often the
budget lets a connector be polled; what they are in an hour does not), and how long after becoming visible
late events were found, as a part of the ladder's bound (r(A + P)/(k - 1) + P, with A the event's lateness and
P the longest time between two polls of its connector). Events that are later than the reach that `status`
shows meanwhile (because the budget does not hold deeper reads) are counted apart: of them nothing is
promised. It ends with 1 where one within that reach was found after twice its bound, or not at all
(`tailer.core.ladder`).

    PYTHONPATH=. python tests/benchmarks/ladder.py [--days 2] [--quota 27]
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import sys
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import anyio
import looptime

from tailer.app.run.run import Run
from tailer.core.budget import Budget
from tailer.core.ladder import RATIO, VISITS, reach_in_effect
from tailer.core.purpose import Purpose
from tailer.model import Event
from tailer.testing.fake_clock import FakeClock
from tailer.testing.scripted_source import Asked, Row
from tests.flow.stage import START, KeptJournal, Stage

DENSITIES = {"minute": 60.0, "ten minutes": 600.0}
EACH = 5
LATE_SHARE = 0.02
LATEST = 36 * 3600.0
DAY = 86_400.0
PAGE_ROWS = 100


class Outcome(NamedTuple):
    """What was asked for and found, and the reach that was shown meanwhile, from time to time."""

    asked: list[Asked]
    events: list[Event]
    reaches: list[tuple[float, dict[str, float]]]


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


async def watch(run: Run, reaches: list[tuple[float, dict[str, float]]], clock: FakeClock) -> None:
    """Note the reach in effect of each connector, for ever."""
    while True:
        await clock.sleep(600.0)
        now = clock.wall()
        longest = run.fleets[0].crowd.pace.longest
        shown = {
            one.connector.id: reach_in_effect(one.checkpoint.levels, now, longest) for one in run.pollers
        }
        reaches.append((now, shown))


async def follow(
    rows: Mapping[str, list[Row]], days: float, quota: int, polling: Mapping[str, object]
) -> Outcome:
    """Let the pipeline follow the rows."""
    budget = Budget(share=0.8, reserve=0.0, quota=quota, window=300.0)
    options = {"interval": 5.0, "max_interval": 300.0, "discover": 3600.0, **polling}
    stage = Stage(rows, journal=KeptJournal(), polling=options, budget=budget, page_rows=PAGE_ROWS)
    reaches: list[tuple[float, dict[str, float]]] = []
    run = stage.run()  # no sink: a reader would look up twice a second, for days
    async with run, anyio.create_task_group() as group:
        group.start_soon(watch, run, reaches, stage.clock)
        asyncio.get_running_loop().call_later(days * DAY, run.drain)
        await run.serve()
        group.cancel_scope.cancel()
    entries = await stage.journal.read(0, sum(map(len, rows.values())))
    events = [event for one in entries for segment in one.segments for event in segment.events]
    return Outcome(stage.source.asked, events, reaches)


def followed(
    rows: Mapping[str, list[Row]], days: float, quota: int, polling: Mapping[str, object]
) -> Outcome:
    """Run on a loop that skips its waits."""
    with asyncio.Runner(
        loop_factory=lambda: looptime.new_event_loop(noop_cycles=1, resolution=1e-9)
    ) as runner:
        return runner.run(follow(rows, days, quota, polling))


def show_cost(name: str, outcome: Outcome) -> None:
    """Print the extra requests by density."""
    for density in DENSITIES:
        asked = [one for one in outcome.asked if one.connector.startswith(density)]
        polls = [one for one in asked if one.purpose == Purpose.LIVE and one.request.cursor is None]
        hours = (asked[-1].at - asked[0].at) / 3600
        seconds, extra = hours * 3600 * EACH / len(polls), len(asked) - len(polls)
        print(
            f"{name:9} one event in {density:11}: a poll in {seconds:4.0f} s,"
            f" {extra / len(polls):6.2%} more requests, {extra / hours / EACH:.2f} an hour"
        )


class Found(NamedTuple):
    """What became of the late events of which twice the bound has passed.

    Attributes:
        late: How many there are.
        missed: How many of them were never found.
        beyond: How many of them were later than the reach that was shown meanwhile.
        part: The largest part of its bound that one of the others took.
    """

    late: int
    missed: int
    beyond: int
    part: float


def judged(rows: Mapping[str, list[Row]], outcome: Outcome, until: float) -> Found:
    """Compare what was found with the bound."""
    found = {(event.connector, event.t): event.seen for event in outcome.events}
    part, late, missed, beyond = 0.0, 0, 0, 0
    for connector, known in rows.items():
        times = [one.at for one in outcome.asked if one.connector == connector and one.request.cursor is None]
        longest = max(after - before for before, after in pairwise(times))
        for row in known:
            delay = row.seen_from - row.t
            bound = RATIO * (delay + longest) / (VISITS - 1) + longest
            if delay == 0.0 or row.seen_from + 2 * bound > until:
                continue
            late += 1
            seen = found.get((connector, row.t), until)
            missed += (connector, row.t) not in found
            end = min(seen, row.seen_from + 2 * bound)
            shown = [reach[connector] for at, reach in outcome.reaches if row.seen_from <= at <= end]
            if delay > min(shown, default=math.inf):
                beyond += 1
            else:
                part = max(part, (seen - row.seen_from) / bound)
    return Found(late, missed, beyond, part)


def main() -> None:
    """Run both and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--days", type=float, default=2.0)
    parser.add_argument("--quota", type=int, default=27)
    args = parser.parse_args()
    rows = history(args.days)
    until = START + args.days * DAY
    ladder = followed(rows, args.days, args.quota, {})
    show_cost("ladder", ladder)
    told = judged(rows, ladder, until)
    print(
        f"ladder: {told.late} late events, {told.missed} missed, {told.beyond} later than the reach shown,"
        f" the slowest of the others took {told.part:.2f} of its bound",
        flush=True,
    )
    least = {density: min(of_one(ladder, density), default=0.0) / 3600 for density in DENSITIES}
    print(f"ladder: the least reach shown, in hours: {least}", flush=True)
    fixed = followed(rows, args.days, args.quota, {"look_back": 60.0, "revisit_max": 60.0})
    show_cost("look-back", fixed)
    without = judged(rows, fixed, until)
    print(f"look-back: {without.late} late events, {without.missed} missed")
    if told.part > 2:
        sys.exit("BROKEN: a late event within the reach shown was found after twice its bound, or not at all")


def of_one(outcome: Outcome, density: str) -> list[float]:
    """Give all reaches that were shown of the connectors of one density."""
    return [
        reach
        for _, shown in outcome.reaches
        for connector, reach in shown.items()
        if connector.startswith(density)
    ]


if __name__ == "__main__":
    main()
