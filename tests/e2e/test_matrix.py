from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.matrix import Case, cases, read_all

SMALLEST = 225
"""The seed, of the first five hundred, whose selection has the fewest cases."""


@pytest.mark.parametrize("case", cases(SMALLEST, rare=False), ids=str)
def test_all_is_read_exactly_whatever_the_api_is_like(tmp_path: Path, case: Case) -> None:
    """Under any two answers to what is not documented, what is delivered is exactly the truth."""
    read_all(case, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("case", sorted({case for seed in range(1, 13) for case in cases(seed)}), ids=str)
def test_all_is_read_exactly_in_other_selections(tmp_path: Path, case: Case) -> None:
    """Other meetings of three and more answers: what is delivered is exactly the truth."""
    read_all(case, tmp_path)
