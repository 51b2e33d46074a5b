"""``tailer check``: the flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command("check")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Configuration file.  [default: one account, by the environment]",
)
@click.option("--offline", is_flag=True, help="Look for mistakes in the file only; ask nobody.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def command(**given: Any) -> int:
    """Check a configuration and everything it needs, and change nothing.

    All mistakes of the file come at once. Without any, the credentials, the connectors, the clock, the rate
    that the budget allows, the journal and the sinks are looked at. Exits with 0 if a run would work, with 2
    for mistakes, 3 for refused credentials and 1 for an API, a sink or a journal that can't be used.
    """
    from tailer.cli.checkup import check  # noqa: PLC0415 - the HTTP client would delay the help

    return check(**given)
