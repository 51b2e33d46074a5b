from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tailer.core.absence import FOLLOW, STEPS, Absence


@given(
    st.lists(st.tuples(st.integers(0, 7000), st.integers(1, 5000)), min_size=1, max_size=6),
    st.lists(st.booleans(), max_size=20),
)
def test_what_is_read_again_is_read_whole_and_comes_to_an_end(
    absences: list[tuple[int, int]], findings: list[bool]
) -> None:
    """However absences overlap: reads are a minute apart, the last see all of it, then it is over."""
    absence = Absence()
    begins = sorted((10_000 + after, length) for after, length in absences)
    reads: list[tuple[float, int, int]] = []
    now = 0.0
    while begins or absence.span is not None:
        if begins and begins[0][0] <= absence.next_at:
            ended_at, length = begins.pop(0)
            now = max(now, float(ended_at))
            absence.begin((ended_at - length, ended_at), ended_at, now)
            continue
        now = max(now, absence.next_at)
        span = absence.due(now)
        assert span is not None
        reads.append((now, *span))
        absence.read(span[1], now, has_found=findings.pop() if findings else False)
    assert all(two - one >= FOLLOW for (one, *_), (two, *_) in pairwise(reads))
    for ended_at, length in ((10_000 + after, length) for after, length in absences):
        seen = [at for at, start, end in reads if start <= ended_at - length and ended_at <= end]
        assert seen[0] <= ended_at + FOLLOW
        assert seen[-1] >= ended_at + STEPS[-1]
