"""A refill ends, whatever its reads bring, and tries what it was asked for and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tailer.core.progress import Gap
from tailer.core.reading import Reading
from tailer.core.refill import TRIES, Refill
from tailer.core.spans import Spans
from tailer.model import Event

spans = st.lists(
    st.tuples(st.integers(0, 300), st.integers(1, 60)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    min_size=1,
    max_size=5,
)


@given(spans, st.integers(1, 50), st.data())
def test_a_refill_ends_and_keeps_to_what_was_asked(
    asked: list[tuple[int, int]], slice_rows: int, data: st.DataObject
) -> None:
    """Each second is planned at least once, none outside, and no number of failures keeps it going."""
    wanted = Spans().update(asked)
    refill = Refill()
    refill.ask(asked)
    tried = Spans()
    reads = 0
    while (plan := refill.plan(slice_rows)) is not None:
        start, end = plan.window
        assert not wanted.missing(start, end)
        tried = tried.add(start, end)
        middle = data.draw(st.integers(start, end))
        covered = [(start, middle)] if middle > start else []
        gaps = [Gap(middle, middle + 1, "page cap")] if middle < end and data.draw(st.booleans()) else []
        rows = [Event(start + n / 7, n, "Init", 0) for n in range(data.draw(st.integers(0, 60)))]
        reading = Reading(rows=rows, covered=covered, gaps=gaps, dense=data.draw(st.booleans()))
        if data.draw(st.booleans()):
            refill.failed(plan.window, reading)
        else:
            refill.read(plan.window, reading, slice_rows)
        reads += 1
        assert reads <= 10 * TRIES * wanted.size
    assert tried == wanted
