from __future__ import annotations

import json
from typing import Any

import pytest

from tailer.app.exitcode import ExitCode
from tailer.app.gaps.listing import FillStatus, GapReport, ListedGap, report_of
from tailer.cli.filling import Filled, still_lost, tell_filled

NOON = 1_800_000_000


def gap(start: int, end: int, *, connector: str = "c") -> ListedGap:
    """Make a lost gap."""
    return ListedGap(
        account="account",
        connector=connector,
        name="Oslo",
        serial="",
        start=NOON + start,
        end=NOON + end,
        state="lost",
        reason="page cap",
    )


def report(*gaps: ListedGap) -> GapReport:
    """Make a report of two connectors."""
    return report_of(gaps, connectors=2, since=None, until=None, taken_at=NOON)


def filled(*left: ListedGap, **changes: Any) -> Filled:
    """Make what came of a fill of a minute in two gaps."""
    status = FillStatus(
        gaps=report(*left), left=0, found=9, doubtful=0, obstacles=changes.pop("obstacles", ())
    )
    return Filled(**{"asked": 2, "asked_seconds": 60, "found": 7, "doubtful": 0, "left": status, **changes})


def test_gaps_that_came_up_meanwhile_were_not_asked_for() -> None:
    """What is still lost is what was asked for and is still there, were it a part of something larger now."""
    asked = report(gap(0, 10), gap(20, 30), gap(0, 5, connector="d"))
    now = report(gap(5, 12), gap(25, 40), gap(50, 60))
    left = still_lost(asked, now)
    assert [(one.start - NOON, one.end - NOON) for one in left.gaps] == [(5, 10), (25, 30)]
    assert (left.lost, left.lost_seconds, left.connectors) == (2, 10, 2)


def test_a_fill_that_had_all_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence on stderr, nothing on stdout, and exit code 0."""
    assert tell_filled(filled(), as_json=False) == ExitCode.DONE
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "tailer: filled 1m of 1m in 2 lost gaps: 7 new events\n")


def test_what_is_still_lost_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Each gap on stdout; why, what was left out, and how much, on stderr; and exit code 4."""
    outcome = filled(gap(0, 15), found=1, doubtful=1, obstacles=("Oslo: parked: not allowed",))
    assert tell_filled(outcome, as_json=False) == ExitCode.INCOMPLETE
    told = capsys.readouterr()
    assert told.out.splitlines()[1].endswith("15s     lost   page cap")
    assert told.err.splitlines() == [
        "tailer: Oslo: parked: not allowed",
        "tailer: filled 45s of 1m in 2 lost gaps: 1 new event",
        "tailer: 1 event left out: recorded by a clock that was ahead, and perhaps delivered before",
    ]


def test_nothing_to_fill_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever has no lost gap is told so."""
    assert tell_filled(filled(asked=0, asked_seconds=0), as_json=False) == ExitCode.DONE
    assert "nothing to fill: 2 connectors without a lost gap there" in capsys.readouterr().err


def test_programs_get_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """All of it as JSON, and the same exit code."""
    assert tell_filled(filled(gap(0, 15)), as_json=True) == ExitCode.INCOMPLETE
    told = json.loads(capsys.readouterr().out)
    assert (told["asked"], told["found"], told["left"]["gaps"]["lost_seconds"]) == (2, 7, 15)
