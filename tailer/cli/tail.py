"""``tailer tail``: the flags."""

from __future__ import annotations

from typing import Any

import click

from tailer.cli.options import (
    account_options,
    complete_connector,
    complete_kind,
    interval,
    look_options,
    moment,
)


@click.command("tail")
@click.argument("connectors", nargs=-1, metavar="[CONNECTOR]...", shell_complete=complete_connector)
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C, or until --until.")
@click.option(
    "--since",
    type=moment,
    default="10m",
    show_default=True,
    metavar="TIME",
    help="Where to begin: a duration back from now, ISO 8601, or epoch seconds.",
)
@click.option("--until", type=moment, metavar="TIME", help="Where to end, in the same words.  [default: now]")
@click.option(
    "-k",
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    shell_complete=complete_kind,
    help="Only events of this kind, such as Leave; repeatable.",
)
@click.option(
    "--order",
    type=click.Choice(["arrival", "connector", "global"]),
    default="global",
    show_default=True,
    help="global: merged by time; connector: by time for each; arrival: as read, which waits for nothing.",
)
@look_options
@account_options
@click.option(
    "--interval",
    type=interval,
    metavar="DURATION",
    help="Shortest time between two polls of one connector.  [default: 5s]",
)
def command(**given: Any) -> int:
    """Show the events of connectors, past and present.

    CONNECTOR is an id, a serial number, the notes or their first line, or a shell pattern over these, such
    as 'Oslo*'; none means all. Nothing is written to disk. A summary on stderr says what was read, and what
    was not.
    """
    from tailer.cli.live import TailRequest, tail  # noqa: PLC0415 - the HTTP client would delay the help

    return tail(TailRequest(**given))
