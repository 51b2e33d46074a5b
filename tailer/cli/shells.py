"""What a shell and the program say to each other: click's protocol, with a script of our own for bash.

click's own script for bash takes a name with spaces for several words. Ours lets bash quote what needs it,
as it does for files' names.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import NoReturn

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
    shell_complete,
)

VARIABLE = "_TAILER_COMPLETE"
"""What shells set to ask for completions; the name follows from click's rules."""

_PROGRAM = "tailer"

_BASH = """\
%(complete_func)s() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case ${line%%%%,*} in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            name) compopt -o filenames; COMPREPLY+=("${line#*,}") ;;
            *) COMPREPLY+=("${line#*,}") ;;
        esac
    done < <(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD="$COMP_CWORD" \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class QuotingBash(BashComplete):
    """bash, which quotes the names of connectors."""

    source_template = _BASH

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Mark what is to be quoted."""
        return f"{'name' if item.is_name else item.type},{item.value}"


add_completion_class(QuotingBash)


def script(group: click.Command, shell: str) -> str:
    """Give the script for a shell.

    Args:
        group: The program.
        shell: "bash", "zsh" or "fish".
    """
    completion = get_completion_class(shell)
    if completion is None:
        raise ValueError(f"no completion for {shell!r}")
    return completion(group, {}, _PROGRAM, VARIABLE).source()


def answer(group: click.Command, instruction: str) -> NoReturn:
    """Answer a shell and end the process; failures are silent.

    Args:
        group: The program.
        instruction: What `VARIABLE` holds.
    """
    code = 1
    with suppress(Exception):
        code = shell_complete(group, {}, _PROGRAM, VARIABLE, instruction)
        sys.stdout.flush()
    sys.exit(code)
