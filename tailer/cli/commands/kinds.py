"""``tailer kinds``: the kinds of events that are known."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tailer.cli.options import complete_kind, list_output
from tailer.kinds import DERIVED, KINDS

if TYPE_CHECKING:
    from tailer.cli.listing import Output

_LISTED = {**KINDS, **DERIVED}


@click.command("kinds")
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...", shell_complete=complete_kind)
@list_output
def command(patterns: tuple[str, ...], output: Output) -> None:
    """List the known kinds of events with level and meaning.

    PATTERN is a kind, a level, or a shell pattern over these, such as 'Ha*' or error; none means all. The API
    may send kinds that are not among them: one that ends in Failure, Error or Reset counts as an error, every
    other as a notice. Kinds that begin with tailer. are not the API's: [alerts] in a configuration file asks
    for them.
    """
    # Deferred: tables would delay the help.
    from tailer.cli.listing import Row, write_rows  # noqa: PLC0415

    chosen = _choose(patterns)
    rows = [
        Row(
            {"kind": name, "level": _LISTED[name].level, "meaning": _LISTED[name].meaning},
            (name, *_LISTED[name]),
        )
        for name in chosen
    ]
    write_rows(("KIND", "LEVEL", "MEANING"), rows, output, sys.stdout)


def _choose(patterns: tuple[str, ...]) -> list[str]:
    """List the kinds that are meant; a pattern that means none is a mistake."""
    from difflib import get_close_matches  # noqa: PLC0415 - as above
    from fnmatch import fnmatchcase  # noqa: PLC0415 - as above

    chosen: set[str] = set()
    for pattern in patterns or ("*",):
        wanted = pattern.casefold()
        found = {
            name
            for name, kind in _LISTED.items()
            if fnmatchcase(name.casefold(), wanted) or fnmatchcase(kind.level, wanted)
        }
        if not found:
            folded = {name.casefold(): name for name in _LISTED}
            near = get_close_matches(wanted, folded, n=1)
            hint = f"did you mean {folded[near[0]]}?" if near else "tailer kinds lists those that are known"
            raise click.UsageError(f"no kind is like {pattern!r}; {hint}")
        chosen |= found
    return [name for name in _LISTED if name in chosen]
