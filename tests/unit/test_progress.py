"""Checkpoints and gaps, case by case."""

from tailer.core.progress import Checkpoint, Gap, with_gap, without_span
from tailer.core.spans import Spans


def test_read_through_is_the_end_of_the_last_whole_span() -> None:
    """It is the end of coverage, or the origin while nothing has been read."""
    assert Checkpoint(5.5, 0.0).read_through == 5
    assert Checkpoint(5.5, 0.0, Spans(((10, 20), (30, 40)))).read_through == 40


def test_gaps_as_spans() -> None:
    """All gaps together are one set of seconds; no read asks for those at the page cap or dropped."""
    gaps = (Gap(1, 3, "refused"), Gap(3, 4, "page cap"), Gap(7, 9, "too old"), Gap(9, 12, "dropped"))
    assert Checkpoint(0.0, 0.0, gaps=gaps).gap_spans.items == ((1, 4), (7, 12))
    assert Checkpoint(0.0, 0.0, gaps=gaps).unreadable.items == ((3, 4), (9, 12))


def test_gaps_of_one_reason_grow_together() -> None:
    """A gap that overlaps or touches others of its reason becomes one with them."""
    gaps = (Gap(1, 3, "refused"), Gap(5, 7, "refused"), Gap(20, 21, "refused"))
    assert with_gap(gaps, Gap(3, 5, "refused")) == (Gap(1, 7, "refused"), Gap(20, 21, "refused"))


def test_gaps_stay_sorted() -> None:
    """A gap takes its place in ascending order."""
    assert with_gap((Gap(5, 6, "refused"),), Gap(1, 2, "too old")) == (
        Gap(1, 2, "too old"),
        Gap(5, 6, "refused"),
    )


def test_the_latest_reason_holds() -> None:
    """Where gaps of two reasons overlap, the new one holds and the old one keeps what lies outside."""
    gaps = (Gap(0, 10, "refused"),)
    assert with_gap(gaps, Gap(4, 6, "page cap")) == (
        Gap(0, 4, "refused"),
        Gap(4, 6, "page cap"),
        Gap(6, 10, "refused"),
    )
    assert with_gap(gaps, Gap(0, 12, "too old")) == (Gap(0, 12, "too old"),)


def test_what_was_read_after_all_is_no_gap() -> None:
    """Reading a span ends the gaps inside it and cuts those that reach out of it."""
    gaps = (Gap(1, 5, "refused"), Gap(6, 8, "page cap"), Gap(9, 12, "refused"))
    assert without_span(gaps, 4, 10) == (Gap(1, 4, "refused"), Gap(10, 12, "refused"))
    assert without_span(gaps, 2, 3) == (Gap(1, 2, "refused"), Gap(3, 5, "refused"), *gaps[1:])
