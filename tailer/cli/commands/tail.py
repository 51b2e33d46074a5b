"""``tailer tail``: the flags."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource

from tailer.cli.look import look_options, sieve_options
from tailer.cli.options import (
    account_options,
    complete_connector,
    details_option,
    duration,
    interval,
    kind_option,
    moment,
)

ONLINE = frozenset({"follow", "details", "order", "account", "token_file", "config", "interval", "idle_exit"})
"""Flags that have no meaning without an API."""


@click.command("tail")
@click.argument("connectors", nargs=-1, metavar="[CONNECTOR]...", shell_complete=complete_connector)
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C, or until --until.")
@click.option(
    "--since",
    type=moment,
    metavar="TIME",
    help="Where to begin: a duration back from now, ISO 8601, or epoch seconds.  [default: 10m]",
)
@click.option("--until", type=moment, metavar="TIME", help="Where to end, in the same words.  [default: now]")
@kind_option
@details_option
@sieve_options
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
@click.option(
    "--idle-exit",
    type=duration,
    metavar="DURATION",
    help="End once nothing new has been shown for this long, followed or not.",
)
@click.option(
    "--stdin",
    is_flag=True,
    help="Show JSON Lines records from stdin, as tailer writes them, instead of asking the API.",
)
def command(**given: Any) -> int:
    """Show the events of connectors, past and present.

    CONNECTOR is an id, a serial number, the notes or their first line, or a shell pattern over these, such
    as 'Oslo*'; none means all. Nothing is written to disk. A summary on stderr says what was read, and what
    was not.
    """
    from tailer.cli.live import TailRequest, tail  # noqa: PLC0415 - the HTTP client would delay the help

    if given["stdin"]:
        _refuse_online(click.get_current_context())
    return tail(TailRequest(**given))


def _refuse_online(ctx: click.Context) -> None:
    """Refuse flags that would be ignored."""
    for option in ctx.command.params:
        typed = ctx.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if typed and option.name in ONLINE:
            raise click.UsageError(
                f"--stdin asks no API, so {option.opts[-1]} has no meaning; leave it out", ctx
            )
