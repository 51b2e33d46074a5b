"""Kills the daemon and the places that it delivers to, at random instants, and judges what is there then.

A sink's test describes its place as a `Counterpart`; the rest is the same for all::

    places = [Place("sqlite", counterpart, repeats=0)]
    setup = setup_for(tmp_path, simulator, places)
    crash(setup, places, Random(1), cycles=5)
    figures = finish(setup, places, cycles=5)

One daemon has a sink for each place, so that a cycle, most of which is a start, is one for all of them.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol

from tests.e2e.deliveries import assert_exact, wait_for_news
from tests.e2e.processes import DEADLINE, Process, Setup, Simulator, wait_until
from tests.e2e.truth import Fact, Identity, Record, complaints, read_truth

WORLD = ("--connectors", "5", "--rate", "40", "--history", "20m", "--history-events", "300")
"""A simulator's options: enough to be delivered that every instant is in the middle of something."""

_LONGEST_LIFE = 0.9
"""Seconds that a daemon lives at most after its first delivery, or beyond the time that a start takes."""


class Counterpart(Protocol):
    """Where a sink under test delivers to; it runs when it is handed over."""

    @property
    def table(self) -> str:
        """The sink's table in the configuration, as TOML without its heading: its type and what it needs.

        Small batches (``max_events``) make more instants to be killed at.
        """

    def kill(self) -> None:
        """Make it go away at once, in whatever it is doing; called in a thread, and `start` in the same."""

    def start(self) -> None:
        """Bring it back; returns when it takes events again."""

    def held(self) -> list[Record]:
        """Give all that it holds, in any order and as often as it holds it. Called while it runs."""


class Place(NamedTuple):
    """A counterpart, and what is promised of it.

    Attributes:
        name: Its sink's name.
        counterpart: Where the sink delivers to.
        repeats: How many events may come once more for each death, its own or the daemon's: 0, or a batch.
        dies: Whether it goes away at all; else only the daemon does.
    """

    name: str
    counterpart: Counterpart
    repeats: int
    dies: bool = True


def setup_for(folder: Path, simulator: Simulator, places: Sequence[Place]) -> Setup:
    """Write a configuration with a file and a sink for each place."""
    setup = Setup(folder, simulator, start="3h")
    with setup.path.open("a") as file:
        for place in places:
            file.write(f'\n[[sinks]]\nname = "{place.name}"\n{place.counterpart.table}\n')
    return setup


def crash(setup: Setup, places: Sequence[Place], random: Random, cycles: int) -> None:
    """Start the daemon again and again; in its life each place goes away and comes back, and it dies.

    Any of them may be first: the daemon may begin without a place, die with it, or outlive it.
    Every second time it dies in or soon after its start, else in the middle of its deliveries.
    """
    start = 0.0
    with ThreadPoolExecutor(max_workers=max(1, len(places))) as threads:
        for cycle in range(cycles):
            with setup.run() as run:
                began = time.monotonic()
                if cycle % 2 == 0:
                    _wait_for_growth(setup.events, run)
                    start, began = time.monotonic() - began, time.monotonic()
                longest = _LONGEST_LIFE + (start if cycle % 2 else 0)

                def some_instant(began: float = began, longest: float = longest) -> float:
                    return began + random.uniform(0, longest)

                absences = [
                    threads.submit(_be_away, place.counterpart, *sorted((some_instant(), some_instant())))
                    for place in places
                    if place.dies
                ]
                _sleep_until(some_instant())
                assert run.exit_code is None, run.words
                run.send(signal.SIGKILL)
                assert run.wait() == -signal.SIGKILL
                for absence in absences:
                    absence.result()


def finish(setup: Setup, places: Sequence[Place], cycles: int) -> str:
    """Let the daemon catch up, end it in good order, and compare what the places hold with the truth.

    Args:
        setup: As `setup_for` made it.
        places: They run.
        cycles: How often the daemon died, and each place that does.

    Returns:
        The figures in words.
    """
    with setup.run() as run:
        wait_for_news(setup.simulator, 20)
        required = set(read_truth(setup.simulator.truth))
        for place in places:
            _wait_for_all(required, place, run, within=DEADLINE + cycles)
        assert run.stop() == 0, run.words
    assert_exact(setup.events, setup.simulator, required=required, order="connector")
    truth = read_truth(setup.simulator.truth)
    held = [(place, place.counterpart.held()) for place in places]
    wrong = [
        judge(place, records, truth, required, deaths=cycles * (1 + place.dies)) for place, records in held
    ]
    assert not any(wrong), "\n".join(filter(None, wrong))
    dying = sum(place.dies for place in places)
    again = [(place.name, _too_many(records)) for place, records in held]
    repeated = ", ".join(f"{count} at {name}" for name, count in again if count) or "none"
    return (
        f"{cycles} deaths of the daemon, {cycles * dying} absences of {dying} counterparts, "
        f"{len(places)} sinks, {len(required)} events, missing: none, repeated: {repeated}"
    )


def judge(
    place: Place,
    records: Sequence[Record],
    truth: Mapping[Identity, Fact],
    required: Collection[Identity],
    *,
    deaths: int,
) -> str:
    """Say what is wrong with what a place holds after so many deaths; empty when all is as promised."""
    wrong = ""
    if place.repeats:
        allowed, again = place.repeats * deaths, _too_many(records)
        if again > allowed:
            often = Counter(record.id for record in records).most_common(3)
            wrong = f"{again} events too many, {allowed} were allowed, such as {often}"
        records = [*{record.identity: record for record in records}.values()]
    wrong = "\n".join(filter(None, [wrong, complaints(records, truth, required=required)]))
    return wrong and f"{place.name}: {wrong}"


def _too_many(records: Sequence[Record]) -> int:
    return len(records) - len({record.identity for record in records})


def _be_away(counterpart: Counterpart, gone_at: float, back_at: float) -> None:
    # The instants are the point: no state is waited for.
    _sleep_until(gone_at)
    counterpart.kill()
    _sleep_until(back_at)
    counterpart.start()


def _sleep_until(instant: float) -> None:
    time.sleep(max(0.0, instant - time.monotonic()))


def _wait_for_all(required: Collection[Identity], place: Place, run: Process, within: float) -> None:
    def missing() -> set[Identity]:
        return {*required} - {one.identity for one in place.counterpart.held()}

    try:
        what = f"all of {len(required)} events are at {place.name}"
        wait_until(lambda: not missing(), what, run, within=within)
    except AssertionError as error:
        lacking = missing()
        raise AssertionError(f"{error}\n{len(lacking)} are missing, such as {sorted(lacking)[:3]}") from None


def _wait_for_growth(file: Path, run: Process) -> None:
    before = _length(file)
    wait_until(lambda: _length(file) > before, "it delivers", run)


def _length(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
