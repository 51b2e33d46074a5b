"""Processes that end with their test, whatever becomes of it; and the cases that run beside all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias, cast

import pytest

from tests.e2e.matrix import Case, read_all
from tests.e2e.processes import Simulator

Simulate: TypeAlias = Callable[..., Simulator]
Outcome: TypeAlias = Callable[[Case], None]

AT_ONCE = 3
"""Cases of the matrix that run side by side, and beside the other tests: all wait more than they work."""


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    """Give a stack that ends the processes that were entered into it."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def simulate(tmp_path: Path, processes: ExitStack) -> Simulate:
    """Give what starts a simulator with some options in the test's folder."""
    return lambda *options: processes.enter_context(Simulator(tmp_path, *options))


@pytest.fixture(scope="session", autouse=True)
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """Begin with the chosen cases of the matrix at once; give what waits for the end of one, and raises."""
    chosen = [
        cast("Case", item.callspec.params["case"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path.name == "test_matrix.py"
    ]
    pool = ThreadPoolExecutor(AT_ONCE)
    running = {case: pool.submit(read_all, case, tmp_path_factory.mktemp("case")) for case in chosen}
    yield lambda case: running[case].result()
    pool.shutdown(cancel_futures=True)
