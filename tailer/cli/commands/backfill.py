"""``tailer backfill``: the flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tailer.cli.options import (
    account_options,
    complete_connector,
    details_option,
    kind_option,
    moment,
)


class Part(click.FloatRange):
    """A part of a whole, under a name that people know."""

    name = "number"


@click.command("backfill")
@click.argument("connectors", nargs=-1, metavar="[CONNECTOR]...", shell_complete=complete_connector)
@click.option(
    "--since",
    type=moment,
    metavar="TIME",
    required=True,
    help="Where to begin: a duration back from now, ISO 8601, or epoch seconds.",
)
@click.option("--until", type=moment, metavar="TIME", help="Where to end, in the same words.  [default: now]")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    required=True,
    help="A new file for all events, merged by time; or a folder (an empty one, or a name without an ending)"
    " for one file a connector.",
)
@click.option(
    "-o",
    "--output",
    "format",
    type=click.Choice(["jsonl", "logfmt", "csv"]),
    help="Format.  [default: what the file's name ends in, else jsonl]",
)
@kind_option
@details_option
@click.option(
    "--share",
    type=Part(0, 1, min_open=True),
    metavar="PART",
    help="Part of the quota that may be spent, such as 0.3 to leave the rest to a running daemon: the two"
    " know of each other only by what the API says is left.  [default: 0.8, or the file's]",
)
@account_options
def command(**given: Any) -> int:
    """Write the events of a past span to files, whole and in order.

    CONNECTOR is an id, a serial number, the notes or their first line, or a shell pattern over these; none
    means all. Several windows are read at once, within the budget. Interrupted or killed, the same command
    goes on where it was; nothing is missing and nothing is there twice. A folder beside the output keeps the
    place and goes at the end. The last line says whether the span is complete; exit code 4 says that it is
    not.
    """
    from tailer.cli.retrieval import BackfillRequest, backfill  # noqa: PLC0415 - the HTTP client would delay the help

    return backfill(BackfillRequest(**given))
