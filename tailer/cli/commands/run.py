"""``tailer run``: the flags."""

from __future__ import annotations

import signal
from pathlib import Path

import click


@click.command("run")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="Configuration file; see config.example.toml.",
)
@click.option("--once", is_flag=True, help="Catch up to now, deliver everything and exit, for cron.")
def command(config: Path, *, once: bool) -> int:
    """Collect events into the sinks of a configuration file, for ever.

    Events are journaled first: a restart goes on where the last run ended, without loss and without repeats.
    SIGTERM or Ctrl-C ends it cleanly, SIGHUP or `tailer reload` has it read the file again. Messages go to
    stderr.
    """
    # Until the daemon heeds it: the file is about to be read anyway.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from tailer.cli.daemon import run  # noqa: PLC0415 - the HTTP client would delay the help

    return run(config, once=once)
