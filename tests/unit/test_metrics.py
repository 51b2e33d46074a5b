"""The metrics: what Prometheus' own linter asks for, and that the README tells the truth."""

import re
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from tailer.app.status.facts import (
    AccountStatus,
    FleetStatus,
    JournalStatus,
    LatenessStatus,
    PrincipalStatus,
    ProcessStatus,
    SinkStatus,
    Status,
    Totals,
)
from tailer.app.status.metrics import METRICS, READY, exposition

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")

PRINCIPAL = PrincipalStatus(
    principal='noc "user"\n',
    accounts=(
        AccountStatus(account="a", connectors=2),
        AccountStatus(account="b", connectors=3, error="refused"),
    ),
    quota=1200,
    window=300.0,
    allowed=960,
    spent=7,
    spent_on={"live": 6, "revisit": 1},
    foreign=1093,
    remaining=100,
    paused_until=5.0,
    pause_reason="slow down",
    connectors=5,
    interval=5.0,
    max_interval=300.0,
    effective_interval=6.0,
    longest_interval=60.0,
    expected_delay=2.0,
    clock_offset=-0.25,
)
LATENESS = LatenessStatus(events=9, collected={"0.5": 1.0}, found={"0.5": 2.0}, seen={"0.5": 4.0})

STATUS = Status(
    taken_at=0.0,
    phase="running",
    process=ProcessStatus(version="1.2.3", pid=1, host="h", started_at=17.0),
    journal=JournalStatus(path="/j.db", head=9, used_bytes=4096),
    fleet=FleetStatus(
        connectors=5,
        well=3,
        failing=2,
        newest_at=99.0,
        whole_through=98,
        settled_through=60,
        gaps=4,
        gap_seconds=60,
        keys=8,
        lags={"0.5": 2.0, "1": 9.0},
        lateness=LATENESS,
        ladder_reach=3600.0,
        overdue=2,
    ),
    principals=(PRINCIPAL,),
    sinks=(
        SinkStatus(sink="file", backlog=5, held=1, delivered=6, set_aside=2, failing_since=3.0),
        SinkStatus(sink="gone", is_configured=False),
    ),
    totals=Totals(
        events=10, duplicates=3, requests=20, requests_for={"live": 18, "revisit": 2}, body_bytes=1000
    ),
)


def shown(status: Status | None, *, is_ready: bool = True) -> dict[str, float]:
    """Parse an exposition into its samples, by name and labels."""
    text = exposition(status, is_ready=is_ready).decode()
    return {
        sample.name + "".join(f",{value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_metric_is_shown_with_its_kind_and_text() -> None:
    """What the table says of a metric is what a scraper gets."""
    text = exposition(STATUS, is_ready=True).decode()
    for measure in (READY, *METRICS):
        assert f"# HELP {measure.name} {measure.text}\n# TYPE {measure.name} {measure.kind}\n" in text


def test_values_come_from_the_status() -> None:
    """Numbers, labels and escapes arrive as they are in the status."""
    samples = shown(STATUS)
    expected = {
        "tailer_ready": 1,
        "tailer_build_info,1.2.3": 1,
        "tailer_start_time_seconds": 17,
        "tailer_connectors,well": 3,
        "tailer_connectors,failing": 2,
        "tailer_connectors,parked": 0,
        "tailer_account_connectors,b": 3,
        "tailer_account_up,a": 1,
        "tailer_account_up,b": 0,
        "tailer_connector_lag_seconds,1": 9,
        "tailer_event_lateness_seconds,0.5,collected": 1,
        "tailer_event_lateness_seconds,0.5,seen": 4,
        "tailer_newest_event_timestamp_seconds": 99,
        "tailer_read_through_timestamp_seconds": 98,
        "tailer_settled_through_timestamp_seconds": 60,
        "tailer_ladder_reach_seconds": 3600,
        "tailer_overdue_connectors": 2,
        "tailer_gap_seconds": 60,
        "tailer_events_total": 10,
        "tailer_response_bytes_total": 1000,
        'tailer_principal_paused,noc "user"\n': 1,
        'tailer_clock_offset_seconds,noc "user"\n': -0.25,
        "tailer_sink_events_total,file": 6,
        "tailer_sink_rejected_events_total,file": 2,
        "tailer_sink_up,file": 0,
    }
    assert {name: samples[name] for name in expected} == expected


def test_what_is_not_known_is_not_shown() -> None:
    """No number is made up: a metric without one is absent, as is a sink that is no longer configured."""
    fleet = msgspec.structs.replace(STATUS.fleet, newest_at=None)
    samples = shown(msgspec.structs.replace(STATUS, fleet=fleet, totals=None))
    assert "tailer_newest_event_timestamp_seconds" not in samples
    assert "tailer_events_total" not in samples
    assert not any("gone" in name for name in samples)


def test_before_the_journal_is_open_only_readiness_is_shown() -> None:
    """A scrape during the start is answered."""
    assert shown(None, is_ready=False) == {"tailer_ready": 0}


def test_number_of_series_does_not_grow_with_the_fleet() -> None:
    """Ten thousand connectors make as many series as five."""
    fleet = FleetStatus(connectors=10_000, well=10_000, keys=8, newest_at=1.0, lags={"0.5": 2.0, "1": 9.0})
    fleet = msgspec.structs.replace(
        fleet, lateness=LATENESS, whole_through=1, settled_through=1, ladder_reach=1.0
    )
    assert len(shown(msgspec.structs.replace(STATUS, fleet=fleet))) == len(shown(STATUS))


def test_names_follow_the_conventions() -> None:
    """As ``promtool check metrics`` has it: counters and only they end in _total, units are base units."""
    names = [measure.name for measure in (READY, *METRICS)]
    assert len(names) == len(set(names))
    for measure in (READY, *METRICS):
        assert re.fullmatch(r"tailer_[a-z]+(_[a-z]+)*", measure.name)
        assert measure.name.endswith("_total") == (measure.kind == "counter")
        assert not re.search(
            r"milli|micro|minutes|hours|kilo|mega|percent|_(count|sum|bucket)$", measure.name
        )
        assert measure.text.endswith(".")
        assert set(measure.labels) <= {
            "account",
            "principal",
            "purpose",
            "quantile",
            "sink",
            "stage",
            "state",
            "version",
        }


def test_readme_lists_every_metric() -> None:
    """The README's table has each metric, in order, with its kind, labels and text, and no other."""
    rows = re.findall(r"^\| `(tailer_\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", README, flags=re.MULTILINE)
    assert rows == [
        (one.name, one.kind, ", ".join(f"`{label}`" for label in one.labels), one.text)
        for one in (READY, *METRICS)
    ]
