"""Sets of whole numbers as spans, case by case."""

from tailer.core.spans import Spans


def test_what_touches_is_merged() -> None:
    """Two spans that share a bound are one span."""
    assert Spans().add(1, 3).add(3, 5).items == ((1, 5),)


def test_what_is_apart_stays_apart() -> None:
    """Two spans with a number between them stay two, in ascending order."""
    assert Spans().add(7, 9).add(1, 3).items == ((1, 3), (7, 9))


def test_a_span_swallows_what_it_covers() -> None:
    """A wide span replaces all that it covers or touches."""
    assert Spans(((1, 3), (5, 6), (8, 10))).add(2, 8).items == ((1, 10),)


def test_an_empty_span_changes_nothing() -> None:
    """Adding or removing a span without a number gives the same set."""
    spans = Spans(((1, 3),))
    assert spans.add(5, 5) is spans
    assert spans.add(6, 5) is spans
    assert spans.remove(2, 2) is spans
    assert spans.remove(3, 1) is spans


def test_removal_cuts() -> None:
    """Removing from the middle leaves both ends; removing all leaves nothing."""
    assert Spans(((1, 10),)).remove(3, 5).items == ((1, 3), (5, 10))
    assert Spans(((1, 3), (5, 7))).remove(0, 9).items == ()
    assert Spans(((1, 3), (5, 7))).remove(2, 6).items == ((1, 2), (6, 7))


def test_an_update_adds_all() -> None:
    """An update is one addition after the other, in any order."""
    assert Spans().update([(5, 7), (1, 2), (2, 5)]).items == ((1, 7),)
    assert Spans(((1, 9),)).update([(4, 4), (2, 3), (20, 10), (11, 12)]).items == ((1, 9), (11, 12))


def test_membership_is_half_open() -> None:
    """A span holds its start and not its end; fractions between count, other things never do."""
    spans = Spans(((1, 3),))
    assert 1 in spans
    assert 2.9 in spans
    assert 3 not in spans
    assert 0.9 not in spans
    assert "1" not in spans


def test_missing_lists_the_holes_inside() -> None:
    """What is missing of a span is listed without what lies outside of it."""
    spans = Spans(((2, 4), (6, 8), (20, 30)))
    assert spans.missing(0, 10) == [(0, 2), (4, 6), (8, 10)]
    assert spans.missing(3, 7) == [(4, 6)]
    assert spans.missing(2, 4) == []
    assert spans.missing(9, 9) == []


def test_the_first_missing_number() -> None:
    """Inside a span it is the span's end, outside the number itself."""
    spans = Spans(((2, 4),))
    assert [spans.first_missing(number) for number in (0, 2, 3, 4)] == [0, 4, 4, 4]


def test_sizes() -> None:
    """The size counts numbers, the length counts spans; iteration gives the spans."""
    spans = Spans(((1, 3), (5, 10)))
    assert (spans.size, len(spans), list(spans)) == (7, 2, [(1, 3), (5, 10)])


def test_what_two_sets_have_in_common() -> None:
    """It is every number that is in both, whichever is asked."""
    one, other = Spans(((0, 10), (20, 30), (40, 50))), Spans(((5, 22), (25, 45)))
    assert one.common(other) == other.common(one) == Spans(((5, 10), (20, 22), (25, 30), (40, 45)))
    assert one.common(one) == one
    assert one.common(Spans()) == Spans().common(one) == Spans()
