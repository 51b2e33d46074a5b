import errno
import fcntl
import os
import pty
import struct
import termios

import click
import pytest

from tailer.app.exitcode import ExitCode
from tailer.cli.exits import code_of, run_to_exit, say, sentences_of
from tailer.cli.main import group
from tailer.errors import (
    ApiError,
    AuthError,
    ConfigError,
    JournalLockedError,
    SinkClosedError,
    SinkUnavailableError,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 2),
        (AuthError("x"), 3),
        (ApiError("x"), 1),
        (JournalLockedError("x"), 1),
        (SinkUnavailableError("x"), 1),
        (SinkClosedError("x"), 0),
        (BrokenPipeError(), 0),
        (click.UsageError("x"), 2),
        (click.ClickException("x"), 1),
        (ZeroDivisionError("x"), 1),
        (ExceptionGroup("both", [SinkClosedError("x"), AuthError("y")]), 3),
    ],
)
def test_each_error_has_its_exit_code(error: Exception, code: int) -> None:
    """An error ends the program with the exit code that asks for the right reaction."""
    assert code_of(error) == code


def test_one_mistake_is_one_sentence_and_several_are_a_list() -> None:
    """A configuration's mistakes come together, one a line."""
    assert sentences_of(ConfigError("a: wrong")) == ["a: wrong"]
    assert sentences_of(ConfigError(["a: wrong", "b: wrong"])) == ["2 mistakes:\n  - a: wrong\n  - b: wrong"]


def test_full_disk_is_no_bug() -> None:
    """What goes to a full disk by way of stdout is told as such."""
    error = OSError(errno.ENOSPC, "No space left on device")
    assert sentences_of(error) == ["what was to be written has no room: No space left on device"]
    assert code_of(error) == ExitCode.FAILED


def test_choices_of_an_argument_are_on_the_same_line() -> None:
    """A sentence of click's that has several lines becomes one."""
    assert sentences_of(click.UsageError("Choose from:\n\tbash,\n\tzsh")) == ["Choose from: bash, zsh"]


def test_command_without_its_part_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """A group alone is answered with its help, on stderr, as the program itself is."""

    def program() -> None:
        with group.make_context("tailer", ["dead"]) as context:
            group.invoke(context)

    assert run_to_exit(program) == ExitCode.MISUSED
    told = capsys.readouterr()
    assert told.err.startswith("Usage: tailer dead")
    assert told.out == ""


def test_closed_pipe_has_no_words() -> None:
    """Whoever closed the pipe is not told about it."""
    assert sentences_of(ExceptionGroup("x", [SinkClosedError("gone")])) == []


def test_exit_code_is_what_the_program_returns() -> None:
    """A program that returns nothing has succeeded; a code it returns is the exit code."""
    assert run_to_exit(lambda: None) == 0
    assert run_to_exit(lambda: ExitCode.INCOMPLETE) == 4


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (click.exceptions.Exit(2), 2)])
def test_interruption_and_click_exits_are_silent(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C before the loop runs, and click's own exits, end without a word."""

    def program() -> None:
        raise error

    assert run_to_exit(program) == code
    assert capsys.readouterr() == ("", "")


def test_bug_is_one_line_and_a_hint(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected exception is one line that says how to get its traceback."""
    monkeypatch.delenv("TAILER_DEBUG", raising=False)
    assert run_to_exit(lambda: 1 // 0) == 1
    words = capsys.readouterr().err
    assert words.count("\n") == 1
    assert "ZeroDivisionError" in words
    assert "TAILER_DEBUG=1" in words


def test_debug_shows_the_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """TAILER_DEBUG=1 shows where it came from."""
    monkeypatch.setenv("TAILER_DEBUG", "1")
    run_to_exit(lambda: 1 // 0)
    assert "Traceback" in capsys.readouterr().err


def test_words_can_not_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences in a name are shown, not obeyed."""
    say("gw \x1b[2J is gone")
    assert capsys.readouterr().err == "tailer: gw \\u001b[2J is gone\n"


def test_sentence_is_broken_between_words_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets whole words, with what goes on indented; a name that is too long is left whole."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 40, 0, 0))
        monkeypatch.setattr("sys.stderr", terminal)
        say(f"the file of the journal {'x' * 44} can't be read by this user", "2 mistakes:\n  - one")
        shown = b""
        while not shown.endswith(b"one\r\n"):  # it comes in pieces when the machine is busy
            shown += os.read(ours, 4096)
    os.close(ours)
    assert shown.decode().splitlines() == [
        "tailer: the file of the journal",
        "    " + "x" * 44,
        "    can't be read by this user",
        "tailer: 2 mistakes:",
        "  - one",
    ]


def test_closed_stderr_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words that nobody can read are dropped."""
    with open(os.devnull, "w") as closed:  # noqa: PTH123 - a text stream to close
        pass
    monkeypatch.setattr("sys.stderr", closed)
    say("nobody hears this")
