"""The program: a group of commands that are imported only when they are needed.

``tailer --help`` lists them from the table below, so it waits for nothing but click.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

import click

from tailer.app.exitcode import ExitCode
from tailer.cli.exits import run_to_exit


class Entry(NamedTuple):
    """One command: where it is, and its line in the list.

    Attributes:
        module: Has the command under the name ``command``.
        line: First sentence of the command's own help.
    """

    module: str
    line: str


COMMANDS = {
    "tail": Entry("tailer.cli.tail", "Show the events of connectors, past and present."),
    "run": Entry("tailer.cli.run", "Collect events into the sinks of a configuration file, for ever."),
    "status": Entry(
        "tailer.cli.status", "Show how a collection is: what is read, what fails, what is missing."
    ),
    "gaps": Entry("tailer.cli.gaps", "List what was not read, with the reason of each gap."),
    "fill": Entry("tailer.cli.fill", "Read lost gaps again, as far as the API can tell what was in them."),
    "audit": Entry(
        "tailer.cli.audit",
        "Read a past span again, and name every event that the journal or the API has alone.",
    ),
    "reload": Entry("tailer.cli.reload", "Have a running daemon read its configuration file again."),
    "dead": Entry("tailer.cli.dead", "List what sinks have rejected, or write it to them again."),
    "replay": Entry(
        "tailer.cli.replay", "Send a sink again what it has had, as far as the journal still holds it."
    ),
    "check": Entry("tailer.cli.check", "Check a configuration and everything it needs, and change nothing."),
    "backfill": Entry("tailer.cli.backfill", "Write the events of a past span to files, whole and in order."),
    "connectors": Entry(
        "tailer.cli.connectors", "List the connectors of an account, or of all in a configuration file."
    ),
    "kinds": Entry("tailer.cli.kinds", "List the known kinds of events with level and meaning."),
    "sinks": Entry(
        "tailer.cli.sinks", "List the sinks that are installed, with the options that their tables may have."
    ),
    "files": Entry("tailer.cli.files", "Write out files for systemd, Docker and logrotate."),
    "completion": Entry(
        "tailer.cli.completion",
        "Print the script that makes a shell complete commands, flags and names.",
    ),
    "demo": Entry("tailer.cli.demo", "Tail an invented fleet: no account, no file, nothing to clean up."),
    "simulate": Entry("tailer.cli.simulate", "Run a believable Magic WAN connector API on this machine."),
}
"""In the order in which a newcomer reads them."""


class LazyGroup(click.Group):
    """A group that knows the names of its commands and imports one when it is invoked."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's shape
        """Give the commands' names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import a command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: Any = import_module(entry.module).command
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
            formatter.write_dl([(name, entry.line) for name, entry in COMMANDS.items()])


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
