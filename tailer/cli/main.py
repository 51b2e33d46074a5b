"""The program: a group of commands that are imported only when they are needed.

``tailer --help`` lists them from the table below, so it waits for nothing but click.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from tailer.app.exitcode import ExitCode
from tailer.cli.exits import run_to_exit

COMMANDS: dict[str, str] = {
    "tail": "Show the events of connectors, past and present.",
    "run": "Collect events into the sinks of a configuration file, for ever.",
    "status": "Show how a collection is: what is read, what fails, what is missing.",
    "gaps": "List what was not read, with the reason of each gap.",
    "fill": "Read lost gaps again, as far as the API can tell what was in them.",
    "audit": "Read a past span again, and name every event that the journal or the API has alone.",
    "reload": "Have a running daemon read its configuration file again.",
    "dead": "List what sinks have rejected, or write it to them again.",
    "replay": "Send a sink again what it has had, as far as the journal still holds it.",
    "check": "Check a configuration and everything it needs, and change nothing.",
    "backfill": "Write the events of a past span to files, whole and in order.",
    "connectors": "List the connectors of an account, or of all in a configuration file.",
    "kinds": "List the known kinds of events with level and meaning.",
    "sinks": "List the sinks that are installed, with the options that their tables may have.",
    "files": "Write out files for systemd, Docker and logrotate.",
    "completion": "Print the script that makes a shell complete commands, flags and names.",
    "demo": "Tail an invented fleet: no account, no file, nothing to clean up.",
    "simulate": "Run a believable Magic WAN connector API on this machine.",
}
"""Names and the first sentences of their helps, in the order in which a newcomer reads them."""


class LazyGroup(click.Group):
    """A group that knows the names of its commands and imports one when it is invoked."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's shape
        """Give the commands' names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: Any = import_module(f"tailer.cli.commands.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was typed, or name the nearest."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from tailer.config.words import nearest_of  # noqa: PLC0415 - for this mistake only

            raise click.UsageError(
                f"no such command: {args[0]}; {nearest_of(args[0], list(COMMANDS))}", ctx
            ) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's shape
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - takes longer than all of --help

    try:
        click.echo(f"tailer {version('cf-tailer')}")
    except PackageNotFoundError:
        click.echo("tailer (a checkout that is not installed)")
    ctx.exit()


@click.group(
    cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)
@click.pass_context
def group(ctx: click.Context) -> None:
    """Tail, collect and account for the telemetry events of Cloudflare Magic WAN connectors."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(ExitCode.MISUSED)


def main() -> NoReturn:
    """Be the program: the entry point ``tailer``."""
    _replace_missing_streams()
    # A locale without UTF-8 may lack letters of a name; better escaped than not told.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if instruction := os.environ.get("_TAILER_COMPLETE"):
        from tailer.cli.shells import answer  # noqa: PLC0415 - for a Tab only

        answer(group, instruction)
    # Until the event loop takes signals over. Ended before anything was done, as asked, is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(ExitCode.DONE))
    sys.exit(run_to_exit(_invoke))


def _invoke() -> int | None:
    """Do what the command line says; click's own ``main`` would end the program its own way."""
    with group.make_context("tailer", sys.argv[1:]) as ctx:
        code: int | None = group.invoke(ctx)
        return code


def _replace_missing_streams() -> None:
    """Open the null device where stdout or stderr is closed, or the journal would get its number."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - lives as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115 - as above
