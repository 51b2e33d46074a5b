"""``tailer demo``: the flags."""

from __future__ import annotations

from typing import Any

import click

from tailer.cli.options import duration, look_options
from tailer.core.durations import Seconds


@click.command("demo")
@click.option(
    "--for",
    "length",
    type=duration,
    metavar="DURATION",
    help="End after this long, such as 10s.  [default: Ctrl-C ends it]",
)
@look_options
def command(length: Seconds | None, **look: Any) -> int:
    """Tail an invented fleet: no account, no file, nothing to clean up.

    A simulated API runs inside this process, on loopback; it is read as Cloudflare's would be.
    """
    # Deferred: the HTTP client would delay the help.
    from tailer.cli.screen import Look  # noqa: PLC0415
    from tailer.cli.showcase import show  # noqa: PLC0415

    return show(length, Look(**look))
