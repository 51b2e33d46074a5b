"""When a finite piece of work will be done."""

from __future__ import annotations

from typing import Any

import pytest

from tailer.core.outlook import time_left

HALF_WAY: dict[str, Any] = {
    "done": 500.0,
    "left": 500.0,
    "elapsed": 60.0,
    "requests": 100,
    "spare": 10_000,
    "rate": 3.2,
}


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 60.0),
        ({"left": 250.0}, 30.0),
        ({"requests": 900, "spare": 60}, (900 - 60) / 3.2),
        ({"done": 0.0}, None),
        ({"done": 0.0, "left": 0.0}, 0.0),
    ],
    ids=["as fast as so far", "less", "as the budget allows", "nothing known", "nothing left"],
)
def test_time_left(changes: dict[str, Any], seconds: float | None) -> None:
    """The rest takes as long as what was done, in proportion, or as the budget needs."""
    assert time_left(**{**HALF_WAY, **changes}) == seconds
