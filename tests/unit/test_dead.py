import pytest

from tailer.app.control.replies import Retried
from tailer.app.dead import choose, handle_of
from tailer.cli.letters import MAX_REASONS, tell_retried
from tailer.errors import ConfigError
from tailer.interfaces import DeadLetter
from tailer.model import Event, Source


def letter(number: int, sink: str = "siem") -> DeadLetter:
    """A dead letter."""
    return DeadLetter(sink, Event(5, number, "Leave", 6, Source("acc", "con", "gw", "", 7.0)), "why", 8.0)


LETTERS = [letter(1), letter(2), letter(1, "other")]


def test_all_are_meant_unless_said_otherwise() -> None:
    """Without a sink and an id all are chosen; a sink leaves the others out."""
    assert choose(LETTERS, None, ()) == LETTERS
    assert choose(LETTERS, "siem", ()) == LETTERS[:2]


def test_letters_are_named_by_handle_or_event() -> None:
    """A handle means one letter; an event's id means it at every sink that has rejected it."""
    assert choose(LETTERS, None, [handle_of(LETTERS[2])]) == LETTERS[2:]
    assert choose(LETTERS, None, ["acc/con/5.1"]) == [LETTERS[0], LETTERS[2]]
    assert choose(LETTERS, "other", ["acc/con/5.1", handle_of(LETTERS[2])]) == LETTERS[2:]


def test_handles_last() -> None:
    """A handle that was written down yesterday means the same letter today, as long as it is one."""
    assert handle_of(letter(1)) == "baec6957"


def test_what_is_not_there_is_named() -> None:
    """A mistyped sink gets the nearest; every id that is none is told."""
    with pytest.raises(ConfigError, match='sink "sime" has no dead letters; did you mean "siem"'):
        choose(LETTERS, "sime", ())
    with pytest.raises(ConfigError) as caught:
        choose(LETTERS, None, ["nix", handle_of(LETTERS[0]), "nada"])
    assert [mistake.split(" is no")[0] for mistake in caught.value.mistakes] == ['"nada"', '"nix"']


def test_no_letters_are_no_mistake() -> None:
    """Where there is nothing, nothing is chosen, whatever sink is named."""
    assert choose([], "siem", ()) == []


@pytest.mark.parametrize(
    ("results", "code", "words"),
    [
        ([Retried(sink="a", accepted=3)], 0, ["sink a has accepted 3"]),
        (
            [Retried(sink="a", accepted=2, rejected={"x/y/1.2": "too \x1b long"})],
            4,
            ["sink a has accepted 2", "sink a rejects x/y/1.2 again: too \\u001b long", "1 of 3 stay"],
        ),
        ([Retried(sink="a", error="it is away")], 1, ["sink a: it is away", "3 of 3 stay"]),
    ],
)
def test_a_retry_tells_what_became_of_all(
    results: list[Retried], code: int, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """0 when all are taken, 4 when some stay, 1 when a sink could not be asked."""
    assert tell_retried(results, 3) == code
    lines = capsys.readouterr().err.splitlines()
    assert [line.removeprefix("tailer: ") for line in lines] == [
        line if "stay" not in line else f"{line} dead letters" for line in words
    ]


def test_only_some_reasons_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Of thousands that are rejected again the first are named and the others counted."""
    rejected = {f"x/y/{number}.0": "no" for number in range(MAX_REASONS + 7)}
    tell_retried([Retried(sink="a", rejected=rejected)], len(rejected))
    assert "and 7 more" in capsys.readouterr().err
