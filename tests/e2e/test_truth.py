from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import create_autospec

import pytest

from tests.e2e.crashes import Counterpart, Place, judge
from tests.e2e.truth import Fact, Record, complaints

FACTS = [Fact(f"c{t % 2}", t, n, "Init", t, t) for t in range(4) for n in range(2)]
TRUTH = {fact.identity: fact for fact in FACTS}


def record(fact: Fact, *, late: bool = False) -> Record:
    """Give the faithful record of a fact."""
    identity = f"acc/{fact.connector}/{fact.t}.{fact.n}"
    return Record(identity, "acc", fact.connector, fact.t, fact.n, fact.k, fact.a, 0.0, late)


RECORDS = [record(fact) for fact in FACTS]
FIRST, *OTHERS = RECORDS
NOWHERE = create_autospec(Counterpart, instance=True)


def test_the_truth_is_beyond_complaint() -> None:
    """All events, each once, in order: nothing to complain of."""
    assert complaints(RECORDS, TRUTH, order="global") == ""
    assert complaints([*OTHERS, record(FACTS[0], late=True)], TRUTH, order="connector") == ""
    assert complaints(OTHERS, TRUTH, required=[one.identity for one in OTHERS]) == ""


@pytest.mark.parametrize(
    ("records", "complaint"),
    [
        (OTHERS, "1 missing"),
        ([FIRST, *RECORDS], "1 delivered twice"),
        ([*RECORDS, RECORDS[-1]._replace(n=7)], "1 invented"),
        ([FIRST._replace(k="Leave"), *OTHERS], "1 altered"),
        ([FIRST._replace(a=0.5), *OTHERS], "1 altered"),
        ([FIRST._replace(t=0.0), *OTHERS], "1 altered"),
        ([FIRST._replace(id="acc/c0/0.1"), *OTHERS], "1 altered"),
        ([*OTHERS, FIRST], "1 out of order but not marked late"),
        ([*RECORDS[:-1], RECORDS[-1]._replace(late=True)], "1 marked late but in order"),
    ],
)
def test_each_deviation_is_named(records: Sequence[Record], complaint: str) -> None:
    """Whatever is not as in the truth is complained of, and nothing else."""
    said = complaints(records, TRUTH, order="global")

    assert complaint in said
    assert said.count(", such as") == 1


@pytest.mark.parametrize(
    ("repeats", "records", "complaint"),
    [
        (0, RECORDS, ""),
        (0, OTHERS, "1 missing"),
        (0, [FIRST, *RECORDS], "1 delivered twice"),
        (1, [FIRST, FIRST, *RECORDS], ""),
        (1, [FIRST, FIRST, *OTHERS[:-1]], "1 missing"),
        (1, [FIRST, FIRST, FIRST, *RECORDS], "3 events too many, 2 were allowed"),
    ],
)
def test_a_place_is_judged_by_what_is_promised(
    repeats: int, records: Sequence[Record], complaint: str
) -> None:
    """After two deaths a place may hold so many events again, or none; missing must be nothing."""
    said = judge(Place("sink", NOWHERE, repeats), records, TRUTH, TRUTH, deaths=2)

    assert complaint in said if complaint else said == ""
