import pytest

from tailer.core.matching import choose, is_meant, matches, nearest, unmatched
from tailer.model import Connector

BERLIN = Connector("acc", "0b1", notes="Berlin HQ\nrack 4", serial="SN-100")
PARIS = Connector("acc", "0a2", notes="Paris [spare]", serial="SN-200")
NAMELESS = Connector("acc", "0c3")
FLEET = [BERLIN, PARIS, NAMELESS]


@pytest.mark.parametrize(
    "pattern",
    [
        "0b1",
        "0B1",
        "SN-100",
        "sn-1*",
        "berlin hq",
        "Berlin*",
        "*rack 4",
        "Berlin HQ\nrack 4",
        "?b1",
        "0[ab]1",
        "*",
    ],
)
def test_a_pattern_means_id_serial_notes_or_their_first_line(pattern: str) -> None:
    """Each way in which people call a connector finds it, case ignored."""
    assert matches(BERLIN, pattern)


@pytest.mark.parametrize("pattern", ["", "berlin", "0b", "SN-10", "rack 4", "SN-200"])
def test_a_part_of_a_name_is_not_enough(pattern: str) -> None:
    """Without a star, a pattern is a whole name."""
    assert not matches(BERLIN, pattern)


def test_without_patterns_every_connector_is_meant() -> None:
    """Somebody who names none wants all; who names some wants those that one of them matches."""
    assert is_meant(NAMELESS, [])
    assert is_meant(BERLIN, ["paris*", "berlin*"])
    assert not is_meant(NAMELESS, ["paris*", "berlin*"])


def test_a_name_with_brackets_finds_itself() -> None:
    """What is written exactly as the notes say matches, even where it looks like a pattern."""
    assert matches(PARIS, "Paris [spare]")
    assert not matches(PARIS, "Paris s")


def test_a_nameless_connector_has_no_empty_name() -> None:
    """Missing notes and serial number are no names that an empty pattern could mean."""
    assert not matches(NAMELESS, "")
    assert matches(NAMELESS, "*")


def test_choose_keeps_those_wanted_and_not_excluded_by_id() -> None:
    """Chosen is who matches any pattern and no exclusion, sorted by id."""
    assert choose(FLEET, ["*"]) == [PARIS, BERLIN, NAMELESS]
    assert choose(FLEET, ["Berlin*", "0a2"]) == [PARIS, BERLIN]
    assert choose(FLEET, ["*"], ["sn-*"]) == [NAMELESS]
    assert choose(FLEET, []) == []


def test_unmatched_lists_patterns_in_vain() -> None:
    """Only patterns that match nobody are listed, in the order given."""
    assert unmatched(FLEET, ["London", "Paris*", "SN-9*"]) == ["London", "SN-9*"]
    assert unmatched([], ["*"]) == ["*"]


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("berlin", "Berlin HQ"), ("SN-20", "SN-200"), ("Bärlin HQ", "Berlin HQ"), ("zzzzzz", None)],
)
def test_nearest_proposes_what_was_probably_meant(pattern: str, name: str | None) -> None:
    """A name that contains the pattern, else one that is alike, else nothing is made up."""
    assert nearest(FLEET, pattern) == name
