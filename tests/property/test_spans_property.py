"""Spans behave as the sets of numbers that they stand for."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tailer.core.spans import Spans

LOW, HIGH = -5, 30
BOUND = st.integers(LOW, HIGH)
STEPS = st.lists(st.tuples(st.sampled_from(["add", "remove"]), BOUND, BOUND), max_size=25)


def _play(steps: list[tuple[str, int, int]]) -> tuple[Spans, set[int]]:
    """Do the same to spans and to a plain set."""
    spans, numbers = Spans(), set[int]()
    for verb, start, end in steps:
        if verb == "add":
            spans = spans.add(start, end)
            numbers |= set(range(start, end))
        else:
            spans = spans.remove(start, end)
            numbers -= set(range(start, end))
    return spans, numbers


@given(STEPS)
def test_spans_hold_what_the_set_holds(steps: list[tuple[str, int, int]]) -> None:
    """After any changes both hold the same numbers, and the spans are sorted, apart and not empty."""
    spans, numbers = _play(steps)
    assert {number for number in range(LOW, HIGH + 1) if number in spans} == numbers
    assert spans.size == len(numbers)
    assert all(start < end for start, end in spans)
    assert all(one[1] < other[0] for one, other in pairwise(spans.items))


@given(STEPS, BOUND, BOUND)
def test_missing_and_present_make_the_whole(steps: list[tuple[str, int, int]], start: int, end: int) -> None:
    """What is missing of a span is the span without the set, as separate ascending holes."""
    spans, numbers = _play(steps)
    holes = spans.missing(start, end)
    assert [number for low, high in holes for number in range(low, high)] == [
        number for number in range(start, end) if number not in numbers
    ]
    assert all(one[1] < other[0] for one, other in pairwise(holes))


@given(STEPS, BOUND)
def test_the_first_missing_number_is_the_first(steps: list[tuple[str, int, int]], number: int) -> None:
    """It is the lowest number from the given one on that the set does not hold."""
    spans, numbers = _play(steps)
    expected = next(candidate for candidate in range(number, HIGH + 2) if candidate not in numbers)
    assert spans.first_missing(number) == expected


@given(STEPS, st.lists(st.tuples(BOUND, BOUND), max_size=8))
def test_an_update_is_one_addition_after_the_other(
    steps: list[tuple[str, int, int]], added: list[tuple[int, int]]
) -> None:
    """Many spans at once give the set that they give one by one."""
    spans, _ = _play(steps)
    expected = spans
    for start, end in added:
        expected = expected.add(start, end)
    assert spans.update(added) == expected


@given(STEPS, STEPS)
def test_what_is_subtracted_is_gone(
    steps: list[tuple[str, int, int]], others: list[tuple[str, int, int]]
) -> None:
    """What another set has is taken away, and nothing else."""
    spans, numbers = _play(steps)
    other, taken = _play(others)
    left = spans.subtract(other)
    assert {number for low, high in left for number in range(low, high)} == numbers - taken
    assert all(one[1] < following[0] for one, following in pairwise(left.items))
