from hypothesis import given
from hypothesis import strategies as st

from tailer.core.dedupe import select
from tailer.core.keys import KeySet
from tailer.model import Event, Key, Window

TIMES = st.integers(0, 30) | st.sampled_from([7.5, 12.25, 2**40])
NUMBERS = st.integers(0, 3) | st.sampled_from([2**60, 2**60 + 1, 0.5, -1])
ROWS = st.lists(
    st.builds(Event, t=TIMES, n=NUMBERS, k=st.sampled_from(["Init", "Leave"]), a=TIMES), max_size=25
)
READS = st.lists(st.tuples(ROWS, st.integers(0, 30), st.integers(1, 15)), max_size=6)


@given(READS, st.integers(0, 15), st.none() | st.integers(16, 40))
def test_reads_select_what_a_plain_set_would(
    reads: list[tuple[list[Event], int, int]], origin: int, until: int | None
) -> None:
    """Over any reads, each key of the asked span is selected once, sorted, with the kind that came first."""
    end = float("inf") if until is None else until
    keys = KeySet()
    kinds: dict[Key, str] = {}
    for rows, start, width in reads:
        new: dict[Key, str] = {}
        changed = 0
        for row in sorted(rows, key=lambda one: one.key):
            kept = kinds.get(row.key, new.get(row.key))
            if kept is None:
                new[row.key] = row.k
                # Whether it belongs is judged by the row that is kept.
                if not (origin <= row.t < end or origin <= row.a < end):
                    new[row.key] = ""
            elif kept not in {row.k, ""}:
                changed += 1
        wanted = {key: kind for key, kind in new.items() if kind}

        selection = select(rows, keys, Window(start, start + width), origin=origin, until=until)

        assert [(one.key, one.k) for one in selection.events] == sorted(wanted.items())
        assert len(selection.changed) >= changed
        assert selection.duplicates == len(rows) - len(new)
        keys.add(selection.events, 1000.0)
        kinds |= wanted
