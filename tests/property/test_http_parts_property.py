"""Whatever a counterpart answers, each event of a batch is accepted or rejected once, in order."""

from hypothesis import given
from hypothesis import strategies as st

from tailer.sinks.http.answers import Away, Refused, Taken
from tailer.sinks.http.parts import Parts
from tailer.testing.sink_contract import make_batch

EVENTS = make_batch(0, 19).events


@given(
    poison=st.sets(st.integers(0, 19)),
    sizes=st.lists(st.integers(1, 25), min_size=1, max_size=50),
    ways=st.lists(st.sampled_from(["all", "each", "first", "away", "halve"]), min_size=1, max_size=50),
)
def test_every_event_ends_once(poison: set[int], sizes: list[int], ways: list[str]) -> None:
    """Refused as a whole, one by one or only the first, away or too large in between: nothing is lost."""
    parts, taken, turn = Parts(EVENTS), list[int](), 0
    while part := parts.next(sizes[turn % len(sizes)]):
        # In the end it is refused as a whole, or a counterpart that is away would be so for ever.
        way = ways[turn] if turn < len(ways) else "all"
        turn += 1
        numbers = [int(event.n) for event in part]
        bad = [index for index, number in enumerate(numbers) if number in poison]
        if way == "away":
            parts.settle(Away("away"))
        elif way == "halve" and len(part) > 1:
            parts.halve()
        elif way == "each":
            parts.settle(Taken(dict.fromkeys(bad, "bad")))
            taken += [number for number in numbers if number not in poison]
        elif way == "first" and bad:
            parts.settle(Taken({bad[0]: "bad"}, [index for index in range(len(part)) if index != bad[0]]))
        elif bad:
            parts.settle(Refused("bad"))
        else:
            parts.settle(Taken())
            taken += numbers
    assert taken == [number for number in range(20) if number not in poison]
    assert parts.rejected.keys() == poison
