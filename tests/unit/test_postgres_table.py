"""The months that get partitions."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from tailer.sinks.postgres.table import Month, month_end, months_around


@pytest.mark.parametrize(
    ("now", "months"),
    [
        ("2026-11-23", ["2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01"]),
        ("2026-12-31T23:59:59", ["2026-11-01", "2026-12-01", "2027-01-01", "2027-02-01"]),
        ("2027-01-01", ["2026-12-01", "2027-01-01", "2027-02-01", "2027-03-01"]),
    ],
)
def test_a_month_and_its_neighbours(now: str, months: list[str]) -> None:
    """Three months that follow each other, the present one in the middle, over the turn of the year too."""
    at = datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp()
    assert months_around(at) == [Month(*pair) for pair in pairwise(months)]
    assert month_end(at) == datetime.fromisoformat(months[2]).replace(tzinfo=UTC).timestamp()
