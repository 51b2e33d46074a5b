"""Which streams events can go to, and what is said of those that promise less."""

import pytest
from nats.js.api import PersistMode, RetentionPolicy, StorageType, StreamConfig

from tailer.sinks.nats.stream import StreamDoubted, doubts_about, takes, unfit


@pytest.mark.parametrize(
    ("pattern", "subject", "covers"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.c", False),
        ("a.b", "a.b.c", False),
        ("a", "a.b", False),
        ("a.*", "a.b", True),
        ("*.b", "a.b", True),
        ("a.*", "a", False),
        ("a.*", "a.b.c", False),
        (">", "a", True),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        ("b.>", "a.b", False),
        ("*.>", "a.b", True),
    ],
)
def test_subjects_have_wildcards(pattern: str, subject: str, covers: bool) -> None:
    """A star is one token, a final > is one or more, and all else is itself."""
    assert takes([pattern], subject) is covers
    assert takes(["x", pattern, "y"], subject) is covers


def test_nothing_takes_nothing() -> None:
    """A stream without subjects, such as a mirror, takes nothing."""
    assert not takes([], "a")
    assert (
        unfit(StreamConfig(name="s"), "a")
        == "the stream s takes no subject, not a; correct stream or subject"
    )


def test_a_sealed_stream_is_unfit() -> None:
    """A stream that takes nothing any more is told as such; one that does is fit."""
    assert unfit(StreamConfig(name="s", subjects=["a"]), "a") is None
    assert unfit(StreamConfig(name="s", subjects=["a"], sealed=True), "a") == (
        "the stream s is sealed; name another"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"duplicate_window": 119.0}, "it remembers ids for 1m59s only, not for 2m"),
        ({"storage": StorageType.MEMORY}, "it is in memory"),
        ({"persist_mode": PersistMode.ASYNC}, "its persist mode is async"),
        ({"retention": RetentionPolicy.INTEREST}, "its retention is interest"),
    ],
)
def test_each_doubt_is_said(options: dict[str, object], said: str) -> None:
    """What a stream does not promise is a clause each; where it promises all, nothing is said."""
    whole = StreamConfig(name="s", duplicate_window=120.0, storage=StorageType.FILE)
    assert doubts_about(whole, 120.0) == []
    [doubt] = doubts_about(whole.evolve(**options), 120.0)
    assert doubt.startswith(said)
    assert str(StreamDoubted("bus", "s", [doubt, "x"])) == f"Sink 'bus', stream s: {doubt}; x"
