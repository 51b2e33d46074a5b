import io

import pytest

from tailer.cli.narrator import MAX_LASTING, Narrator
from tailer.observe import (
    AccountResumed,
    AccountStopped,
    ConnectorFound,
    ConnectorParked,
    ConnectorResumed,
    GapRecorded,
    IntervalStretched,
    KindChanged,
    PollFailed,
    PrincipalPaused,
    PrincipalResumed,
)


class Screen(io.StringIO):
    """A terminal, or a pipe, that remembers."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        """Say which of the two."""
        return self._terminal

    @property
    def lines(self) -> list[str]:
        """What a person sees: what was erased is gone."""
        return [text.rpartition("\r\x1b[K")[2] for text in self.getvalue().split("\n")]


class Clock:
    """A monotonic clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock at 0."""
    return Clock()


def terminal(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> tuple[Screen, Narrator]:
    """A narrator at a terminal."""
    screen = Screen(terminal=True)
    monkeypatch.setattr("sys.stderr", screen)
    return screen, Narrator(screen, "xterm", clock)


def pipe(monkeypatch: pytest.MonkeyPatch, clock: Clock, term: str = "xterm") -> tuple[Screen, Narrator]:
    """A narrator whose stderr is a file."""
    screen = Screen(terminal=term == "dumb")
    monkeypatch.setattr("sys.stderr", screen)
    return screen, Narrator(screen, term, clock)


def test_pause_is_a_line_that_counts_down_and_vanishes(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """At a terminal a pause is one line that is written over, and gone when the pause is."""
    screen, narrator = terminal(monkeypatch, clock)
    narrator(PrincipalPaused("p", 42.0, "too fast"))
    assert screen.lines == ["tailer: paused by the API's rate limit, 42s left"]
    clock.now = 2.0
    narrator.tick()
    assert screen.lines == ["tailer: paused by the API's rate limit, 40s left"]
    narrator(PrincipalResumed("p"))
    assert screen.lines == [""]


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_pause_is_told_once_where_no_line_can_be_updated(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, term: str
) -> None:
    """In a file, or on a terminal that can't erase, a pause is a line at its beginning and one at its end."""
    screen, narrator = pipe(monkeypatch, clock, term)
    for _ in range(3):
        narrator(PrincipalPaused("p", 42.0, "too fast"))
        clock.now += 1
        narrator.tick()
    narrator(PrincipalResumed("p"))
    assert screen.getvalue() == (
        "tailer: paused by the API's rate limit, 42s left\ntailer: going on as usual\n"
    )


def test_flapping_is_not_repeated_in_a_file(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """A trouble that comes and goes is told again only after a minute."""
    screen, narrator = pipe(monkeypatch, clock)
    for clock.now in range(0, 120, 10):
        narrator(PrincipalPaused("p", 5.0, "too fast"))
        narrator(PrincipalResumed("p"))
    assert screen.getvalue().count("paused") == 2


def test_gap_stays_above_the_line(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """What stays true is a line of its own; the status line is below it again."""
    screen, narrator = terminal(monkeypatch, clock)
    narrator(PrincipalPaused("p", 42.0, "too fast"))
    narrator(GapRecorded("c", "gw", 0, 60, "page cap"))
    assert screen.lines == [
        "tailer: Connector gw (c) has a gap of 1m from 1970-01-01T00:00:00Z on: page cap",
        "tailer: paused by the API's rate limit, 42s left",
    ]


def test_nothing_is_drawn_while_stdout_writes(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """While events go to the same terminal the line is gone, and words wait."""
    screen, narrator = terminal(monkeypatch, clock)
    narrator(PrincipalPaused("p", 42.0, "too fast"))
    with narrator.aside():
        narrator.say("a word")
        narrator.tick()
        assert screen.lines == [""]
    assert screen.lines == ["tailer: a word", "tailer: paused by the API's rate limit, 42s left"]


def test_failing_connector_is_told_for_good_when_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """A connector that fails for the third time leaves a line; the first times pass."""
    screen, narrator = terminal(monkeypatch, clock)
    for failures in (1, 2, 3, 4):
        narrator(PollFailed("c", "gw", failures, 300.0, "HTTP 403"))
    assert screen.getvalue().count("\n") == 1
    assert "(3 in a row): HTTP 403" in screen.lines[0]


def test_parking_and_its_end_are_lines_that_stay(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Tries in between only change the countdown, which goes when the connector is read again."""
    screen, narrator = terminal(monkeypatch, clock)
    for tries, delay in [(1, 60.0), (2, 120.0)]:
        narrator(ConnectorParked("c", "gw", tries, delay, "HTTP 404"))
    assert screen.lines == [
        "tailer: Connector gw (c) is parked, the others are read on; next try in 1m: HTTP 404",
        "tailer: gw is parked, next try in 2m: HTTP 404",
    ]
    resumed = ConnectorResumed("c", "gw", 181.0)
    narrator(resumed)
    assert screen.lines[1:] == [
        f"tailer: {resumed}",
        "",
    ]


def test_what_stays_is_not_told_again_in_a_file(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """A parked connector and a stopped account have one line, and hide no other trouble's end."""
    screen, narrator = pipe(monkeypatch, clock)
    narrator(ConnectorParked("c", "gw", 1, 60.0, "HTTP 404"))
    narrator(PrincipalPaused("p", 42.0, "too fast"))
    narrator(PrincipalResumed("p"))
    stopped = AccountStopped("a", 2, "file /t", 1, 30.0, "HTTP 401")
    narrator(stopped)
    narrator(AccountStopped("a", 2, "file /t", 2, 60.0, "HTTP 401"))
    narrator(AccountResumed("a", 90.0))
    assert screen.getvalue().splitlines() == [
        "tailer: Connector gw (c) is parked, the others are read on; next try in 1m: HTTP 404",
        "tailer: paused by the API's rate limit, 42s left",
        "tailer: going on as usual",
        f"tailer: {stopped}",
        "tailer: Account a is read again after 1m30s",
    ]


def test_stretched_interval_is_told(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Who waits for events learns that the budget allows no faster polls."""
    screen, narrator = pipe(monkeypatch, clock)
    narrator(IntervalStretched("noc", 2000, 5.0, 694.4))
    assert "its 2000 connectors every 5s: those that report most are polled most often" in screen.getvalue()
    narrator(IntervalStretched("noc", 10, 5.0, 5.0))
    assert "again holds a poll of everyone every 5s" in screen.getvalue()


def test_new_connector_is_news_only_later(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """The fleet that was there is not announced, one that turns up is."""
    screen, narrator = pipe(monkeypatch, clock)
    narrator(ConnectorFound("a", "1", "old", 0.0))
    narrator.know_fleet()
    narrator(ConnectorFound("a", "2", "new", 0.0))
    assert screen.getvalue() == "tailer: Connector new (2) is read from 1970-01-01T00:00:00Z on\n"


def test_many_of_one_sort_are_not_told_one_by_one(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """A fleet of thousands, or an API that changes kinds at every poll, does not fill the screen."""
    screen, narrator = pipe(monkeypatch, clock)
    for _ in range(100):
        narrator(KindChanged("c", "gw", "1.0", "Leave"))
    narrator(GapRecorded("c", "gw", 0, 60, "page cap"))
    lines = screen.getvalue().splitlines()
    assert len(lines) == MAX_LASTING + 2
    assert "there is more of this sort" in lines[-2]
    assert "has a gap" in lines[-1]


def test_activity_is_shown_while_all_is_well(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """What is being done is shown from the next tick on, and makes room for trouble."""
    screen, narrator = terminal(monkeypatch, clock)
    narrator.begin(lambda: "reading")
    assert screen.lines == [""]
    narrator.tick()
    assert screen.lines == ["tailer: reading"]
    narrator(PrincipalPaused("p", 42.0, "too fast"))
    assert "paused" in screen.lines[0]


def test_drain_says_how_to_leave_sooner(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """After Ctrl-C the line says what goes on, whatever the API's troubles, and ends with the run."""
    screen, narrator = terminal(monkeypatch, clock)
    narrator(PrincipalPaused("p", 42.0, "too fast"))
    narrator.drain()
    assert screen.lines == ["tailer: finishing what was read; Ctrl-C again leaves at once"]
    narrator.close()
    assert screen.lines == [""]


def test_line_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """A line that is too long is cut in cells, so that it never wraps; control characters are shown."""
    screen, narrator = terminal(monkeypatch, clock)
    narrator(PollFailed("c", "支店" * 30 + "\x07", 1, 5.0, "HTTP 500"))
    text = screen.lines[0]
    assert text.endswith("…")
    assert len(text) < 60  # characters; two cells each
    narrator(PollFailed("c", "gw\x07", 1, 5.0, "two\nlines"))
    assert screen.lines == ["tailer: gw\\u0007 can't be read, next try in 5s: two lines"]


def test_terminal_that_others_write_to_has_no_status_line(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """With ``| head`` behind it nothing is drawn that the reader's lines would be glued to."""
    screen = Screen(terminal=True)
    monkeypatch.setattr("sys.stderr", screen)
    narrator = Narrator(screen, "xterm", clock, shared=True)
    narrator.begin(lambda: "asking")
    narrator.tick()
    narrator(PrincipalPaused("p", 42.0, "too fast"))
    assert "asking" not in screen.getvalue()
    assert screen.getvalue() == "tailer: paused by the API's rate limit, 42s left\n"
