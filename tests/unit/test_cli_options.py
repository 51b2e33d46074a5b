"""Flags are checked when they are typed: one sentence with the flag, what is wrong and what is right."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tailer.cli.main import group
from tailer.cli.screen import Idleness


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--include", "["], "'--include': \"[\" is no regular expression: unterminated"),
        (["--exclude", "("], "'--exclude': \"(\" is no regular expression: missing )"),
        (["--highlight", "*"], "'--highlight': \"*\" is no regular expression: nothing to repeat"),
        (["--template", "{nme}"], '\'--template\': there is no field "nme"; did you mean "name"?'),
        (["--template-file", "gone"], "'--template-file': gone can't be read: No such file"),
        (["--template-file", "binary"], "'--template-file': binary is not UTF-8 text"),
        (["--template-file", "wrong"], "'--template-file': there is no field \"nme\""),
        (["--template", "{k}", "--template-file", "good"], "--template and --template-file are both given"),
        (["--show", "serial,lateniss"], '"lateniss" to show; did you mean "lateness"?'),
        (["--show", "serial", "-o", "csv"], "show is for format pretty"),
        (["--time-zone", "Oslo/Europe"], "no time zone is called"),
        (["--time-zone", "Europe/Oslo", "--utc"], "choose one"),
        (["-o", "template"], "format template needs a template"),
        (["-o", "csv", "--template", "{k}"], "a template is for format template, not for csv"),
        (["--level", "warn"], "'warn' is not one of 'debug', 'info', 'notice', 'warning'"),
        (["--idle-exit", "5"], "'5' has no unit"),
        (["--stdin", "-f"], "--stdin asks no API, so --follow has no meaning; leave it out"),
        (["--stdin", "--idle-exit", "5s"], "--stdin asks no API, so --idle-exit has no meaning"),
        (["--stdin", "--since", "2100-01-01"], "--since: 2100-01-01 lies in the future"),
    ],
)
def test_wrong_flag_is_told(
    flags: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asked or read; the mistake is named with its flag."""
    monkeypatch.chdir(tmp_path)
    Path("binary").write_bytes(b"\xff")
    Path("wrong").write_text("{nme}")
    Path("good").write_text("{k}")
    outcome = CliRunner().invoke(group, ["tail", *flags])
    assert outcome.exit_code != 0
    assert sentence in outcome.output + str(outcome.exception)


def test_idleness_counts_from_the_last_event() -> None:
    """The while begins with the first question, and anew whenever something has come."""
    now = 100.0
    idle = Idleness(30.0, lambda: now)
    assert not idle.is_over(0)
    now = 129.0
    assert not idle.is_over(5)
    now = 158.0
    assert not idle.is_over(5)
    now = 159.0
    assert idle.is_over(5)
