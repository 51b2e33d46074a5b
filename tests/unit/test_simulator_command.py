import msgspec
import pytest
from click.testing import CliRunner

from tailer.cli.commands.simulate import command, signed_duration
from tailer.cli.main import group
from tailer.simulator.options import SimulatorOptions


def test_every_option_has_its_flag() -> None:
    """The command offers exactly the options of the simulator, by the same names."""
    renamed = {"fault": "faults", "burst": "bursts"}
    flags = {renamed.get(parameter.name or "", parameter.name) for parameter in command.params}
    assert flags == {field.name for field in msgspec.structs.fields(SimulatorOptions)}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--history", "90"], "has no unit"),
        (["--clock-offset", "-2"], "has no unit"),
        (["--fault", "599:1"], "'599:1' is no fault"),
        (["--burst", "10"], "N@OFFSET"),
        (["--newcomers", "10"], "N@OFFSET"),
        (["--late-share", "2"], "--late-share is a share between 0 and 1"),
        (["--order", "upwards"], "--order"),
        (["--epoch", "0"], "further back than a year"),
        (["--truth", "/proc/version"], "/proc/version is not a truth file"),
        (["--port", "70000"], "65535"),
    ],
)
def test_bad_option_is_one_sentence_and_exit_2(arguments: list[str], sentence: str) -> None:
    """A bad option ends the command with exit code 2 and one sentence that names what is wrong."""
    outcome = CliRunner().invoke(group, ["simulate", *arguments])
    assert outcome.exit_code == 2
    assert sentence in outcome.stderr.splitlines()[-1]
    assert outcome.stdout == ""


def test_help_tells_the_defaults() -> None:
    """The help shows the value that an option has when it is left out."""
    words = " ".join(CliRunner().invoke(group, ["simulate", "--help"]).output.split())
    assert "How far before the start events exist. [default: 2h]" in words
    assert "Order of the rows, across pages. [default: asc]" in words


@pytest.mark.parametrize(("text", "seconds"), [("-2m", -120.0), ("+2m", 120.0), ("3d", 259200.0)])
def test_offset_may_be_signed(text: str, seconds: float) -> None:
    """The server's clock may be behind or ahead."""
    assert signed_duration(text) == seconds
