"""``tailer sinks``: the sinks that are installed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tailer.sinks.catalogue import ListedSink, Option


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - for a Tab only

    from tailer.sinks.registry import known_types  # noqa: PLC0415 - as above

    return [CompletionItem(name) for name in known_types() if name.startswith(incomplete)]


@click.command("sinks")
@click.argument("types", nargs=-1, metavar="[TYPE]...", shell_complete=_complete)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each sink.")
def command(types: tuple[str, ...], *, as_json: bool) -> None:
    """List the sinks that are installed, with the options that their tables may have.

    TYPE names those that are meant; none means all. A sink whose packages are missing is listed with the
    command that installs them. Third parties' sinks are listed like ours.
    """
    # Deferred: they import every sink there is.
    from tailer.cli.listing import json_line  # noqa: PLC0415
    from tailer.config.words import nearest_of, quoted  # noqa: PLC0415
    from tailer.sinks.catalogue import common_options, list_sinks  # noqa: PLC0415

    listed = {sink.type: sink for sink in list_sinks()}
    for name in types:
        if name not in listed:
            raise click.UsageError(f"no sink is called {quoted(name)}; {nearest_of(name, list(listed))}")
    chosen = [listed[name] for name in types or listed]
    if as_json:
        sys.stdout.writelines(json_line(sink) for sink in chosen)
        return
    for sink in chosen:
        _write_sink(sink)
    _write("Every sink", "the options that all have", common_options())


def _write_sink(sink: ListedSink) -> None:
    origin = "" if sink.package == "tailer" else f", of package {sink.package}"
    _write(f'type = "{sink.type}"{origin}', sink.problem or sink.summary, sink.options)


def _write(title: str, summary: str, options: Sequence[Option]) -> None:
    from tailer.cli.listing import Row, write_rows  # noqa: PLC0415 - as above
    from tailer.sinks.text import escaped  # noqa: PLC0415 - as above

    sys.stdout.write(f"{escaped(title)}: {escaped(summary)}\n")
    rows = [
        Row({}, (f"  {one.name}", "required" if one.required else one.default or "-", _words(one)))
        for one in options
    ]
    if rows:
        write_rows(("  OPTION", "DEFAULT", "EFFECT"), rows, "table", sys.stdout)
    sys.stdout.write("\n")


def _words(option: Option) -> str:
    return f"{option.effect} Value: {option.value}.".strip()
