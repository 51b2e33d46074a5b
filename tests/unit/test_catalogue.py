"""Sinks are listed with what their authors wrote about them, usable or not."""

import json
import sys
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from click.testing import CliRunner

from tailer.cli.main import group
from tailer.config.tables import Duration, Size
from tailer.sinks.catalogue import ListedSink, Option, common_options, list_sinks
from tailer.sinks.registry import OURS


class _Tls(msgspec.Struct, frozen=True):
    """A table in the table.

    Attributes:
        verify: Whether certificates are looked at.
    """

    verify: bool = True


class _Base(msgspec.Struct, frozen=True, kw_only=True):
    """What a family of sinks shares.

    Attributes:
        wait: How long it waits, seconds. More
            of its prose. Absent: a `while`. And so on.

    Nothing of this is about a field: it is not.
    """

    wait: Duration = 90.0


class _ForeignSink:
    """A place of ``others``. And more."""

    class Config(_Base, frozen=True, kw_only=True):
        """Options.

        Attributes:
            url: Where
                it is. There.
            most: The largest `batch`
        """

        url: str
        most: Size = 2**20
        tags: tuple[str, ...] = ("a",)
        tls: _Tls = _Tls()
        maybe: int | None = None


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, ListedSink]:
    """All sinks, those of an installed package included."""
    module = ModuleType("listed_sinks")
    module.__dict__.update(Foreign=_ForeignSink)
    monkeypatch.setitem(sys.modules, "listed_sinks", module)
    metadata = tmp_path / "tailer_sink_foreign-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: tailer-sink-foreign\nVersion: 1.0\n")
    points = "[tailer.sinks]\nforeign = listed_sinks:Foreign\nlacking = listed_sinks_nowhere:Sink\n"
    (metadata / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(tmp_path))
    return {sink.type: sink for sink in list_sinks()}


def test_third_parties_are_listed_like_us(foreign: dict[str, ListedSink]) -> None:
    """Ours are all there and usable; a package's sink has its own prose, its defaults as TOML has them."""
    assert {name for name, sink in foreign.items() if sink.problem is None} >= {"file", "stdout", "foreign"}
    assert foreign.keys() >= OURS.keys()
    sink = foreign["foreign"]
    assert (sink.package, sink.summary) == ("tailer-sink-foreign", "A place of others.")
    assert {(one.name, one.default, one.required, one.effect) for one in sink.options} == {
        ("wait", '"1m30s"', False, "How long it waits, seconds. Absent: a while."),
        ("url", None, True, "Where it is."),
        ("most", '"1MiB"', False, "The largest batch"),
        ("tags", '["a"]', False, ""),
        ("tls.verify", "true", False, "Whether certificates are looked at."),
        ("maybe", None, False, ""),
    }


def test_a_sink_that_lacks_something_says_what(foreign: dict[str, ListedSink]) -> None:
    """One that can't be imported is listed all the same, with the reason and without its place in a file."""
    problem = foreign["lacking"].problem or ""
    assert problem.startswith('sink "lacking" of package tailer-sink-foreign ')
    assert "listed_sinks_nowhere" in problem


@pytest.mark.parametrize(
    "sink", [sink for sink in list_sinks() if sink.problem is None], ids=lambda s: s.type
)
def test_every_option_of_ours_has_prose(sink: ListedSink) -> None:
    """No option of our own sinks is left without a sentence."""
    options: tuple[Option, ...] = (*sink.options, *common_options())
    assert sink.summary
    assert [option.name for option in options if not option.effect] == []


def test_the_list_can_be_read_by_programs_and_people(foreign: dict[str, ListedSink]) -> None:
    """One line of JSON a sink; for people its options in a table, and the common ones once."""
    assert foreign
    asked = CliRunner().invoke(group, ["sinks", "foreign", "file", "--json"])
    assert [json.loads(line)["type"] for line in asked.output.splitlines()] == ["foreign", "file"]
    text = CliRunner().invoke(group, ["sinks", "foreign", "lacking"]).output
    assert 'type = "foreign", of package tailer-sink-foreign: A place of others.' in text
    assert text.count("filter.kinds") == 1
    assert "listed_sinks_nowhere" in text


def test_a_type_that_does_not_exist_is_a_mistake() -> None:
    """It ends with 2 and the nearest name."""
    outcome = CliRunner().invoke(group, ["sinks", "fiel"])
    assert outcome.exit_code == 2
    assert 'did you mean "file"?' in outcome.output
