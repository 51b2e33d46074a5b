import pytest

from tailer.cli.troubles import Troubles, describe
from tailer.observe import (
    AccountResumed,
    AccountStopped,
    ConnectorFound,
    ConnectorParked,
    ConnectorResumed,
    ListingFailed,
    PollFailed,
    PollRecovered,
    PrincipalPaused,
    PrincipalResumed,
    Report,
    RequestRetried,
    SinkFailed,
    SinkRecovered,
)


def failed(connector: str, delay: float = 5.0) -> PollFailed:
    """A failed poll of one connector."""
    return PollFailed(connector, f"gw {connector}", 1, delay, "HTTP 500")


def parked(connector: str, delay: float = 60.0) -> ConnectorParked:
    """A parked connector."""
    return ConnectorParked(connector, f"gw {connector}", 1, delay, "HTTP 404")


def line(troubles: Troubles, now: float) -> str | None:
    """What people would see."""
    worst = troubles.worst(now)
    return None if worst is None else describe(worst, now)


def test_nothing_is_wrong_at_first() -> None:
    """Without reports, or with good ones only, there is no line."""
    troubles = Troubles()
    troubles.note(ConnectorFound("a", "c", "gw", 0.0), 0.0)
    assert line(troubles, 0.0) is None


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (PrincipalPaused("p", 41.5, "too fast"), "paused by the API's rate limit, 42s left"),
        (ListingFailed("a", 3.0, "HTTP 500"), "the connectors can't be listed, next try in 3s: HTTP 500"),
        (failed("1"), "gw 1 can't be read, next try in 5s: HTTP 500"),
        (parked("1"), "gw 1 is parked, next try in 1m: HTTP 404"),
        (
            AccountStopped("a", 3, None, 1, 30.0, "HTTP 401"),
            "account a is stopped, next try in 30s: HTTP 401",
        ),
        (AccountStopped("a", 3, None, 1, None, "HTTP 401"), "account a is stopped: HTTP 401"),
        (SinkFailed("file", 1, 2.0, "full"), "sink file takes nothing, next try in 2s: full"),
        (RequestRetried(1, 1.0, "reset"), "a request failed, next try in 1s: reset"),
    ],
)
def test_each_trouble_has_its_line(report: Report, text: str) -> None:
    """A trouble is told with the time until its next try."""
    troubles = Troubles()
    troubles.note(report, 100.0)
    assert line(troubles, 100.0) == text


@pytest.mark.parametrize(
    ("began", "ended"),
    [
        (PrincipalPaused("p", 42.0, "too fast"), PrincipalResumed("p")),
        (failed("1"), PollRecovered("1", "gw 1", 1)),
        (parked("1"), ConnectorResumed("1", "gw 1", 500.0)),
        (AccountStopped("a", 3, "file /t", 1, 30.0, "HTTP 401"), AccountResumed("a", 500.0)),
        (SinkFailed("file", 1, 2.0, "full"), SinkRecovered("file", 1)),
    ],
)
def test_what_has_an_end_lasts_until_then(began: Report, ended: Report) -> None:
    """The line stays, however long it takes, until a report says that it is over."""
    troubles = Troubles()
    troubles.note(began, 0.0)
    assert "trying again" in (line(troubles, 500.0) or "")
    troubles.note(ended, 501.0)
    assert line(troubles, 501.0) is None


@pytest.mark.parametrize("report", [ListingFailed("a", 3.0, "HTTP 500"), RequestRetried(1, 3.0, "reset")])
def test_what_has_no_end_passes_with_its_next_try(report: Report) -> None:
    """A trouble whose end nobody reports goes soon after it was tried again."""
    troubles = Troubles()
    troubles.note(report, 0.0)
    assert line(troubles, 2.0) is not None
    assert line(troubles, 6.0) is None


def test_the_worst_comes_first() -> None:
    """A pause before a stopped account, that before a sink, a sink before connectors, parked ones last."""
    troubles = Troubles()
    seen = []
    for report in (
        RequestRetried(1, 9.0, "reset"),
        parked("2"),
        failed("1"),
        SinkFailed("file", 1, 2.0, "full"),
        ListingFailed("a", 3.0, "HTTP 500"),
        AccountStopped("b", 3, None, 1, 30.0, "HTTP 401"),
        PrincipalPaused("p", 42.0, "too fast"),
    ):
        troubles.note(report, 0.0)
        worst = troubles.worst(0.0)
        assert worst is not None
        seen.append(worst.family)
    assert seen == ["retry", "parked", "connectors", "sink", "listing", "account", "pause"]


def test_many_connectors_are_one_line() -> None:
    """A thousand failing connectors are a number, and the next try of the soonest."""
    troubles = Troubles()
    for number in range(1000):
        troubles.note(failed(str(number), 10.0 + number), 0.0)
    assert line(troubles, 0.0) == "1000 connectors can't be read, next try in 10s: HTTP 500"


def test_parked_ones_are_another_line_than_failing_ones() -> None:
    """One that is parked after failures is counted once."""
    troubles = Troubles()
    for connector in ("1", "2", "3"):
        troubles.note(failed(connector), 0.0)
        troubles.note(parked(connector), 0.0)
    assert line(troubles, 0.0) == "3 connectors are parked, next try in 1m: HTTP 404"
