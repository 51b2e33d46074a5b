"""``tailer fill``: the flags."""

from __future__ import annotations

from pathlib import Path

import click

from tailer.cli.options import asked_past, complete_stored, daemon_config


@click.command("fill")
@click.argument("patterns", nargs=-1, metavar="[CONNECTOR]...", shell_complete=complete_stored)
@daemon_config
@asked_past
@click.option("--json", "as_json", is_flag=True, help="What came of it as one line of JSON.")
def command(
    patterns: tuple[str, ...], config: Path, since: str | None, until: str | None, *, as_json: bool
) -> int:
    """Read lost gaps again, as far as the API can tell what was in them.

    A running daemon does it between its polls; without one this command owns the journal meanwhile, and
    needs the credentials. New events are journaled, none twice, and go to the sinks, marked late where they
    are. What still can't be read stays a gap and is listed; the exit code is 4 then. Open gaps are left to
    the daemon, which reads them by itself. Interrupted, this command leaves the daemon at it.
    """
    # Deferred: they would delay the help.
    from tailer.cli.filling import fill_gaps  # noqa: PLC0415
    from tailer.cli.times import past_span  # noqa: PLC0415

    start, end = past_span(since, until)
    return fill_gaps(config, patterns, start, end, as_json=as_json)
