"""A status on a terminal of 80 columns: the verdict, then tables of budgets, sinks, connectors and gaps."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from rich.cells import cell_len, set_cell_size

from tailer.app.status.facts import ConnectorStatus, PrincipalStatus, SinkStatus, Status
from tailer.cli.lateness import lateness_of
from tailer.cli.listing import aligned
from tailer.cli.times import age, instant
from tailer.cli.verdict import api_now, count, reasons, verdict
from tailer.core.durations import format_duration
from tailer.core.purpose import Purpose
from tailer.core.sizes import format_size
from tailer.sinks.text import escaped

NAME_COLUMNS = 26
"""Columns of a name; notes may be long, and ``--json`` has all of them."""

LEAST_NAME_COLUMNS = 12
"""Columns that a name keeps on a narrow terminal."""

_OTHER_COLUMNS = 46  # what the connectors' table needs beside the name

BUDGET_COLUMNS = 16
"""Columns of a budget's name, often an account id, of which this much tells it apart."""

MAX_REASONS = 5
"""Connectors whose failure is told with its reason unless all are asked for; more fail for the same one."""

MAX_GAPS = 10
"""Gaps that are listed unless all are asked for."""

Table = list[tuple[str, ...]]


def bulletin(status: Status, note: str | None, columns: int | None, *, everything: bool) -> list[str]:
    """Write a status as lines.

    Args:
        status: As the daemon or the journal told it.
        note: Where it comes from, if not from where it should; no sentence yet.
        columns: Of the terminal; ``None``: lines are as long as they get.
        everything: Leave no reason and no gap out.
    """
    sentences = [verdict(status), *reasons(status), *_unlisted(status), *_circumstances(status, note)]
    lines = [line for sentence in sentences for line in _wrapped(f"{escaped(sentence)}.", columns)]
    for table in (_budgets(status), _sinks(status)):
        lines += ["", *aligned(table, columns)] if len(table) > 1 else []
    if status.connectors:
        lines += ["", *_connectors(status, columns, None if everything else MAX_REASONS), *_rest(status)]
    gaps = _gaps(status.connectors, None if everything else MAX_GAPS, columns)
    lines += ["", *gaps] if gaps else []
    return lines


def _unlisted(status: Status) -> Iterator[str]:
    """Name those that a verdict on what is read leaves out."""
    for principal in status.principals:
        for one in principal.accounts:
            if one.unlisted:
                more = ", ..." if one.unlisted > len(one.unlisted_ids) else ""
                yield (
                    f"Not listed, and so not read: {count(one.unlisted, 'connector')} of earlier runs"
                    f" ({', '.join(one.unlisted_ids)}{more}); reading goes on where it ended once they are"
                )


def _circumstances(status: Status, note: str | None) -> list[str]:
    """Say who collects and where it is kept."""
    told = [] if note is None else [note[0].upper() + note[1:]]
    process = status.process
    if process is not None:
        up = age(status.taken_at - process.started_at)
        known = "" if process.version == "unknown" else f" {process.version}"
        told.append(f"tailer{known} is process {process.pid} on {process.host}, up {up}")
    told += lateness_of(status.fleet)
    told += _purposes(status)
    if status.fleet.settled_through is not None:
        ago = age(api_now(status) - status.fleet.settled_through)
        through = instant(status.fleet.settled_through)
        told.append(f"Settled through {through} ({ago} ago): no poll reads that again")
    fleet = status.fleet
    if fleet.silent_since is not None:
        since = age(api_now(status) - fleet.silent_since)
        told.append(
            f"{count(fleet.silent, 'appliance')} silent, for up to {since}: without a heartbeat a connector"
            " is polled rarely, and not counted above"
        )
    journal = status.journal
    size = "" if journal.used_bytes is None else f", {format_size(journal.used_bytes)}"
    told.append(f"Journal {journal.path or 'in memory'}{size}, {count(journal.head, 'event')} so far")
    return told


def _budgets(status: Status) -> Table:
    titles = ("BUDGET", "CONNECTORS", "POLLED EVERY", "SPENT", "BY OTHERS", "LEFT")
    return [titles, *map(_budget, status.principals)]


def _budget(one: PrincipalStatus) -> tuple[str, ...]:
    return (
        _cut(one.principal, BUDGET_COLUMNS),
        f"{one.connectors:,}",
        f"{one.effective_interval:.3g}s",
        f"{one.spent:,} of {one.allowed:,} in {format_duration(one.window)}",
        "-" if one.foreign is None else f"{one.foreign:,}",
        "-" if one.remaining is None else f"{one.remaining:,}",
    )


def _purposes(status: Status) -> list[str]:
    """Say what was spent on anything but the newest events."""
    told: list[str] = []
    for one in status.principals:
        spent = {purpose: number for purpose, number in one.spent_on.items() if number}
        if spent.keys() - {Purpose.LIVE.label}:
            window = format_duration(one.window)
            parts = [f"{number:,} {purpose.replace('_', ' ')}" for purpose, number in spent.items()]
            told.append(f"Requests of {one.principal} in the last {window}: {', '.join(parts)}")
    return told


def _sinks(status: Status) -> Table:
    return [("SINK", "TYPE", "WAITING", "DELIVERED", "STATE"), *map(_sink, status.sinks)]


def _sink(one: SinkStatus) -> tuple[str, ...]:
    if not one.is_configured:
        state = "no longer configured"
    elif one.failing_since is not None:
        state = "takes nothing"
    else:
        state = "-" if one.delivered is None else "takes events"
    if one.set_aside:
        state += f", has rejected {one.set_aside:,}"
    delivered = "-" if one.delivered is None else f"{one.delivered:,}"
    return (_cut(one.sink), one.type or "-", f"{one.backlog:,}", delivered, state)


def _connectors(status: Status, columns: int | None, max_reasons: int | None) -> list[str]:
    """Lay the connectors out, and below those that fail their reasons."""
    now = api_now(status)
    table: Table = [("CONNECTOR", "STATE", "READ THROUGH", "NEWEST EVENT", "GAPS")]
    room = NAME_COLUMNS if columns is None else columns - _OTHER_COLUMNS
    name_columns = max(LEAST_NAME_COLUMNS, min(room, NAME_COLUMNS))
    table += [_connector(one, now, name_columns) for one in status.connectors]
    title, *rows = aligned(table, None)
    lines = [title]
    left = len(rows) if max_reasons is None else max_reasons
    for one, row in zip(status.connectors, rows, strict=True):
        lines.append(row)
        if one.error is not None and left:
            left -= 1
            again = max(0.0, (one.next_poll_at or status.taken_at) - status.taken_at)
            reason = f"{one.error}; {f'next try in {age(again)}' if again >= 1 else 'being tried again'}"
            lines += [f"    {line}" for line in _wrapped(escaped(reason), columns and columns - 4)]
    return lines


def _connector(one: ConnectorStatus, now: float, name_columns: int) -> tuple[str, ...]:
    gaps = [f"{one.gaps:,} ({format_duration(one.gap_seconds)})"] if one.gaps else []
    gaps += [f"{format_duration(one.unread_seconds)} not yet read"] if one.unread else []
    limits = ((one.reach, "memory"), (one.affordable_reach, one.overdue_because))
    reaches = [(reach, because) for reach, because in limits if reach is not None]
    for reach, because in sorted(reaches)[:1]:
        gaps.append(f"late events found for {format_duration(round(reach))} only ({because})")
    return (
        _cut(one.name, name_columns),
        _state(one, now),
        f"{age(now - one.whole_through)} ago",
        "none yet" if one.newest_at is None else f"{age(now - one.newest_at)} ago",
        ", ".join(gaps) or "-",
    )


def _state(one: ConnectorStatus, now: float) -> str:
    if one.condition == "unknown":
        return "-"
    if one.condition == "well" and one.silent_since is not None:
        return f"silent {age(now - one.silent_since)}"
    return one.condition


def _rest(status: Status) -> list[str]:
    """Say what the connectors are like that are not listed; patterns leave out what nobody asked for."""
    listed = status.connectors
    left = status.fleet.connectors - len(listed)
    if left <= 0:
        return []
    fleet = status.fleet
    counts = {"parked": fleet.parked, "failing": fleet.failing, "behind": fleet.behind, "well": fleet.well}
    told = {
        word: number - sum(1 for one in listed if one.condition == word) for word, number in counts.items()
    }
    words = [f"{number:,} {word}" for word, number in told.items() if number]
    if words == [f"{left:,} well"]:
        words = ["all well"]
    return [f"… and {left:,} more{', ' if words else ''}{', '.join(words)}"]


def _gaps(connectors: Iterable[ConnectorStatus], limit: int | None, columns: int | None) -> list[str]:
    """List the newest gaps of the connectors that are listed."""
    found = [(span, one.name) for one in connectors for span in one.spans]
    found.sort(key=lambda pair: pair[0].start, reverse=True)
    if not found:
        return []
    table: Table = [("GAP OF", "FROM", "LENGTH", "WHY")]
    table += [
        (
            _cut(name),
            instant(span.start),
            format_duration(span.end - span.start),
            escaped(f"{span.state}: {span.reason}"),
        )
        for span, name in found[:limit]
    ]
    left = sum(one.gaps + one.unread for one in connectors) - (len(table) - 1)
    return [*aligned(table, columns), *([f"… and {left:,} more"] if left > 0 else [])]


def _cut(name: str, columns: int = NAME_COLUMNS) -> str:
    """Fit a name from far away into its column."""
    shown = escaped(name)
    return shown if cell_len(shown) <= columns else set_cell_size(shown, columns - 1) + "…"


def _wrapped(sentence: str, columns: int | None) -> list[str]:
    return [sentence] if columns is None else textwrap.wrap(sentence, max(columns, 20)) or [""]
