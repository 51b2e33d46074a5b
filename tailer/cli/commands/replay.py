"""``tailer replay``: the flags."""

from __future__ import annotations

from pathlib import Path

import click

from tailer.cli.options import complete_stored, daemon_config, moment


@click.command("replay")
@click.argument("patterns", nargs=-1, metavar="[CONNECTOR]...", shell_complete=complete_stored)
@daemon_config
@click.option("--sink", metavar="NAME", required=True, help="The one sink that gets the events once more.")
@click.option(
    "--since",
    type=moment,
    metavar="TIME",
    required=True,
    help="Start of the span that is meant: 2d back from now, an ISO 8601 time, or epoch seconds.",
)
@click.option("--until", type=moment, metavar="TIME", help="Its end, in the same words.  [default: now]")
@click.option("--json", "as_json", is_flag=True, help="What came of it as one line of JSON.")
def command(
    patterns: tuple[str, ...], config: Path, sink: str, since: str, until: str | None, *, as_json: bool
) -> int:
    """Send a sink again what it has had, as far as the journal still holds it.

    An event is meant if it was recorded or collected in the span; the sink's filter still holds. All of it is
    marked late, as it comes out of its order. A running daemon does it between two batches; without one this
    command owns the journal meanwhile. Where the sink goes on afterwards is not touched, and what it has not
    had yet comes by itself. Interrupted, this command stops the replay.
    """
    # Deferred: they would delay the help.
    from tailer.cli.replaying import send_again  # noqa: PLC0415
    from tailer.cli.times import past_span  # noqa: PLC0415

    start, end = past_span(since, until)
    return send_again(config, sink, patterns, start, end, as_json=as_json)
