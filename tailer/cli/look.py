"""Flags about what is shown and what it looks like, and the readers of what people write into them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tailer.cli.options import Function
from tailer.kinds import LEVELS

if TYPE_CHECKING:
    from tailer.sinks.stdout import StdoutSink

Read = TypeVar("Read")


def pattern(text: str) -> re.Pattern[str]:
    """Read a regular expression for click."""
    # Deferred, here and below: formats would delay the help.
    from tailer.sinks.formats.choice import read_pattern  # noqa: PLC0415

    return _read(read_pattern, text)


def template(text: str) -> str:
    """Read a template for click."""
    from tailer.sinks.formats.choice import read_template  # noqa: PLC0415

    return _read(read_template, text)


def template_file(text: str) -> str:
    """Read a file that holds a template for click; the end of its last line is no part of it."""
    try:
        written = Path(text).read_text("utf-8")
    except OSError as error:
        raise click.BadParameter(f"{text} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"{text} is not UTF-8 text") from error
    return template(written.removesuffix("\n"))


def shown_fields(text: str) -> tuple[str, ...]:
    """Read names of fields with commas between for click."""
    from tailer.sinks.formats.choice import read_showable  # noqa: PLC0415

    return tuple(_read(read_showable, name.strip()) for name in text.split(","))


def time_zone(text: str) -> str:
    """Check the name of a time zone for click."""
    from tailer.sinks import zones  # noqa: PLC0415

    _read(zones.find, text)
    return text


def _read(read: Callable[[str], Read], text: str) -> Read:
    """Let a reader read what was typed; its sentence goes to the user."""
    try:
        return read(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def look_options(function: Function) -> Function:
    """What lines look like: flags that become one argument ``look``, a `StdoutSink.Config`."""

    @wraps(function)
    def with_look(**given: Any) -> Any:
        flags = {name: given.pop(name) for name in _LOOK_FLAGS}
        return function(look=_look_of(**flags), **given)

    for option in reversed(_LOOK_OPTIONS):
        with_look = option(with_look)
    return with_look


def _look_of(
    *,
    template_file: str | None,
    show: Sequence[Sequence[str]],
    highlight: Sequence[re.Pattern[str]],
    **same: Any,
) -> StdoutSink.Config:
    """Compare the flags, and put them together."""
    from tailer.sinks.stdout import StdoutSink  # noqa: PLC0415

    if template_file is not None:
        if same["template"] is not None:
            raise click.UsageError("--template and --template-file are both given; give one")
        same["template"] = template_file
    try:
        return StdoutSink.Config(
            show=tuple(name for names in show for name in names),
            highlight=tuple(one.pattern for one in highlight),
            **same,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error


_LOOK_FLAGS = (
    "format",
    "template",
    "template_file",
    "show",
    "highlight",
    "utc",
    "time_zone",
    "color",
)

_LOOK_OPTIONS = (
    click.option(
        "-o",
        "--output",
        "format",
        type=click.Choice(["auto", "pretty", "jsonl", "logfmt", "csv", "template"]),
        default="auto",
        show_default=True,
        help="auto: pretty on a terminal, JSON Lines into a pipe or file.",
    ),
    click.option(
        "--template",
        type=template,
        metavar="TEXT",
        help="Lines of your own, such as '{time:%H:%M} {name!c:<20} {k}'; see the README.",
    ),
    click.option(
        "--template-file",
        type=template_file,
        metavar="FILE",
        help="File that holds the template.",
    ),
    click.option(
        "--show",
        type=shown_fields,
        multiple=True,
        metavar="FIELD,...",
        help="Show more in pretty lines: id, account, connector, serial, n, collected (a as a time), seen"
        " (when it was read), lateness (a - t) or e (the details, which can be a column of CSV too).",
    ),
    click.option(
        "--highlight",
        type=pattern,
        multiple=True,
        metavar="REGEX",
        help="Mark what matches in pretty and template lines, where there are colours; repeatable.",
    ),
    click.option(
        "--utc/--local",
        default=False,
        show_default="local",
        help="Zone of times in pretty and template lines; JSON Lines, logfmt and CSV have UTC.",
    ),
    click.option(
        "--time-zone",
        type=time_zone,
        metavar="NAME",
        help="Another zone for them, such as Europe/Oslo.",
    ),
    click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        help="auto: on a terminal, unless NO_COLOR is set; anywhere, if FORCE_COLOR is set.",
    ),
)


def sieve_options(function: Function) -> Function:
    """``--level``, ``--include`` and ``--exclude``: which events are shown."""
    level = click.option(
        "--level",
        type=click.Choice(LEVELS),
        default=LEVELS[0],
        show_default=True,
        help="Only events at least this serious.",
    )
    include = click.option(
        "--include",
        type=pattern,
        multiple=True,
        metavar="REGEX",
        help="Only events of which 'NAME LEVEL KIND' matches, such as 'Oslo.*Failure'; repeatable.",
    )
    exclude = click.option(
        "--exclude",
        type=pattern,
        multiple=True,
        metavar="REGEX",
        help="No events of which 'NAME LEVEL KIND' matches; repeatable.",
    )
    return level(include(exclude(function)))
