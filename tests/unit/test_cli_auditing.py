from __future__ import annotations

from typing import Any

import msgspec

from tailer.app.audit import AuditedEvent, AuditReport, ExtraEvent, Omission, Side
from tailer.cli.auditing import MAX_NAMED, told

SIDE = Side(events=2, digest="0f" * 16)

WELL = AuditReport(
    account="account",
    connector="c",
    name="Oslo\x1b",
    since=1_800_000_000,
    until=1_800_003_600,
    compared=3600,
    settled_through=1_800_003_600,
    omissions=(),
    journal=SIDE,
    api=SIDE,
    missing=(),
    unsettled=(),
    extra=(),
)


UNSETTLED = "Not settled from 2027-01-15 {}Z on: polls still look there for late events"
ADVICE = (
    "They became visible too late for [polling] revisit_max, and no poll will find them: tailer backfill"
    " writes them to a file"
)


def lines(**changes: Any) -> list[str]:
    """Put a report that differs from the good one into lines."""
    return told(msgspec.structs.replace(WELL, **changes), None)


def test_an_audit_without_a_difference() -> None:
    """What was compared, both sides, and that nothing differs; no terminal is told anything by a name."""
    assert lines() == [
        "Oslo\\u001b from 2027-01-15 08:00:00Z to 2027-01-15 09:00:00Z",
        "         EVENTS  DIGEST",
        f"journal  2       {'0f' * 16}",
        f"API      2       {'0f' * 16}",
        "No difference at all: 1h, 2 events.",
    ]


def test_who_asks_for_more_than_was_ever_read_is_told() -> None:
    """What lies before the connector's origin is no difference, but not compared either."""
    (remark,) = set(lines(asked_since=1_800_000_000 - 86_400.0)) - set(lines())
    assert remark == "Not compared: what lies before 2027-01-15 08:00:00Z, as it was never to be read"
    assert lines(asked_since=1_799_999_999.5) == lines()


def test_differences_are_named() -> None:
    """Each with its time, its number and what is known of it; what to do about it; and how many there are."""
    missing = AuditedEvent(t=1_800_000_001, n=3, k="Leave\x1b", a=1_800_000_061.4)
    at_once = AuditedEvent(t=1_800_000_002.5, n=0, k="Init", a=1_800_000_002.5)
    found = lines(missing=(missing, at_once), extra=(ExtraEvent(t=1_800_000_003, n=0),))
    assert found[4:] == [
        "Missing in the journal: 2 events",
        "  2027-01-15 08:00:01Z  1800000001.3  Leave\\u001b, collected 1m later",
        "  2027-01-15 08:00:02Z  1800000002.5.0  Init, collected at once",
        "Not shown by the API any more: 1 event",
        "  2027-01-15 08:00:03Z  1800000003.0",
        ADVICE,
        "3 differences.",
    ]


def test_many_differences_are_counted() -> None:
    """A thousand lines would bury the verdict."""
    extra = tuple(ExtraEvent(t=1_800_000_000 + t, n=0) for t in range(1500))
    found = lines(extra=extra)
    assert len(found) == 4 + 1 + MAX_NAMED + 1 + 1
    assert found[-2:] == ["  and 1,480 more", "1,500 differences."]


def test_what_was_not_compared_is_told() -> None:
    """The part that is not settled, with what is still to be found there; and what was left out, and why."""
    late = AuditedEvent(t=1_800_003_500, n=3, k="Leave", a=1_800_003_500)
    gap = Omission(start=1_800_000_000, end=1_800_000_060, reason="lost gap: page cap")
    found = lines(unsettled=(late,), settled_through=1_800_003_000, omissions=(gap,))
    assert found[4:] == [
        f"{UNSETTLED.format('08:50:00')}, and will find 1 event",
        "Not compared: 1m from 2027-01-15 08:00:00Z on, lost gap: page cap",
        "No difference in what was compared: 1h, 2 events.",
    ]
    assert lines(settled_through=0)[4] == UNSETTLED.format("08:00:00")


def test_nothing_to_compare_is_no_good_news() -> None:
    """Whoever asks for what is not there is not told that all is well."""
    assert lines(compared=0) == [
        "Oslo\\u001b from 2027-01-15 08:00:00Z to 2027-01-15 09:00:00Z",
        "Nothing could be compared.",
    ]
