"""What the README and the help say is what the program does."""

import json
import re
import shlex
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from tailer.app.exitcode import ExitCode
from tailer.app.sinks import load_with_sinks
from tailer.cli.exits import DEBUG_VARIABLE
from tailer.cli.main import COMMANDS, group
from tailer.config.credentials import EMAIL_VARIABLE, KEY_VARIABLE, TOKEN_VARIABLE
from tailer.config.document import ACCOUNT_VARIABLE, BASE_URL_VARIABLES
from tailer.model import Event, Source, Watermark
from tailer.sinks.formats.jsonl import JsonlFormat
from tailer.sinks.formats.watermarks import render_watermarks

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
HELP = Path(__file__).parents[1] / "data" / "help"


def blocks(language: str) -> list[str]:
    """The README's code in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def command_of(name: str) -> click.Command:
    """A command, imported; "dead list" is one of the group "dead"."""
    first, *rest = name.split()
    command = import_module(f"tailer.cli.commands.{first}").command
    for word in rest:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    assert isinstance(command, click.Command)
    return command


def parts_of(name: str) -> list[str]:
    """The commands of a group; none of a plain command."""
    command = command_of(name)
    return [f"{name} {part}" for part in command.commands] if isinstance(command, click.Group) else []


PARTS = [part for name in COMMANDS for part in parts_of(name)]

TYPED = [
    shlex.split(line.removeprefix("$ ").split(" | ")[0])
    for block in blocks("console")
    for line in block.splitlines()
    if line.startswith("$ tailer")
]


@pytest.mark.parametrize("words", TYPED, ids=" ".join)
def test_commands_of_the_readme_can_be_typed(words: list[str]) -> None:
    """Every command line of the README has flags that exist, with values that are right."""
    program, *typed = words
    name = " ".join(typed[:2])
    name = name if name in PARTS else typed[0]
    arguments = typed[len(name.split()) :]
    with group.make_context(program, [typed[0]]) as context:
        assert command_of(name).make_context(name, arguments, parent=context).params


def test_every_command_is_in_the_readme() -> None:
    """A reader meets each command."""
    assert [name for name in COMMANDS if f"tailer {name}" not in README] == []


def test_every_exit_code_is_in_the_readme() -> None:
    """The table of exit codes is complete and has no others."""
    assert re.findall(r"^\| (\d+) \|", README, flags=re.MULTILINE) == [str(code.value) for code in ExitCode]


def test_every_variable_is_in_the_readme() -> None:
    """The table of variables has all that the program reads."""
    variables = [
        TOKEN_VARIABLE,
        KEY_VARIABLE,
        EMAIL_VARIABLE,
        ACCOUNT_VARIABLE,
        *BASE_URL_VARIABLES,
        DEBUG_VARIABLE,
    ]
    assert [name for name in variables if f"`{name}`" not in README] == []


def test_configuration_of_the_readme_is_enough_to_run(tmp_path: Path) -> None:
    """The README's file loads as it is, given the token, and with any other table of a sink in its place."""
    text, *sinks = blocks("toml")
    path = tmp_path / "tailer.toml"
    for variant in [text, *(text.partition("[[sinks]]")[0] + sink for sink in sinks)]:
        path.write_text(variant)
        _, plans = load_with_sinks(path, {TOKEN_VARIABLE: "t"})
        assert len(plans) == 1


def test_record_of_the_readme_is_what_is_written() -> None:
    """The README's JSON record is, byte for byte, what its event becomes."""
    text, watermark = blocks("json")
    told = json.loads(text)
    event = Event(told["t"], told["n"], told["k"], told["a"], source_in(told), told["late"])
    assert JsonlFormat().render([event]).decode() == text
    told = json.loads(watermark)
    spans = (told[key] for key in ("read_through", "whole_through", "settled_through"))
    assert render_watermarks([Watermark(source_in(told), *spans)]).decode() == watermark


def source_in(record: dict[str, Any]) -> Source:
    """Read what a record tells of its connector."""
    return Source(*(record[key] for key in ("account", "connector", "name", "serial", "seen")))


@pytest.mark.parametrize("name", [*COMMANDS, *PARTS])
def test_every_option_says_what_it_does(name: str) -> None:
    """No flag without a sentence."""
    options = [option for option in command_of(name).params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("name", ["tailer", *COMMANDS, *PARTS])
def test_help_is_what_it_was(name: str) -> None:
    """A change of the help is seen: the snapshot is the output of ``--help`` at 80 columns."""
    arguments = ["--help"] if name == "tailer" else [*name.split(), "--help"]
    outcome = CliRunner().invoke(group, arguments, prog_name="tailer", terminal_width=78)
    line = " ".join(["tailer", *arguments])
    snapshot = f"{name.replace(' ', '-')}.txt"
    assert outcome.output == (HELP / snapshot).read_text("utf-8"), f"{line} > tests/data/help/{snapshot}"
