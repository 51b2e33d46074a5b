"""A status in one sentence, and the reasons for it: what people read first.

1. The first line says whether all is well, through when all that can be read is read, and what is not well.
2. Each trouble that somebody can do something about follows on a line of its own, with its reason.
3. Recorded gaps are named, but are no trouble of the present: nothing will close them.
"""

from __future__ import annotations

from tailer.app.status.facts import OverdueReason, PrincipalStatus, SinkStatus, Status
from tailer.cli.times import age, instant
from tailer.core.durations import format_duration

CLOCK_TOLERANCE = 2.0
"""Seconds that this machine's clock may differ from the API's without a word; headers have whole seconds."""

_OVERDUE: dict[OverdueReason, str] = {
    "journal full": "because the journal is full",
    "paused": "because polling is paused",
    "silent": "because their appliance is silent",
    "budget": "for want of budget",
    "behind": "because they are behind",
    "under way": "still to be made",
}

_BEGINNINGS = {
    None: "No daemon runs",
    "silent": "It can't be asked how it is",
    "starting": "It is starting",
    "draining": "It is ending",
}


def api_now(status: Status) -> float:
    """Give API time at the moment of a status; this machine's own where no API was asked."""
    offsets = [principal.clock_offset for principal in status.principals]
    return status.taken_at + (offsets[0] if offsets else 0.0)


def verdict(status: Status) -> str:
    """Say in one sentence how it is."""
    fleet = status.fleet
    if not fleet.connectors:
        return "No connectors are known yet" if status.phase else "No daemon runs, and none has read anything"
    through = _through(status)
    if status.phase != "running":
        return f"{_BEGINNINGS[status.phase]}: {count(fleet.connectors, 'connector')} {through}"
    wrong = _troubles(status)
    if wrong:
        others = "the others are" if fleet.failing or fleet.parked else "all is"
        rest = f"{others} {through}" if fleet.whole_through is not None else _at_least(status)
        return f"Not all is well: {', '.join(wrong)}; {rest}"
    gaps = f", but for {_gaps(status)}" if fleet.gaps else ""
    return f"All is well: {count(fleet.connectors, 'connector')} {through}{gaps}"


def reasons(status: Status) -> list[str]:
    """Give a sentence for each trouble beyond single connectors."""
    now = status.taken_at
    told = [_paused(one, now) for one in status.principals if one.pause_reason is not None]
    told += [
        f"Account {account.account} is not read: {account.error}"
        for one in status.principals
        for account in one.accounts
        if account.error is not None
    ]
    told += [_stretched(one) for one in status.principals if one.effective_interval > one.interval]
    told += [
        f"The API's clock is {format_duration(round(abs(one.clock_offset)))}"
        f" {'ahead of' if one.clock_offset > 0 else 'behind'} this machine's: check this machine's"
        for one in status.principals
        if abs(one.clock_offset) > CLOCK_TOLERANCE
    ]
    if status.journal.full_since is not None:
        told.append(
            f"The journal has been full for {age(now - status.journal.full_since)}; polling is paused"
        )
    if status.fleet.shortest_reach is not None:
        shortest = format_duration(round(status.fleet.shortest_reach))
        told.append(
            f"Memory is short (max_keys): {count(status.fleet.cut, 'connector')} read again less far back,"
            f" the worst {shortest}; what becomes visible later than that is missed"
        )
    if status.fleet.affordable_reach is not None:
        shortest = format_duration(round(status.fleet.affordable_reach))
        told.append(
            f"{_overdue(status)}; events that become visible later than {shortest} are found late, or missed"
        )
    told += [_failing(one, now) for one in status.sinks if one.failing_since is not None]
    return told


def count(number: int, noun: str) -> str:
    """Write a number of things."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _overdue(status: Status) -> str:
    """Say whose reads of the past are overdue, and why."""
    overdue, because = count(status.fleet.overdue, "connector"), status.fleet.overdue_because
    if because.keys() <= {"budget"}:
        return f"The budget does not hold all reads of the past: those of {overdue} are overdue"
    words = ", ".join(f"{number:,} {_OVERDUE[reason]}" for reason, number in because.items())
    return f"Reads of the past are overdue at {overdue} ({words})"


def _through(status: Status) -> str:
    through = status.fleet.whole_through
    if through is None:
        return "not read at present"
    return f"read through {instant(through)} ({age(api_now(status) - through)} ago)"


def _at_least(status: Status) -> str:
    oldest = status.fleet.oldest or 0
    return f"all were read through {instant(oldest)} ({age(api_now(status) - oldest)} ago) at least"


def _troubles(status: Status) -> list[str]:
    fleet = status.fleet
    told = [
        f"{number:,} of {count(fleet.connectors, 'connector')} {words}"
        for number, words in ((fleet.failing, "failing"), (fleet.parked, "parked"), (fleet.behind, "behind"))
        if number
    ]
    stopped = sum(account.error is not None for one in status.principals for account in one.accounts)
    if stopped:
        told.append(f"{count(stopped, 'account')} not read")
    told += [f"sink {one.sink} takes nothing" for one in status.sinks if one.failing_since is not None]
    if status.journal.full_since is not None:
        told.append("the journal is full")
    told += [f"{one.principal} is paused" for one in status.principals if one.pause_reason is not None]
    return told


def _gaps(status: Status) -> str:
    fleet = status.fleet
    return f"{count(fleet.gaps, 'gap')} ({format_duration(fleet.gap_seconds)})"


def _paused(one: PrincipalStatus, now: float) -> str:
    left = max(0.0, (one.paused_until or now) - now)
    words = f"for another {age(left)}" if left else "until one request has been answered"
    return f"Principal {one.principal} is paused {words}: {one.pause_reason}"


def _failing(one: SinkStatus, now: float) -> str:
    since = age(now - (one.failing_since or now))
    return (
        f"Sink {one.sink} has taken nothing for {since} ({one.failures:,} failed in a row),"
        f" {count(one.backlog, 'event')} wait for it: {one.error}"
    )


def _stretched(one: PrincipalStatus) -> str:
    """Tell how often connectors are polled where the budget binds."""
    shortest, average, configured, longest = (
        format_duration(round(seconds, 1))
        for seconds in (one.interval, one.effective_interval, one.max_interval, one.longest_interval)
    )
    is_beyond = one.longest_interval > one.max_interval
    bound = f"max_interval, {configured}, is stretched to {longest}" if is_beyond else f"{longest} at most"
    return (
        f"The budget of {one.principal} allows a poll of each connector every {average} on average ({bound}),"
        f" not {shortest}: an event waits {one.expected_delay:.1f}s for its poll"
    )
