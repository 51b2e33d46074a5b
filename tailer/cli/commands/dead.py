"""``tailer dead``: the commands and their flags."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tailer.cli.options import Function, daemon_config, list_output

if TYPE_CHECKING:
    from tailer.cli.listing import Output


@click.group("dead")
def command() -> None:
    """List what sinks have rejected, or write it to them again."""


def _options(function: Function) -> Function:
    """``--config`` and ``--sink``: which dead letters are meant."""
    return daemon_config(click.option("--sink", metavar="NAME", help="Only those of one sink.")(function))


@command.command("list")
@_options
@list_output
def list_command(config: Path, sink: str | None, output: Output) -> None:
    """List the events that were set aside, with the reason of each.

    A daemon may be running; nothing is changed.
    """
    from tailer.cli.letters import list_letters  # noqa: PLC0415 - its imports would delay the help

    list_letters(config, sink, output)


@command.command("retry")
@_options
@click.argument("ids", nargs=-1, metavar="[ID]...")
def retry_command(config: Path, sink: str | None, ids: tuple[str, ...]) -> int:
    """Write events that were set aside to their sinks again.

    ID is what tailer dead list gives, or an event's own id; none means all. What a sink accepts now is a dead
    letter no more, and marked late; what it rejects again stays. A running daemon is asked to do it between
    two batches. Ends with 4 if anything stays.
    """
    from tailer.cli.letters import retry_letters  # noqa: PLC0415 - as above

    return retry_letters(config, sink, ids)
