"""``tailer gaps``: the flags, and what the answer means for the exit code."""

from __future__ import annotations

from pathlib import Path

import click

from tailer.app.exitcode import ExitCode
from tailer.cli.options import asked_past, complete_stored, daemon_config


@click.command("gaps")
@click.argument("patterns", nargs=-1, metavar="[CONNECTOR]...", shell_complete=complete_stored)
@daemon_config
@asked_past
@click.option("--check", is_flag=True, help="End with 4 if there is any gap in the asked span.")
@click.option(
    "--drop",
    is_flag=True,
    help="Give up what is open of the connectors or the span that are named: nothing reads it any more but"
    " tailer fill.",
)
@click.option("--json", "as_json", is_flag=True, help="The list and its totals as one line of JSON.")
def command(
    patterns: tuple[str, ...],
    config: Path,
    since: str | None,
    until: str | None,
    *,
    check: bool,
    drop: bool,
    as_json: bool,
) -> int:
    """List what was not read, with the reason of each gap.

    A gap is open as long as it is still to be read (not yet read, the last read failed, paused), and lost
    when it can't be read (page cap, refused, too old) or was dropped. A running daemon is asked; without one,
    the journal tells. Nothing is changed but by --drop, and no request goes to the API.
    """
    # Deferred: they would delay the help.
    from tailer.app.gaps.listing import find_gaps  # noqa: PLC0415
    from tailer.cli.dropping import drop_gaps  # noqa: PLC0415
    from tailer.cli.gaplist import show_gaps  # noqa: PLC0415
    from tailer.cli.times import past_span  # noqa: PLC0415

    start, end = past_span(since, until)
    if drop and not (patterns or since or until):
        raise click.UsageError("--drop wants to know what: name connectors ('*' for all), --since or --until")
    report = (drop_gaps if drop else find_gaps)(config, patterns, start, end)
    if patterns and not report.connectors:
        raise click.UsageError(f"no connector is called {' or '.join(map(repr, patterns))}")
    show_gaps(report, as_json=as_json, dropped=drop)
    return ExitCode.INCOMPLETE if check and report.gaps and not drop else ExitCode.DONE
