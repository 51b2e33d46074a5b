"""``tailer status``: the flags, and how often it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tailer.cli.options import daemon_config

if TYPE_CHECKING:
    from tailer.app.inquiry import Inquiry

EVERY = 2.0
"""Seconds between two looks of ``--watch``."""

LISTED = 20
"""Connectors that are listed unless more are asked for: what fits on a screen with the rest."""

_HOME = "\x1b[H\x1b[J"


@click.command("status")
@click.argument("patterns", nargs=-1, metavar="[CONNECTOR]...")
@daemon_config
@click.option("--all", "everything", is_flag=True, help="List every connector and gap, not only the worst.")
@click.option("--json", "as_json", is_flag=True, help="Everything that is known, as one line of JSON.")
@click.option("--watch", is_flag=True, help="Show it every two seconds, until Ctrl-C.")
def command(patterns: tuple[str, ...], config: Path, *, everything: bool, as_json: bool, watch: bool) -> None:
    """Show how a collection is: what is read, what fails, what is missing.

    A running daemon is asked; without one, the figures are those that its journal holds. CONNECTOR is an id,
    a serial number, a name, or a shell pattern over these; none means the worst ones. Nothing is changed, and
    no request goes to the API.
    """
    # Deferred: they would delay the help.
    import time  # noqa: PLC0415

    from tailer.app.inquiry import inquire  # noqa: PLC0415

    limit = None if everything or patterns else LISTED
    while True:
        found = inquire(config, limit=limit, patterns=patterns)
        _check(patterns, found)
        _show(found, as_json=as_json, is_again=watch, everything=everything or bool(patterns))
        if not watch:
            return
        time.sleep(EVERY)


def _show(found: Inquiry, *, as_json: bool, is_again: bool, everything: bool) -> None:
    """Write a status to stdout, over the last one where a terminal is watched."""
    import os  # noqa: PLC0415 - as above
    import sys  # noqa: PLC0415

    from tailer.cli.bulletin import bulletin  # noqa: PLC0415
    from tailer.cli.listing import columns_of, json_line  # noqa: PLC0415

    stream = sys.stdout
    if as_json:
        stream.write(json_line(found.status))
    else:
        lines = bulletin(found.status, found.note, columns_of(stream), everything=everything)
        if is_again and stream.isatty():
            stream.write(_HOME)
            lines = fitted(lines, *os.get_terminal_size(stream.fileno()))
        elif is_again:
            stream.write("\n")
        stream.writelines(f"{line}\n" for line in lines)
    stream.flush()


def fitted(lines: list[str], columns: int, rows: int) -> list[str]:
    """Cut a status to a screen: what matters most comes first, and must not scroll away.

    Args:
        lines: Longer ones lose their end.
        columns: Of the screen; 0: it does not tell.
        rows: Of the screen, likewise. The cursor's line is one of them.
    """
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415 - as above

    if not columns or not rows:
        return lines
    if rows <= len(lines):
        shown = max(1, rows - 2)
        lines = [*lines[:shown], f"… {len(lines) - shown} more lines; all of them without --watch"]
    return [line if cell_len(line) <= columns else set_cell_size(line, columns - 1) + "…" for line in lines]


def _check(patterns: tuple[str, ...], found: Inquiry) -> None:
    """Refuse words that mean no connector at all."""
    if patterns and not found.status.connectors:
        raise click.UsageError(f"no connector is called {' or '.join(map(repr, patterns))}")
