import subprocess
import sys
from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from tailer.cli.main import COMMANDS, group

HEAVY = {"aiohttp", "anyio", "asyncio", "importlib.metadata", "msgspec", "rich", "sqlite3", "tenacity"}


@pytest.mark.parametrize("name", COMMANDS)
def test_list_says_what_the_command_says(name: str) -> None:
    """The line in the list of commands is the first sentence of the command's own help."""
    command = import_module(f"tailer.cli.commands.{name}").command
    assert isinstance(command, click.Command)
    assert command.name == name
    assert (command.help or "").split("\n\n")[0].replace("\n", " ") == COMMANDS[name]


@pytest.mark.parametrize("arguments", [["--help"], ["tail", "--help"], ["run", "--help"], ["demo", "--help"]])
def test_help_waits_for_nothing(arguments: list[str]) -> None:
    """Help imports neither an HTTP client nor an event loop, so that it comes at once."""
    script = (
        "import sys\n"
        "from tailer.cli.main import group\n"
        f"group.main({arguments!r}, 'tailer', standalone_mode=False)\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: tailer")
    assert HEAVY & set(done.stderr.split()) == set()


def test_unknown_command_names_the_nearest() -> None:
    """A mistyped command gets the one that was meant."""
    outcome = CliRunner().invoke(group, ["tial"])
    assert outcome.exit_code == 2
    assert 'no such command: tial; did you mean "tail"?' in outcome.stderr


def test_no_command_shows_the_help_and_is_a_mistake() -> None:
    """The bare program shows its help on stderr, and a script that calls it so notices."""
    outcome = CliRunner().invoke(group, [])
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert "Commands:" in outcome.stderr


def test_version_is_the_package_s() -> None:
    """``--version`` prints the version alone, for people and scripts."""
    outcome = CliRunner().invoke(group, ["--version"])
    assert outcome.exit_code == 0
    assert outcome.stdout.startswith("tailer ")
