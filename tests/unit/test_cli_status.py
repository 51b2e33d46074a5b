from __future__ import annotations

from typing import Any

import msgspec
import pytest
from rich.cells import cell_len

from tailer.app.status.facts import (
    AccountStatus,
    ConnectorStatus,
    FleetStatus,
    GapStatus,
    JournalStatus,
    LatenessStatus,
    PrincipalStatus,
    ProcessStatus,
    SinkStatus,
    Status,
)
from tailer.cli.bulletin import MAX_GAPS, MAX_REASONS, bulletin
from tailer.cli.commands.status import fitted
from tailer.cli.verdict import reasons, verdict

NOW = 1_800_000_000.0
THROUGH = int(NOW) - 2


def connector(name: str, **changes: Any) -> ConnectorStatus:
    """Make a connector that is well."""
    values: dict[str, Any] = {
        "account": "account",
        "connector": f"id-{name}",
        "name": name,
        "serial": "",
        "condition": "well",
        "newest_at": NOW - 70,
        "origin": NOW - 9000,
        "read_through": THROUGH,
        "whole_through": THROUGH,
        "settled_through": None,
        "gaps": 0,
        "gap_seconds": 0,
        "unread": 0,
        "unread_seconds": 0,
        "spans": (),
    }
    return ConnectorStatus(**{**values, **changes})


PRINCIPAL = PrincipalStatus(
    principal="023e105f4ecef8ad9ca31a8372d0c353",
    accounts=(AccountStatus(account="account", connectors=2),),
    quota=1200,
    window=300.0,
    allowed=960,
    spent=120,
    remaining=1080,
    paused_until=None,
    pause_reason=None,
    connectors=2,
    interval=5.0,
    max_interval=300.0,
    effective_interval=5.0,
    longest_interval=5.0,
    expected_delay=2.5,
    clock_offset=0.2,
)

WELL = Status(
    taken_at=NOW,
    phase="running",
    process=ProcessStatus(version="1.2.3", pid=77, host="box", started_at=NOW - 7300),
    journal=JournalStatus(path="/var/lib/tailer/tailer.db", head=1725, used_bytes=3 * 2**20),
    fleet=FleetStatus(connectors=2, well=2, whole_through=THROUGH, oldest=THROUGH, oldest_name="Oslo"),
    principals=(PRINCIPAL,),
    sinks=(SinkStatus(sink="archive", type="file", offset=1720, backlog=5, delivered=1720),),
    connectors=(connector("Oslo"), connector("Lima")),
)


def changed(**changes: Any) -> Status:
    """Make a status that differs from the good one."""
    return msgspec.structs.replace(WELL, **changes)


def test_a_status_tells_what_is_settled() -> None:
    """Whoever waits for late events sees through when none is looked for any more."""
    fleet = msgspec.structs.replace(WELL.fleet, settled_through=THROUGH - 3600 * 36)
    (line,) = [
        line for line in bulletin(changed(fleet=fleet), None, None, everything=False) if "ettled" in line
    ]
    assert line == "Settled through 2027-01-13 19:59:58Z (1d ago): no poll reads that again."


@pytest.mark.parametrize(("unlisted", "more"), [(1, ""), (5, ", ...")])
def test_a_status_names_who_is_not_listed_any_more(unlisted: int, more: str) -> None:
    """All may be well of what is read; what was read before a restart and vanished is not forgotten."""
    account = AccountStatus(account="account", connectors=2, unlisted=unlisted, unlisted_ids=("7f2c",))
    principal = msgspec.structs.replace(PRINCIPAL, accounts=(account,))
    first, line, *_ = bulletin(changed(principals=(principal,)), None, None, everything=False)
    assert first.startswith("All is well")
    assert line == (
        f"Not listed, and so not read: {unlisted} connector{'s' * (unlisted > 1)} of earlier runs"
        f" (7f2c{more}); reading goes on where it ended once they are."
    )


def test_a_status_in_which_all_is_well() -> None:
    """The first line says so; nothing is wider than a small terminal."""
    assert bulletin(WELL, None, 80, everything=False) == [
        "All is well: 2 connectors read through 2027-01-15 07:59:58Z (2s ago).",
        "tailer 1.2.3 is process 77 on box, up 2h.",
        "Journal /var/lib/tailer/tailer.db, 3MiB, 1,725 events so far.",
        "",
        "BUDGET            CONNECTORS  POLLED EVERY  SPENT             BY OTHERS  LEFT",
        "023e105f4ecef8a…  2           5s            120 of 960 in 5m  -          1,080",
        "",
        "SINK     TYPE  WAITING  DELIVERED  STATE",
        "archive  file  5        1,720      takes events",
        "",
        "CONNECTOR  STATE  READ THROUGH  NEWEST EVENT  GAPS",
        "Oslo       well   2s ago        1m ago        -",
        "Lima       well   2s ago        1m ago        -",
    ]


def test_what_is_spent_on_more_than_polls_is_said() -> None:
    """By purpose, and what others have spent beside it; polls alone are no news."""
    spent = {"live": 1000, "error_detail": 3, "revisit": 20, "detail": 0, "backfill": 0}
    busy = msgspec.structs.replace(PRINCIPAL, spent_on=spent, foreign=1200)
    lines = bulletin(changed(principals=(busy,)), None, None, everything=False)
    said = f"Requests of {PRINCIPAL.principal} in the last 5m: 1,000 live, 3 error detail, 20 revisit."
    assert said in lines
    assert any("120 of 960 in 5m  1,200      1,080" in line for line in lines)
    idle = msgspec.structs.replace(PRINCIPAL, spent_on={"live": 1000, "revisit": 0})
    lines = bulletin(changed(principals=(idle,)), None, None, everything=False)
    assert not any("Requests" in line for line in lines)


@pytest.mark.parametrize(
    ("seen", "reach", "told"),
    [
        (
            {"0.5": 2.0, "0.999": 41.2},
            129600.0,
            "99.9 % of events here are seen within 42s; the ladder reaches",
        ),
        ({"0.5": 2.0, "0.9": 3.5, "0.99": 70.0}, None, "99 % of events here are seen within 1m10s."),
    ],
)
def test_a_status_tells_how_soon_events_are_seen(
    seen: dict[str, float], reach: float | None, told: str
) -> None:
    """As high a quantile as the events can tell, beside how far back late ones are found."""
    fleet = msgspec.structs.replace(
        WELL.fleet, lateness=LatenessStatus(events=5, collected={}, seen=seen), ladder_reach=reach
    )
    assert told in " ".join(bulletin(changed(fleet=fleet), None, None, everything=False))


def test_a_handful_of_events_tells_no_quantile() -> None:
    """Half of five events is nothing to rely on."""
    late = LatenessStatus(events=5, collected={"0.5": 1.0}, seen={"0.5": 1.0})
    status = changed(fleet=msgspec.structs.replace(WELL.fleet, lateness=late))
    assert "seen within" not in " ".join(bulletin(status, None, None, everything=False))


def test_trouble_is_what_the_first_line_is_about() -> None:
    """Who fails, what is paused, what is full, with the reasons below."""
    status = changed(
        fleet=FleetStatus(connectors=5, well=1, failing=2, parked=1, behind=1, whole_through=THROUGH),
        sinks=(
            SinkStatus(
                sink="siem",
                backlog=1234,
                failing_since=NOW - 300,
                failures=9,
                error="refused",
            ),
        ),
        journal=JournalStatus(path="j.db", head=1, used_bytes=1, full_since=NOW - 60),
        principals=(
            msgspec.structs.replace(
                PRINCIPAL,
                paused_until=NOW + 130,
                pause_reason="the API asked to slow down",
                effective_interval=12.5,
                longest_interval=300.0,
                expected_delay=4.25,
                clock_offset=-90.0,
            ),
        ),
    )

    assert verdict(status) == (
        "Not all is well: 2 of 5 connectors failing, 1 of 5 connectors parked, 1 of 5 connectors behind,"
        " sink siem takes nothing, the journal is full, 023e105f4ecef8ad9ca31a8372d0c353 is paused;"
        " the others are read through 2027-01-15 07:59:58Z (0s ago)"
    )
    assert reasons(status) == [
        "Principal 023e105f4ecef8ad9ca31a8372d0c353 is paused for another 2m: the API asked to slow down",
        (
            "The budget of 023e105f4ecef8ad9ca31a8372d0c353 allows a poll of each connector every 12.5s"
            " on average (5m at most), not 5s: an event waits 4.2s for its poll"
        ),
        "The API's clock is 1m30s behind this machine's: check this machine's",
        "The journal has been full for 1m; polling is paused",
        "Sink siem has taken nothing for 5m (9 failed in a row), 1,234 events wait for it: refused",
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"phase": None, "process": None},
            "No daemon runs: 2 connectors read through 2027-01-15 07:59:58Z (2s ago)",
        ),
        ({"phase": "starting"}, "It is starting: 2 connectors read through 2027-01-15 07:59:58Z (2s ago)"),
        (
            {"phase": "silent", "process": None},
            "It can't be asked how it is: 2 connectors read through 2027-01-15 07:59:58Z (2s ago)",
        ),
        ({"phase": "draining"}, "It is ending: 2 connectors read through 2027-01-15 07:59:58Z (2s ago)"),
        ({"fleet": FleetStatus(), "connectors": ()}, "No connectors are known yet"),
        ({"fleet": FleetStatus(), "phase": None}, "No daemon runs, and none has read anything"),
        (
            {"fleet": FleetStatus(connectors=1, well=1, whole_through=THROUGH, gaps=1, gap_seconds=60)},
            "All is well: 1 connector read through 2027-01-15 07:59:58Z (2s ago), but for 1 gap (1m)",
        ),
        (
            {"fleet": FleetStatus(connectors=1, failing=1, oldest=THROUGH)},
            (
                "Not all is well: 1 of 1 connector failing;"
                " all were read through 2027-01-15 07:59:58Z (2s ago) at least"
            ),
        ),
    ],
)
def test_the_first_line_fits_the_state(changes: dict[str, Any], told: str) -> None:
    """Whatever state a collection is in, one sentence says what it is."""
    principals = () if changes.get("phase", "") is None else WELL.principals

    assert verdict(changed(**changes, principals=principals)).replace("(1s ago)", "(2s ago)") == told


def test_an_account_that_is_not_read_is_told() -> None:
    """With the reason, even if all connectors of the others are well."""
    accounts = (
        AccountStatus(account="account", connectors=2),
        AccountStatus(account="f00", connectors=0, error="HTTP 403"),
    )
    status = changed(principals=(msgspec.structs.replace(PRINCIPAL, accounts=accounts),))

    assert verdict(status).startswith("Not all is well: 1 account not read; all is read through")
    assert reasons(status) == ["Account f00 is not read: HTTP 403"]


def test_a_probe_under_way_is_told() -> None:
    """A pause whose time is over waits for one answer."""
    paused = msgspec.structs.replace(PRINCIPAL, paused_until=NOW - 1, pause_reason="slow down")

    assert "is paused until one request has been answered" in reasons(changed(principals=(paused,)))[0]


def test_short_memory_is_told() -> None:
    """Who is read less far back than configured, and how far, is one sentence, however many they are."""
    fleet = FleetStatus(connectors=9, well=9, whole_through=THROUGH, cut=2, shortest_reach=2700.0)
    (said,) = reasons(changed(fleet=fleet))
    assert said.startswith(
        "Memory is short (max_keys): 2 connectors read again less far back, the worst 45m;"
    )


def test_reads_of_the_past_that_the_budget_does_not_hold_are_told() -> None:
    """How many connectors it concerns, and which late events are found in time nevertheless."""
    overdue = FleetStatus(connectors=9, well=9, whole_through=THROUGH, overdue=1, affordable_reach=960.0)
    fleet = msgspec.structs.replace(overdue, overdue_because={"budget": 1})
    (said,) = reasons(changed(fleet=fleet))
    assert said == (
        "The budget does not hold all reads of the past: those of 1 connector are overdue; events that become"
        " visible later than 16m are found late, or missed"
    )
    (other,) = reasons(
        changed(fleet=msgspec.structs.replace(overdue, overdue=3, overdue_because={"budget": 1, "behind": 2}))
    )
    assert other.startswith(
        "Reads of the past are overdue at 3 connectors (1 for want of budget, 2 because they are behind)"
    )


def test_a_connector_that_fails_has_its_reason_below() -> None:
    """Wrapped to the terminal, with the time of the next try; what the API said can do nothing to it."""
    failing = connector(
        "Oslo\x1b[31m",
        condition="failing",
        error="HTTP 502: " + "a very long explanation of what is wrong " * 3 + "\x1b[2J",
        next_poll_at=NOW + 75,
        newest_at=None,
        whole_through=THROUGH - 3600,
    )

    lines = bulletin(changed(connectors=(failing,)), None, 80, everything=False)

    start = next(index for index, line in enumerate(lines) if line.startswith("CONNECTOR"))
    row, *reason = lines[start + 1 : start + 5]
    assert row.split()[-5:] == ["1h", "ago", "none", "yet", "-"]
    assert reason[0].startswith("    HTTP 502: a very long")
    assert "next try in 1m" in " ".join(" ".join(reason).split())
    assert not any("\x1b" in line for line in lines)
    assert max(map(cell_len, lines)) <= 80


def test_reasons_are_told_of_a_few() -> None:
    """When all fail, they fail for one reason: it does not push everything else off the screen."""
    failing = [connector(f"c{number}", condition="failing", error="HTTP 502") for number in range(20)]

    few = bulletin(changed(connectors=tuple(failing)), None, 80, everything=False)
    all_of_them = bulletin(changed(connectors=tuple(failing)), None, 80, everything=True)

    assert sum("HTTP 502" in line for line in few) == MAX_REASONS
    assert sum("HTTP 502" in line for line in all_of_them) == 20


def test_ten_thousand_connectors_are_counted() -> None:
    """The list stays short, and what the others are like is told."""
    fleet = FleetStatus(connectors=10_000, well=10_000, whole_through=THROUGH)
    mixed = FleetStatus(connectors=10_000, well=9_990, parked=3, failing=7, whole_through=THROUGH)

    assert bulletin(changed(fleet=fleet), None, 80, everything=False)[-1] == "… and 9,998 more, all well"
    assert bulletin(changed(fleet=mixed), None, 80, everything=False)[-1] == (
        "… and 9,998 more, 3 parked, 7 failing, 9,988 well"
    )


def test_gaps_are_listed_newest_first() -> None:
    """What can't be read and what is not yet read, with length and reason; a few unless all are asked for."""
    spans = tuple(
        GapStatus(start=100 * number, end=100 * number + 60, state="lost", reason="page cap")
        for number in range(12)
    )
    late = GapStatus(start=5000, end=5600, state="open", reason="not yet read")
    one = connector("Oslo", gaps=30, gap_seconds=1800, unread=1, unread_seconds=600, spans=(*spans, late))
    short = connector("Lima", reach=7200.0, affordable_reach=9000.0, overdue_because="budget")

    lines = bulletin(changed(connectors=(one,)), None, 80, everything=False)

    start = next(index for index, line in enumerate(lines) if line.startswith("GAP OF"))
    assert lines[start + 1] == "Oslo    1970-01-01 01:23:20Z  10m     open: not yet read"
    assert len(lines) == start + 1 + MAX_GAPS + 1
    assert lines[-1] == "… and 21 more"
    assert any("30 (30m), 10m not yet read" in line for line in lines)
    lima = bulletin(changed(connectors=(short,)), None, 80, everything=False)
    assert any("late events found for 2h only (memory)" in line for line in lima)
    assert bulletin(changed(connectors=(one,)), None, 80, everything=True)[-1] == "… and 18 more"


def test_sinks_of_every_state() -> None:
    """One that takes events, one that does not, one that is gone, one of which only the journal tells."""
    sinks = (
        SinkStatus(sink="a", type="file", delivered=5, set_aside=2),
        SinkStatus(sink="b", type="http", delivered=0, failing_since=NOW - 1, error="away"),
        SinkStatus(sink="c", backlog=10, is_configured=False),
        SinkStatus(sink="d", type="file"),
    )

    lines = bulletin(changed(sinks=sinks), "the figures are the journal's", None, everything=False)

    start = next(index for index, line in enumerate(lines) if line.startswith("SINK"))
    assert lines[start + 1 : start + 5] == [
        "a     file  0        5          takes events, has rejected 2",
        "b     http  0        0          takes nothing",
        "c     -     10       -          no longer configured",
        "d     file  0        -          -",
    ]
    assert "The figures are the journal's." in lines


def test_a_narrow_terminal_has_shorter_names() -> None:
    """On 60 columns no row of the connectors' table is broken."""
    many = changed(connectors=(connector("A rather long name of a place"), connector("b")))
    lines = bulletin(many, None, 60, everything=False)
    (row,) = [line for line in lines if line.startswith("A rather l")]
    assert row.split() == ["A", "rather", "long…", "well", "2s", "ago", "1m", "ago", "-"]
    assert cell_len(row) <= 60


def test_a_watched_status_fits_the_screen() -> None:
    """What comes first stays on the screen; what is left out below, or at a line's end, is told."""
    lines = [f"{i} is one of ten" for i in range(10)]
    assert fitted(lines, 20, 11) == lines
    assert fitted(lines, 0, 0) == lines
    assert fitted(lines, 60, 4) == [*lines[:2], "… 8 more lines; all of them without --watch"]
    assert fitted(lines[:2], 8, 4) == ["0 is on…", "1 is on…"]


def test_a_stretched_longest_interval_is_told() -> None:
    """Where connectors over `max_interval` exceed the budget, both are named."""
    (told,) = reasons(
        msgspec.structs.replace(
            WELL,
            principals=(
                msgspec.structs.replace(
                    PRINCIPAL, effective_interval=417.0, longest_interval=417.0, expected_delay=208.5
                ),
            ),
        )
    )

    assert told == (
        "The budget of 023e105f4ecef8ad9ca31a8372d0c353 allows a poll of each connector every 6m57s"
        " on average (max_interval, 5m, is stretched to 6m57s), not 5s: an event waits 208.5s for its poll"
    )
