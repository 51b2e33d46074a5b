"""Waits for what has to be delivered, and judges what was."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from tests.e2e.processes import DEADLINE, Process, Simulator, wait_until
from tests.e2e.truth import Identity, complaints, count_lines, read_records, read_truth


def wait_for_truth(
    output: Path,
    simulator: Simulator,
    *processes: Process,
    news: int = 0,
    since: float = 0,
    within: float = DEADLINE,
) -> set[Identity]:
    """Wait until everything that is visible by now, and then some, has been delivered.

    Args:
        output: Delivered JSON Lines.
        simulator: Tells the truth.
        processes: Those that deliver.
        news: So many events have to become visible first.
        since: What has an earlier t is not waited for.
        within: Seconds that it may take.

    Returns:
        What must have been delivered from now on.
    """
    wait_for_news(simulator, news)
    required = {one.identity for one in read_truth(simulator.truth).values() if one.t >= since}
    wait_for_delivery(output, required, *processes, within=within)
    return required


def wait_for_news(simulator: Simulator, news: int) -> None:
    """Wait until so many more events have become visible."""
    known = count_lines(simulator.truth)
    wait_until(lambda: count_lines(simulator.truth) >= known + news, f"{news} new events", simulator)


def wait_for_delivery(
    output: Path, required: Collection[Identity], *processes: Process, within: float = DEADLINE
) -> None:
    """Wait until certain events have been delivered."""

    def missing() -> set[Identity]:
        return {*required} - {record.identity for record in read_records(output)}

    def is_delivered() -> bool:
        # A look at each event is worth its time only when there are enough.
        return output.exists() and count_lines(output) >= len(required) and not missing()

    try:
        wait_until(is_delivered, f"all of {len(required)} events are delivered", *processes, within=within)
    except AssertionError as error:
        raise AssertionError(
            f"{error}\n{len(missing())} are missing, such as {sorted(missing())[:3]}"
        ) from None


def assert_exact(
    output: Path,
    simulator: Simulator,
    *,
    required: Collection[Identity] | None = None,
    order: Literal["connector", "global"] | None = None,
) -> None:
    """Compare what was delivered with the truth; the simulator is ended, so that its file is whole."""
    if simulator.exit_code is None:
        assert simulator.stop() == 0, simulator.words
    wrong = complaints(read_records(output), read_truth(simulator.truth), required=required, order=order)
    assert not wrong, wrong
