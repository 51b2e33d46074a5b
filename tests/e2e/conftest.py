"""Processes that end with their test, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.e2e.processes import Simulator

Simulate: TypeAlias = Callable[..., Simulator]


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    """Give a stack that ends the processes that were entered into it."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def simulate(tmp_path: Path, processes: ExitStack) -> Simulate:
    """Give what starts a simulator with some options in the test's folder."""
    return lambda *options: processes.enter_context(Simulator(tmp_path, *options))
