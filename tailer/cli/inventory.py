"""``tailer connectors``: from what was typed to a list on stdout."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio

from tailer.app.listing import Listed, list_all
from tailer.cli.accounts import load_accounts
from tailer.cli.listing import Output, Row, write_rows
from tailer.cli.names import check_names
from tailer.cli.times import age
from tailer.clock import SystemClock
from tailer.core.matching import choose
from tailer.model import Connector

TITLES = ("NAME", "SERIAL", "ACTIVE", "READ", "HEARTBEAT", "VERSION", "ID", "ACCOUNT")


def list_connectors(
    patterns: Sequence[str],
    output: Output,
    *,
    account: str | None,
    token_file: Path | None,
    config: Path | None,
) -> None:
    """Write the connectors that are meant to stdout.

    Args:
        patterns: Which of them; all, if there are none.
        output: What the list looks like.
        account: See `tailer.cli.accounts.load_accounts`, as for the next two.
        token_file: As above.
        config: As above.

    Raises:
        ConfigError: Flags or file are wrong, or a pattern means no connector.
        ApiError: An account can't be listed.
    """
    loaded = load_accounts(config, account, token_file, os.environ)
    listed = anyio.run(list_all, loaded, SystemClock())
    check_names(patterns, [one for each in listed for one in each.connectors])
    write_rows(*table_of(listed, patterns), output, sys.stdout)


def table_of(listed: Sequence[Listed], patterns: Sequence[str]) -> tuple[Sequence[str], list[Row]]:
    """Make titles and rows of the connectors that are meant; a single account goes without saying.

    Args:
        listed: By account.
        patterns: Which of them; all, if there are none.
    """
    rows = [row for each in listed for row in _rows(each, patterns)]
    if len(listed) > 1:
        return TITLES, rows
    return TITLES[:-1], [row._replace(cells=row.cells[:-1]) for row in rows]


def _rows(listed: Listed, patterns: Sequence[str]) -> list[Row]:
    account = listed.account
    read = {one.id for one in choose(listed.connectors, account.connectors, account.exclude)}
    chosen = choose(listed.connectors, patterns or ("*",))
    chosen.sort(key=lambda one: one.name.casefold())
    return [_row(one, listed.at, is_read=one.id in read) for one in chosen]


def _row(one: Connector, now: float, *, is_read: bool) -> Row:
    heartbeat_at = one.heartbeat_at
    record = {
        "account": one.account,
        "connector": one.id,
        "name": one.name,
        "serial": one.serial,
        "notes": one.notes,
        "activated": one.activated,
        "read": is_read,
        "last_heartbeat": one.last_heartbeat,
        "heartbeat_age": None if heartbeat_at is None else round(now - heartbeat_at, 1),
        "version": one.version,
    }
    cells = (
        one.name,
        one.serial or "-",
        {True: "yes", False: "no", None: "-"}[one.activated],
        "yes" if is_read else "no",
        "never" if heartbeat_at is None else f"{age(now - heartbeat_at)} ago",
        one.version or "-",
        one.id,
        one.account,
    )
    return Row(record, cells)
