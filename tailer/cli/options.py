"""Flags that several commands share, and the readers of what people write into them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

from tailer.core.durations import Seconds, parse_duration, parse_time

Function: TypeAlias = Callable[..., Any]


def duration(text: str) -> Seconds:
    """Read a duration such as "90s" for click."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def interval(text: str) -> Seconds:
    """Read the time between two polls for click, in the bounds of ``[polling] interval``."""
    seconds = duration(text)
    if not 0.1 <= seconds <= 3600:
        raise click.BadParameter(f"{text!r} is not from 100ms to 1h")
    return seconds


def moment(text: str) -> str:
    """Check a time such as "10m" for click; it stays text until API time is known."""
    try:
        parse_time(text, 0.0)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return text


def complete_connector(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Complete the name of a connector; nothing where that fails."""
    try:
        from tailer.cli.candidates import connector_items  # noqa: PLC0415 - for a Tab only

        return connector_items(ctx.params, incomplete)
    except Exception:  # noqa: BLE001 - the user is in the middle of a line
        return []


def complete_stored(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Complete the name of a connector that a daemon's journal knows; nothing where that fails."""
    try:
        from tailer.cli.candidates import stored_items  # noqa: PLC0415 - for a Tab only

        return stored_items(ctx.params, incomplete)
    except Exception:  # noqa: BLE001 - the user is in the middle of a line
        return []


def complete_kind(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Complete a kind."""
    from tailer.cli.candidates import kind_items  # noqa: PLC0415 - for a Tab only

    return kind_items(incomplete)


def account_options(function: Function) -> Function:
    """``--account``, ``--token-file`` and ``--config``: whose connectors are meant, and how to sign in."""
    account = click.option("--account", metavar="ID", help="Account id.  [default: CLOUDFLARE_ACCOUNT_ID]")
    token_file = click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File that holds the API token.  [default: CLOUDFLARE_API_TOKEN]",
    )
    config = click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Configuration file with accounts; its journal and sinks are left alone.",
    )
    return account(token_file(config(function)))


def kind_option(function: Function) -> Function:
    """``--kind``: which events are wanted."""
    return click.option(
        "-k",
        "--kind",
        "kinds",
        multiple=True,
        metavar="KIND",
        shell_complete=complete_kind,
        help="Only events of this kind, such as Leave; repeatable.",
    )(function)


def details_option(function: Function) -> Function:
    """``--details``: of which events the payload is fetched too."""
    return click.option(
        "--details",
        multiple=True,
        metavar="KIND",
        shell_complete=complete_kind,
        help="Fetch the payload (e) of events of this kind too, or of kinds like '*Failure': a request each;"
        " repeatable.",
    )(function)


def daemon_config(function: Function) -> Function:
    """``--config`` of commands that look for the daemon of a file, or for what it has left."""
    return click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        required=True,
        help="The daemon's configuration file; its journal path tells where to look.",
    )(function)


def past_options(since: str, until: str) -> Callable[[Function], Function]:
    """``--since`` and ``--until`` of commands that look at the past, with what they mean by default."""
    start = click.option(
        "--since",
        type=moment,
        metavar="TIME",
        help="Start of the span that is meant: 2d back from now, an ISO 8601 time, or epoch seconds."
        f"  [default: {since}]",
    )
    end = click.option(
        "--until",
        type=moment,
        metavar="TIME",
        help=f"Its end, in the same words.  [default: {until}]",
    )
    return lambda function: start(end(function))


asked_past = past_options("all that was ever asked for", "now")


def list_output(function: Function) -> Function:
    """``--output`` of commands that give a short list."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["auto", "table", "jsonl"]),
        default="auto",
        show_default=True,
        help="auto: a table on a terminal, JSON Lines into a pipe or file.",
    )(function)
