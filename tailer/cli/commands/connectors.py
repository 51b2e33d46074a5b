"""``tailer connectors``: the flags."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tailer.cli.options import account_options, complete_connector, list_output

if TYPE_CHECKING:
    from tailer.cli.listing import Output


@click.command("connectors")
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...", shell_complete=complete_connector)
@list_output
@account_options
def command(
    patterns: tuple[str, ...],
    output: Output,
    account: str | None,
    token_file: Path | None,
    config: Path | None,
) -> None:
    """List the connectors of an account, or of all in a configuration file.

    PATTERN is an id, a serial number, the notes or their first line, or a shell pattern over these, such as
    'Oslo*'; none means all. Those that a file excludes are listed too, and marked. License keys are never
    shown.
    """
    from tailer.cli.inventory import list_connectors  # noqa: PLC0415 - the HTTP client would delay the help

    list_connectors(patterns, output, account=account, token_file=token_file, config=config)
