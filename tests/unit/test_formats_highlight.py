"""What matches is marked, and a line stays the same line with the same colours around it."""

import re

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailer.model import Event, Source
from tailer.sinks.formats.choice import make_format

EVENT = Event(t=1_785_585_600, n=1, k="Leave", a=0, source=Source("a", "c", "Oslo", "s", 0.0))
MARK, PLAIN = "\x1b[0;1;30;43m", "\x1b[0m"


def marked(*patterns: str, color: bool = True, template: str = "{name} {level!c} {k}") -> str:
    """Render a line with marks."""
    compiled = [re.compile(pattern) for pattern in patterns]
    format_ = make_format("template", template=template, color=color, highlight=compiled)
    return format_.render([EVENT]).decode()


@pytest.mark.parametrize(
    ("patterns", "line"),
    [
        (["nothing"], "Oslo \x1b[33mwarning\x1b[0m Leave\n"),
        (["Oslo"], f"{MARK}Oslo{PLAIN} \x1b[33mwarning\x1b[0m Leave\n"),
        (["arn"], f"Oslo \x1b[33mw{MARK}arn{PLAIN}\x1b[33ming\x1b[0m Leave\n"),
        (["slo war"], f"O{MARK}slo war{PLAIN}\x1b[33mning\x1b[0m Leave\n"),
        (["ing Le"], f"Oslo \x1b[33mwarn{MARK}ing Le{PLAIN}ave\n"),
        (["Os", "slo"], f"{MARK}Oslo{PLAIN} \x1b[33mwarning\x1b[0m Leave\n"),
        (["Leave$"], f"Oslo \x1b[33mwarning\x1b[0m {MARK}Leave{PLAIN}\n"),
        (["x*"], "Oslo \x1b[33mwarning\x1b[0m Leave\n"),
    ],
)
def test_marks_leave_other_colours_as_they_were(patterns: list[str], line: str) -> None:
    """A mark covers all of its match, and after it the colour that was on is on again."""
    assert marked(*patterns) == line


def test_without_colours_there_are_no_marks() -> None:
    """Where colours are off, or a program reads, nothing is marked."""
    assert marked("Oslo", color=False) == "Oslo warning Leave\n"
    for name in ("jsonl", "logfmt", "csv"):
        plain = make_format(name)
        same = make_format(name, color=True, highlight=[re.compile("Oslo")])
        assert plain.render([EVENT]) == same.render([EVENT])
        assert plain.header == same.header


@given(
    st.lists(st.sampled_from(["O", "slo", "w.*L", "e", "[a-z]+", "^", "$", "\\b", " ", "ave"]), max_size=3)
)
def test_text_stays_the_same(patterns: list[str]) -> None:
    """Whatever is marked, without colours the line is the one without marks."""
    pretty = make_format("pretty", color=True, highlight=[re.compile(pattern) for pattern in patterns])
    assert click.unstyle(pretty.render([EVENT]).decode()) == make_format("pretty").render([EVENT]).decode()
    assert pretty.header == b""
