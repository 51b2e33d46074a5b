"""What is left of the quota at least, told with small numbers."""

from __future__ import annotations

from tailer.core.flight import Flight


def flight(*departures: float) -> Flight:
    """Give a flight with requests under way."""
    made = Flight()
    for now in departures:
        made.depart(now)
    return made


def test_nothing_is_known_before_an_answer() -> None:
    """Without a word there is no number."""
    one = flight(0, 1)
    assert (one.count, one.left) == (2, None)


def test_what_is_under_way_is_taken_off() -> None:
    """An answer's number, less what may not be in it."""
    one = flight(0, 1, 2)
    one.land(0, 50, 3)
    assert one.left == 48
    one.depart(4)
    assert one.left == 47


def test_of_answers_that_crossed_the_least_counts() -> None:
    """The one that was sent first may have been counted last."""
    one = flight(0, 1)
    one.land(1, 50, 2)
    one.land(0, 49, 3)
    assert one.left == 49
    two = flight(0, 1)
    two.land(0, 49, 2)
    two.land(1, 50, 3)
    assert two.left == 49


def test_an_answer_to_a_later_request_replaces_those_before() -> None:
    """Whatever came before it was sent is in it, a refill as well."""
    one = flight(0, 1)
    one.land(0, 3, 5)
    one.land(1, 2, 5)
    one.depart(5)
    one.land(5, 90, 6)
    assert one.left == 90
    assert one.told_at == 6


def test_what_ended_without_a_word_counts_until_a_later_one_is_answered() -> None:
    """Lost requests may have been counted after all that is known."""
    one = flight(0, 1, 2)
    one.land(0, 50, 3)
    one.land(1, None, 4)
    assert one.left == 48
    one.land(2, 49, 5)
    assert one.left == 48
    one.depart(6)
    one.land(6, 40, 7)
    assert one.left == 40


def test_without_any_number_nothing_is_kept() -> None:
    """An API that never tells costs no memory."""
    one = flight(*range(100))
    for sent in range(100):
        one.land(sent, None, 200)
    assert not one._unseen  # noqa: SLF001 - the memory is the promise


def test_strangers_and_doubles_are_no_trouble() -> None:
    """What was never sent is ignored; two of one moment are two."""
    one = flight(0, 0)
    one.land(7, 60, 8)
    one.land(0, 50, 1)
    assert (one.count, one.left) == (1, 49)
    one.land(0, 49, 2)
    one.land(0, 48, 3)
    assert one.count == 0
    assert one.left == 49


def test_what_is_forgotten_is_unknown() -> None:
    """After that it is as at the beginning, but for what is under way."""
    one = flight(0, 1)
    one.land(0, 50, 1)
    one.forget()
    assert (one.count, one.left) == (1, None)


def test_room_is_counted_among_the_young() -> None:
    """Those sent before a moment have left their places."""
    one = flight(0, 1, 1, 5)
    assert one.has_room(5, 0) == 0
    assert one.has_room(1, 3) == 2
    assert one.has_room(2, 3) == 0
    assert one.has_room(2, 0.5) == 0.5
    assert one.has_room(4, 0.5) == 0
    assert one.has_room(4, -1) == 1
