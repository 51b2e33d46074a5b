import io
import json
from datetime import UTC

import pytest

from tailer.app.run.outcome import Outcome, Unlisted, Unread
from tailer.cli.logs import Log
from tailer.cli.summary import MAX_LISTED, summarize
from tailer.cli.times import naive_as_local, span_mistakes
from tailer.errors import AuthError, ServerError
from tailer.observe import (
    AccountStopped,
    ConnectorFound,
    ConnectorParked,
    PollFailed,
    Report,
    RequestRetried,
    TokenRenewed,
)

GOOD = Outcome(
    connectors=3,
    events=128,
    delivered={"stdout": 128},
    duplicates=36,
    changed=0,
    late=2,
    gaps=0,
    requests=24,
    read_through=1_790_000_000,
    unread=(),
)


STOPPED = Unlisted("acc", AuthError("invalid token"))
AWAY = Unlisted("away", ServerError("HTTP 500"))


def outcome(**changes: object) -> Outcome:
    """A good outcome with some changes."""
    fields = {name: getattr(GOOD, name) for name in GOOD.__struct_fields__}
    return Outcome(**{**fields, **changes})


def unread(number: int = 1, error: type[AuthError] | type[ServerError] = ServerError) -> Unread:
    """A connector that failed."""
    return Unread(f"id{number}", f"gw {number}", 1_790_000_000, error("HTTP nnn"))


def test_summary_says_what_was_read() -> None:
    """Events, duplicates, late events, gaps, requests and the end of what was read are in the summary."""
    assert summarize(GOOD, UTC) == [
        "128 events from 3 connectors, read through 2026-09-21 14:13:20Z",
        "36 duplicates removed, 2 late, no gaps, 24 requests",
    ]


def test_summary_counts_details() -> None:
    """Where some were asked for, it says how many came, and how many did not."""
    assert summarize(outcome(details=7), UTC)[1].endswith("24 requests, details of 7 events")
    words = summarize(outcome(details=1, details_missed=2), UTC)[1]
    assert words.endswith("24 requests, details of 1 event, 2 without theirs")


def test_summary_says_what_was_not_read() -> None:
    """Gaps, connectors that failed, and what a sink did not take are named."""
    words = summarize(
        outcome(gaps=1, delivered={"a": 128, "b": 100}, changed=1, connectors=1, unread=(unread(),)), UTC
    )
    assert words == [
        "128 events from 1 connector, read through 2026-09-21 14:13:20Z; delivered 128 to a, 100 to b",
        "36 duplicates removed, 1 event came again with another kind, 2 late, 1 gap, 24 requests",
        "gw 1 was read only through 2026-09-21 14:13:20Z: HTTP nnn",
    ]


def test_summary_of_nothing() -> None:
    """A run that read nothing claims no end of what was read."""
    assert summarize(outcome(connectors=0, events=0, delivered={}, read_through=None), UTC)[0] == (
        "0 events from 0 connectors"
    )


def test_summary_says_what_was_rejected() -> None:
    """What a sink will never take is told with the sink's name."""
    words = summarize(outcome(delivered={"a": 127}, set_aside={"a": 1, "b": 2}), UTC)
    assert words[2:] == ["1 event rejected by sink a", "2 events rejected by sink b"]


def test_summary_names_accounts_that_were_not_read() -> None:
    """Whoever sees no connector of an account learns why."""
    words = summarize(outcome(stopped=(STOPPED, AWAY)), UTC)
    assert words[2:] == [
        "account acc was not read: invalid token",
        "account away was not read: HTTP 500",
    ]


def test_summary_names_only_some() -> None:
    """Of many failing connectors the first are named and the others counted."""
    words = summarize(outcome(unread=tuple(map(unread, range(MAX_LISTED + 5)))), UTC)
    assert len(words) == 2 + MAX_LISTED + 1
    assert words[-1] == "and 5 more connectors were not read to the end"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"gaps": 1}, 4),
        ({"set_aside": {"a": 1}}, 4),
        ({"unread": (unread(),)}, 4),
        ({"unread": (unread(1, AuthError),)}, 4),
        ({"unread": (unread(1, AuthError), unread(2)), "connectors": 2}, 4),
        ({"unread": (unread(1, AuthError), unread(2, AuthError)), "connectors": 2}, 3),
        ({"stopped": (STOPPED,), "accounts": 2}, 4),
        ({"stopped": (STOPPED,), "accounts": 2, "connectors": 0}, 4),
        ({"stopped": (STOPPED, STOPPED), "accounts": 2, "connectors": 0}, 3),
        ({"stopped": (STOPPED,), "accounts": 2, "connectors": 1, "unread": (unread(1, AuthError),)}, 3),
        ({"stopped": (AWAY,), "accounts": 2, "connectors": 1, "unread": (unread(1, AuthError),)}, 4),
    ],
)
def test_exit_code_tells_whether_it_is_complete(changes: dict[str, object], code: int) -> None:
    """4 where something is missing, 3 where all were refused, 0 only for a complete run."""
    assert outcome(**changes).exit_code == code


@pytest.mark.parametrize(
    ("report", "level", "words"),
    [
        (
            ConnectorParked("c", "gw", 1, 60.0, "x"),
            "warning",
            "is parked, the others are read on",
        ),
        (ConnectorParked("c", "gw", 5, 960.0, "x"), "info", "is still parked after 5 tries"),
        (
            AccountStopped("a", 0, None, 2, 60.0, "x"),
            "error",
            "is still stopped after 2 tries",
        ),
        (
            AccountStopped("a", 3, "variable T", 1, 9.0, "x"),
            "error",
            "of its 3 connectors is read, next try in 9s; its credentials came from variable T",
        ),
        (AccountStopped("a", 3, "file /t", 1, None, "x"), "error", "of its 3 connectors is read: x"),
        (TokenRenewed("a", "file /t"), "info", "was renewed from file /t"),
    ],
)
def test_a_report_has_the_level_that_it_asks_for(report: Report, level: str, words: str) -> None:
    """A stopped account has to be seen to; one that is parked is told once as a warning."""
    stream = io.StringIO()
    Log(stream, "json")(report)
    record = json.loads(stream.getvalue())
    assert record["level"] == level
    assert words in record["message"]


def test_log_as_json_carries_the_report() -> None:
    """A report is one JSON object with its fields, its sentence and its level."""
    stream = io.StringIO()
    Log(stream, "auto", lambda: 1_790_000_000.25)(PollFailed("c", "gw\x1b\u202e", 1, 5.0, "HTTP 500"))
    assert "\x1b" not in stream.getvalue()
    assert "\u202e" not in stream.getvalue()
    record = json.loads(stream.getvalue())
    assert record["time"] == "2026-09-21T14:13:20.250Z"
    assert record["level"] == "warning"
    assert record["event"] == "PollFailed"
    assert record["name"] == "gw\x1b\u202e"
    assert record["reason"] == "HTTP 500"
    assert "was not read, next try in 5s" in record["message"]


def test_log_as_text_is_a_sentence_with_time_and_level() -> None:
    """For people a report is its sentence; what a terminal might obey is escaped."""
    stream = io.StringIO()
    log = Log(stream, "text", lambda: 1_790_000_000.25)
    log(ConnectorFound("a", "c", "gw\x1b[2J", 0.0))
    log.say("done", event="Ended", level="error")
    found, said = stream.getvalue().splitlines()
    assert ":20.250" in found
    assert "info    Connector gw\\u001b[2J (c) is read" in found
    assert said.endswith("error   done")


def test_log_leaves_retries_out() -> None:
    """A request that is sent again is not worth a line; thousands of connectors would fill the log."""
    stream = io.StringIO()
    Log(stream, "text")(RequestRetried(1, 0.5, "reset"))
    assert stream.getvalue() == ""


def test_log_that_nobody_reads_is_no_failure() -> None:
    """A closed stderr does not end the daemon."""
    stream = io.StringIO()
    log = Log(stream, "text")
    stream.close()
    log.say("nobody hears this", event="Ended")


@pytest.mark.parametrize(
    ("since", "until", "follow", "words"),
    [
        ("10m", None, False, None),
        ("10m", "5m", False, None),
        ("now", None, True, None),
        ("10m", "2100-01-01", False, None),
        ("now", None, False, "--since: from now to now there is nothing"),
        ("5m", "10m", False, "--until: 10m is not after --since 5m"),
        ("5m", "5m", True, "--until: 5m is not after --since 5m"),
        ("2100-01-01", None, True, "--since: 2100-01-01 lies in the future"),
    ],
)
def test_span_that_holds_nothing_is_a_mistake(
    since: str, until: str | None, follow: bool, words: str | None
) -> None:
    """A span that is empty, or has not begun, is refused with the flag that is wrong."""
    mistakes = span_mistakes(since, until, follow=follow, now=1_790_000_000.0)
    assert len(mistakes) == (words is not None)
    assert all(mistake.startswith(words or "") for mistake in mistakes)


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("10m", None),
        ("now", None),
        ("1790000000", None),
        ("2026-08-01T12:00:00Z", None),
        ("2026-08-01T12:00:00+02:00", None),
        ("2026-08-01T12:00", "2026-08-01T12:00:00"),
        ("20260801", "2026-08-01T00:00:00"),
    ],
)
def test_zone_that_was_not_written_is_said(text: str, local: str | None) -> None:
    """A time without a zone is read as local, and shown with the zone it was given."""
    shown = naive_as_local(text)
    assert (shown is None) == (local is None)
    if shown is not None and local is not None:
        assert shown.startswith(local)
        assert len(shown) > len(local)
