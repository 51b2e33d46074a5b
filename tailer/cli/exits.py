"""How the program ends: every error becomes one exit code and a sentence for people.

1. Nothing that the user did wrong shows a traceback; nor does anything else, unless TAILER_DEBUG is set.
2. A sentence begins with ``tailer:``, goes to stderr, and can't do anything to a terminal.
3. Whoever closed our pipe is not told about it.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

import click

from tailer.app.exitcode import ExitCode
from tailer.errors import AuthError, ConfigError, SinkClosedError, TailerError

DEBUG_VARIABLE = "TAILER_DEBUG"

_LEAST_COLUMNS = 40  # below, broken lines would only make it worse

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def run_to_exit(program: Callable[[], int | None]) -> int:
    """Run the program and return its exit code, having said on stderr what went wrong."""
    try:
        return program() or ExitCode.DONE
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return ExitCode.MISUSED
    except (KeyboardInterrupt, click.Abort):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        _let_go_of_stdout()
        return ExitCode.DONE
    except Exception as error:  # noqa: BLE001 - the last resort: whatever it is, people get one line
        say(*sentences_of(error))
        _trace(error)
        return code_of(error)


def code_of(error: BaseException) -> ExitCode:
    """Give the exit code that an error asks for."""
    if isinstance(error, BaseExceptionGroup):
        return max(code_of(inner) for inner in error.exceptions)
    if isinstance(error, click.ClickException):
        return ExitCode.MISUSED if isinstance(error, click.UsageError) else ExitCode.FAILED
    if isinstance(error, ConfigError):
        return ExitCode.MISUSED
    if isinstance(error, AuthError):
        return ExitCode.UNAUTHORIZED
    if isinstance(error, SinkClosedError | BrokenPipeError):
        return ExitCode.DONE
    return ExitCode.FAILED


def sentences_of(error: BaseException) -> list[str]:
    """Put an error into words: a sentence, or a heading and a list; nothing for a closed pipe."""
    if isinstance(error, BaseExceptionGroup):
        return [line for inner in error.exceptions for line in sentences_of(inner)]
    if isinstance(error, SinkClosedError | BrokenPipeError):
        return []
    if isinstance(error, ConfigError):
        return [_listed(error.mistakes)]
    if isinstance(error, click.ClickException):
        context = error.ctx if isinstance(error, click.UsageError) else None
        see = f" (see {context.command_path} --help)" if context else ""
        # click lists choices in lines of their own, indented by tabs.
        return [" ".join(error.format_message().split()) + see]
    return [str(error) if isinstance(error, TailerError) else _foreign(error)]


def _foreign(error: BaseException) -> str:
    """Put an error into words that is none of ours."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return f"what was to be written has no room: {error.strerror}"
    hint = f"set {DEBUG_VARIABLE}=1 for the traceback, and please report it"
    return f"this is a bug: {type(error).__name__}: {error}; {hint}"


def say(*sentences: str) -> None:
    """Print sentences on stderr; a stderr that nobody reads is no reason to fail."""
    with suppress(OSError, ValueError):  # ValueError: it was closed
        for sentence in sentences:
            sys.stderr.write(_fitted(f"tailer: {clean(sentence)}\n"))
        sys.stderr.flush()


def _fitted(text: str) -> str:
    """Break lines between words where stderr is a terminal that is too narrow for them."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):  # ValueError: a stream without a number, as tests have it
        return text
    if all(len(line) <= columns for line in text.split("\n")) or columns < _LEAST_COLUMNS:
        return text
    import textwrap  # noqa: PLC0415 - `tailer --help` needs none

    fill = textwrap.TextWrapper(
        columns, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    ).fill
    return "\n".join(map(fill, text.split("\n")))


def clean(text: str) -> str:
    """Escape what a terminal might obey, but for line ends: names and notes come from far away."""
    # Deferred: `tailer --help` needs no regular expressions of ours.
    from tailer.sinks.text import escaped  # noqa: PLC0415

    return "\n".join(map(escaped, text.split("\n")))


def _let_go_of_stdout() -> None:
    """Lead stdout to nowhere, or the interpreter complains at its end about what it could not write."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _listed(mistakes: Sequence[str]) -> str:
    if len(mistakes) == 1:
        return mistakes[0]
    lines = "".join(f"\n  - {mistake}" for mistake in mistakes)
    return f"{len(mistakes)} mistakes:{lines}"


def _trace(error: BaseException) -> None:
    if os.environ.get(DEBUG_VARIABLE):
        import traceback  # noqa: PLC0415 - wanted by developers only

        with suppress(OSError, ValueError):
            traceback.print_exception(error)
