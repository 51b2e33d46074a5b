from __future__ import annotations

import pytest

from tests.e2e.conftest import Outcome
from tests.e2e.matrix import Case, cases

SMALLEST = 225
"""The seed, of the first five hundred, whose selection has the fewest cases."""


@pytest.mark.parametrize("case", cases(SMALLEST, rare=False), ids=str)
def test_all_is_read_exactly_whatever_the_api_is_like(case: Case, outcome: Outcome) -> None:
    """Under any two answers to what is not documented, what is delivered is exactly the truth."""
    outcome(case)


@pytest.mark.long
@pytest.mark.parametrize("case", sorted({case for seed in range(1, 13) for case in cases(seed)}), ids=str)
def test_all_is_read_exactly_in_other_selections(case: Case, outcome: Outcome) -> None:
    """Other meetings of three and more answers: what is delivered is exactly the truth."""
    outcome(case)
