"""A number for a set of events."""

from tailer.core.digest import digest_of


def test_a_digest_does_not_depend_on_order() -> None:
    """The same events in another order have the same digest; one more, one less or another has not."""
    keys = [(1, 0), (1, 1), (2.5, 0)]
    assert digest_of(keys) == digest_of(reversed(keys))
    assert len({digest_of(keys), digest_of(keys[1:]), digest_of([*keys, (3, 0)]), digest_of([])}) == 4


def test_numbers_are_taken_by_value() -> None:
    """Whole numbers are whole however they are stored, and large ones keep their last digit."""
    assert digest_of([(3.0, 0)]) == digest_of([(3, 0)])
    assert digest_of([(3, 2**60)]) != digest_of([(3, 2**60 + 1)])


def test_a_digest_is_what_it_was() -> None:
    """Whoever has kept one can compare it with that of a later version."""
    assert digest_of([]) == "0" * 32
    assert digest_of([(1795415318, 0)]) == "06d7b0bda1de340ec9a1599359cb91c4"
