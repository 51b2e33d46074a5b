"""What differs between a journal and the API."""

from __future__ import annotations

from collections.abc import Mapping

from tailer.core.audit import Comparison, Extent, Side, compare
from tailer.core.digest import digest_of
from tailer.core.spans import Spans
from tailer.model import Event, Key

ALL = Spans(((0, 100),))


def event(t: float, n: int = 0, *, a: float | None = None) -> Event:
    """Make a row."""
    return Event(t=t, n=n, k="Init", a=t if a is None else a)


def compared(
    journal: Mapping[Key, int],
    *shown: Event,
    before: Mapping[Key, int] | None = None,
    spans: Spans = ALL,
    covered: Spans = ALL,
    settled: float = 100,
) -> Comparison:
    """Compare a journal with what the API shows of the first hundred seconds."""
    return compare(
        journal if before is None else before, journal, shown, Extent(spans, covered, 100, settled)
    )


def test_equal_sets_have_no_difference() -> None:
    """Given the same events, rows repeated and out of order, nothing is named and the digests agree."""
    found = compared({(1, 0): 1, (2, 0): 2}, event(2), event(1), event(2))
    side = Side(2, digest_of([(1, 0), (2, 0)]))
    assert found == Comparison(side, side, [], [], [])


def test_what_only_the_api_has_is_missing() -> None:
    """Given settled events that were never journaled, they are named in order."""
    found = compared({(1, 0): 1}, event(9), event(1), event(3, 1), event(3, 0))
    assert found.missing == [event(3, 0), event(3, 1), event(9)]
    assert (found.journal.events, found.api.events) == (1, 4)
    assert found.journal.digest != found.api.digest


def test_what_may_still_be_found_is_no_difference() -> None:
    """Given an event whose t or a is not settled, or that was collected in a gap, the digests agree."""
    young, late, in_a_gap = event(60), event(1, a=70), event(2, a=30)
    gap = Spans(((0, 20), (40, 100)))
    found = compared({(1, 1): 1}, event(1, 1), young, late, in_a_gap, covered=gap, settled=50)
    assert (found.missing, found.unsettled) == ([], [late, in_a_gap, young])
    assert found.journal == found.api


def test_what_only_the_journal_has_is_extra() -> None:
    """Given an event that the API does not show, it is named, unless it was collected after the span."""
    found = compared({(1, 0): 1, (5, 2): 6, (5, 1): 6, (7, 0): 101}, event(1))
    assert found.extra == [(5, 1), (5, 2)]
    assert (found.journal.events, found.api.events) == (3, 1)


def test_what_is_journaled_meanwhile_is_no_difference() -> None:
    """Given an event that was stored during the audit, it counts if the API showed it, else not at all."""
    found = compared({(1, 0): 1, (2, 0): 2}, event(1), before={})
    assert found.journal == found.api == Side(1, digest_of([(1, 0)]))


def test_only_what_was_read_is_compared() -> None:
    """Given events outside of the spans, neither side has them."""
    found = compared({(1, 0): 1, (50, 0): 50}, event(20), event(60), spans=Spans(((10, 40),)))
    assert found.missing == [event(20)]
    assert (found.journal.events, found.extra) == (0, [])
