"""``tailer demo``: the flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tailer.cli.look import look_options
from tailer.cli.options import duration
from tailer.core.durations import Seconds

if TYPE_CHECKING:
    from tailer.sinks.stdout import StdoutSink


@click.command("demo")
@click.option(
    "--for",
    "length",
    type=duration,
    metavar="DURATION",
    help="End after this long, such as 10s.  [default: Ctrl-C ends it]",
)
@look_options
def command(length: Seconds | None, look: StdoutSink.Config) -> int:
    """Tail an invented fleet: no account, no file, nothing to clean up.

    A simulated API runs inside this process, on loopback; it is read as Cloudflare's would be.
    """
    from tailer.cli.showcase import show  # noqa: PLC0415 - the HTTP client would delay the help

    return show(length, look)
