import pytest

from tailer.core.dedupe import select
from tailer.core.keys import KeySet
from tailer.model import Event, Key, Window

WINDOW = Window(100, 200)
READ_AT = 250.0


def _event(t: float, n: float, k: str = "Init", a: float | None = None) -> Event:
    return Event(t=t, n=n, k=k, a=t if a is None else a)


def _keys_of(*events: Event) -> KeySet:
    keys = KeySet()
    keys.add(sorted(events, key=lambda one: one.key), READ_AT)
    return keys


def _keys(events: list[Event]) -> list[Key]:
    return [one.key for one in events]


def test_no_rows_bring_nothing() -> None:
    """An empty read selects nothing."""
    assert select([], KeySet(), WINDOW, origin=0, until=None) == ([], 0, [])


def test_new_rows_come_sorted() -> None:
    """Whatever the order of a page, the new events are sorted by (t, n)."""
    rows = [_event(120, 1), _event(110, 5), _event(120, 0)]

    selection = select(rows, KeySet(), WINDOW, origin=0, until=None)

    assert _keys(selection.events) == [(110, 5), (120, 0), (120, 1)]
    assert selection.duplicates == 0


def test_known_rows_are_dropped() -> None:
    """What the journal holds is not selected again, and counted."""
    selection = select(
        [_event(110, 0), _event(120, 0)], _keys_of(_event(110, 0)), WINDOW, origin=0, until=None
    )

    assert _keys(selection.events) == [(120, 0)]
    assert selection.duplicates == 1
    assert selection.changed == []


def test_a_row_that_comes_twice_is_kept_once() -> None:
    """Pages that overlap bring a row twice; the first is kept, and another kind of the second is noted."""
    rows = [_event(110, 0, "Init"), _event(110, 0, "Init"), _event(110, 0, "Leave")]

    selection = select(rows, KeySet(), WINDOW, origin=0, until=None)

    assert selection.events == [_event(110, 0, "Init")]
    assert selection.duplicates == 2
    assert selection.changed == [_event(110, 0, "Leave")]


def test_a_known_key_with_another_kind_is_noted_and_dropped() -> None:
    """The kind that came first stands."""
    selection = select(
        [_event(110, 0, "Leave")], _keys_of(_event(110, 0, "Init")), WINDOW, origin=0, until=None
    )

    assert selection == ([], 1, [_event(110, 0, "Leave")])


def test_numbers_compare_by_value() -> None:
    """3 and 3.0 are one key, and numbers beyond 2**53 stay apart."""
    known = _keys_of(_event(110, 3), _event(111, 2**60))

    selection = select(
        [_event(110.0, 3.0), _event(111, 2**60), _event(111, 2**60 + 1)], known, WINDOW, origin=0, until=None
    )

    assert _keys(selection.events) == [(111, 2**60 + 1)]


@pytest.mark.parametrize("t", [5, 97, 98, 99, 202, 203, 900])
def test_known_rows_from_outside_the_window_are_dropped(t: int) -> None:
    """An API that filters by `a` brings rows of any t; they are recognised too."""
    known = _keys_of(_event(t, 0), _event(150, 0))
    rows = sorted([_event(t, 0), _event(t, 1), _event(150, 0)], key=lambda one: one.key)

    selection = select(rows, known, WINDOW, origin=0, until=None)

    assert _keys(selection.events) == [(t, 1)]


def test_known_rows_are_recognised_when_all_lie_outside_the_window() -> None:
    """The window only bounds the search; it decides nothing."""
    assert select([_event(5, 0)], _keys_of(_event(5, 0)), WINDOW, origin=0, until=None).events == []


@pytest.mark.parametrize(
    ("t", "a", "belongs"),
    [
        (99, 99, False),
        (99, 100, True),
        (100, 100, True),
        (100, 99, True),
        (99, 5000, True),
    ],
)
def test_without_an_end_an_event_belongs_from_the_origin_on(t: int, a: int, belongs: bool) -> None:
    """It belongs if the later of t and a is not before the origin."""
    selection = select([_event(t, 0, a=a)], KeySet(), WINDOW, origin=100, until=None)

    assert bool(selection.events) is belongs


@pytest.mark.parametrize(
    ("t", "a", "belongs"),
    [
        (99, 99, False),
        (100, 100, True),
        (199, 500, True),
        (99, 199, True),
        (99, 200, False),
        (200, 200, False),
        (200, 199, True),
        (200, 99, False),
    ],
)
def test_with_an_end_t_or_a_lies_in_the_asked_span(t: int, a: int, belongs: bool) -> None:
    """The asked span is half-open, and either time may lie in it."""
    selection = select([_event(t, 0, a=a)], KeySet(), WINDOW, origin=100, until=200)

    assert bool(selection.events) is belongs
