"""What holds of API time whatever the answers."""

import math

from hypothesis import given
from hypothesis import strategies as st

from tailer.core.apitime import ApiTime

moments = st.integers(0, 10**6).map(lambda ms: ms / 1024)
delays = st.integers(0, 40_000).map(lambda ms: ms / 1024)


@given(
    wrong_by=st.integers(-(10**6), 10**6),
    exchanges=st.lists(st.tuples(moments, delays, delays), min_size=1, max_size=30),
)
def test_a_steady_server_is_never_left_again(
    wrong_by: int, exchanges: list[tuple[float, float, float]]
) -> None:
    """Against one true clock, no answer adds to the error, which never exceeds the last one's bounds."""
    truth = 10**9
    clock = ApiTime(wall=truth + wrong_by, monotonic=0.0)
    error = abs(float(wrong_by))
    for sent, there, back in sorted(exchanges):
        received = sent + there + back
        clock.observe(math.floor(truth + sent + there), sent, received)
        now_off = abs(clock.now(0.0) - truth)
        assert now_off <= error
        assert now_off <= there + back + 1
        error = now_off


@given(answers=st.lists(st.tuples(st.floats(-1e12, 1e12), moments, delays), min_size=1, max_size=20))
def test_any_date_is_followed(answers: list[tuple[float, float, float]]) -> None:
    """However the server's clock jumps, API time fits the last answer, and a told step is a real one."""
    clock = ApiTime(wall=0.0, monotonic=0.0)
    for date, sent, delay in answers:
        before = clock.now(sent)
        step = clock.observe(date, sent, sent + delay)
        after = clock.now(sent)
        assert date - delay - 0.001 <= after <= date + 1.001
        assert step is None or abs(step) > 2
        assert math.isclose(after - before, step or 0.0, abs_tol=2.001)
