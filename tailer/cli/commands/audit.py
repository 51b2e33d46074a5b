"""``tailer audit``: the flags."""

from __future__ import annotations

from pathlib import Path

import click

from tailer.cli.options import complete_stored, daemon_config, past_options


@click.command("audit")
@click.argument("connector", metavar="CONNECTOR", shell_complete=complete_stored)
@daemon_config
@past_options("as far back as the journal remembers all", "as far as CONNECTOR was read")
@click.option("--json", "as_json", is_flag=True, help="What came of it as one line of JSON.")
def command(connector: str, config: Path, since: str | None, until: str | None, *, as_json: bool) -> int:
    """Read a past span again, and name every event that the journal or the API has alone.

    The span ends at the latest where CONNECTOR was read through, and begins at the earliest where the journal
    still remembers everything. Both sides are told with their number of events and a digest that does not
    depend on order. What became visible late, and is still to be found by a later poll, is told but is no
    difference. The exit code is 4 if there is a difference, or if a part of the span could not be compared.

    A daemon may be running; nothing is changed. The requests are this command's own, with the file's
    credentials.
    """
    # Deferred: they would delay the help.
    from tailer.cli.auditing import run_audit  # noqa: PLC0415
    from tailer.cli.times import past_span  # noqa: PLC0415

    start, end = past_span(since, until)
    return run_audit(config, connector, start, end, as_json=as_json)
