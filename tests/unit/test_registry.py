"""Sinks are found by their type, third-party ones too, and a wrong table says all that is wrong."""

import sys
import tomllib
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from tailer.config.tables import Duration
from tailer.errors import ConfigError
from tailer.model import Watermark
from tailer.observe import ignore
from tailer.sinks import registry
from tailer.sinks.exec.sink import ExecSink
from tailer.sinks.file.sink import FileSink
from tailer.sinks.formats.jsonl import JsonlFormat
from tailer.sinks.memory import MemorySink
from tailer.sinks.options import SinkContext, SinkOptions, estimate_bytes
from tailer.sinks.postgres.sink import PostgresSink
from tailer.sinks.registry import find, plan
from tailer.sinks.sqlite.sink import SqliteSink
from tailer.sinks.stdout import StdoutSink
from tailer.sinks.syslog.sink import SyslogSink
from tailer.testing.sink_contract import make_batch

FOLDER = Path("/etc/tailer")


class _ForeignSink:
    """A third party's sink, as far as the registry is concerned."""

    class Config(msgspec.Struct, frozen=True, kw_only=True):
        """Its options."""

        url: str
        wait: Duration = 1.0

    def __init__(self, config: Config, context: SinkContext) -> None:
        self.config = config
        self.context = context


class _MarkedSink(_ForeignSink):
    """A sink that can be told how far connectors were read."""

    async def mark(self, watermarks: Sequence[Watermark]) -> bytes | None:
        """Take watermarks."""


class _GreedySink(_ForeignSink):
    """A sink whose option has the name of one that all sinks have."""

    class Config(msgspec.Struct, frozen=True, kw_only=True):
        """Its options."""

        order: str = ""


Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Give a function that installs a package with entry points, as far as importlib can tell."""
    module = ModuleType("foreign_sinks")
    module.__dict__.update(Foreign=_ForeignSink, Greedy=_GreedySink, Marked=_MarkedSink, NoSink=print)
    monkeypatch.setitem(sys.modules, "foreign_sinks", module)

    def install(package: str, entry_points: str) -> None:
        folder = tmp_path / f"{package.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{entry_points}\n")
        monkeypatch.syspath_prepend(tmp_path)

    return install


def mistakes_of(table: dict[str, Any]) -> tuple[str, ...]:
    """Check a table that is wrong."""
    with pytest.raises(ConfigError) as caught:
        plan(table, "sinks[2]", FOLDER)
    return caught.value.mistakes


@pytest.mark.parametrize(
    ("type_name", "sink_class"),
    [
        ("exec", ExecSink),
        ("file", FileSink),
        ("memory", MemorySink),
        ("postgres", PostgresSink),
        ("sqlite", SqliteSink),
        ("stdout", StdoutSink),
        ("syslog", SyslogSink),
    ],
)
def test_ours_are_found_in_a_checkout(install: Install, type_name: str, sink_class: type) -> None:
    """Built-in sinks need no installation, and nobody can put another in their place."""
    install("impostor", f"{type_name} = foreign_sinks:Foreign")
    found: object = find(type_name, "sinks[0]")
    assert found is sink_class


def test_ours_are_installed_as_they_are_found() -> None:
    """The package's metadata names the same classes as the registry does."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    written = project["entry-points"][registry.GROUP]
    assert written == registry.OURS


def test_table_becomes_a_plan() -> None:
    """Common keys and the sink's own are told apart, defaults fill in, paths count from the folder."""
    made = plan({"type": "file", "path": "x.jsonl", "order": "global", "linger": "2s"}, "sinks[0]", FOLDER)
    assert made.name == "file"
    assert made.options == SinkOptions(type="file", order="global", linger=2.0)
    assert made.config == FileSink.Config(path=FOLDER / "x.jsonl")
    sink = made.build(SinkContext("file", BytesIO(), {}, ignore))
    assert isinstance(sink, FileSink)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"keep_files": 3}, "keep_files has no effect without rotate_size or rotate_every; add one"),
        ({"keep_for": "3d"}, "keep_for has no effect without rotate_size or rotate_every; add one"),
        ({"compress": "gzip"}, "compress has no effect without rotate_size or rotate_every; add one"),
        (
            {"path": "x.gz", "rotate_every": "1d"},
            (
                "path must not end in .gz, for the live file is not compressed; "
                'compress = "gzip" adds .gz to what is put aside'
            ),
        ),
    ],
)
def test_options_of_a_file_that_contradict_each_other(options: dict[str, Any], said: str) -> None:
    """Options that would do nothing, or something else than they seem to, are refused."""
    assert mistakes_of({"type": "file", "path": "x", **options}) == (f"sinks[2]: {said}",)


def test_size_without_unit_is_too_small() -> None:
    """A forgotten unit does not make a file of each batch."""
    assert mistakes_of({"type": "file", "path": "x", "rotate_size": 100}) == (
        'sinks[2].rotate_size: must be a size such as "10GiB" or "500MB", at least 64KiB, not 100',
    )


def test_name_is_taken_where_there_is_one() -> None:
    """A sink is called what its table says."""
    assert plan({"type": "stdout", "name": "screen"}, "sinks[0]", FOLDER).name == "screen"


def test_third_party_sink_is_found(install: Install) -> None:
    """A sink that another package registers is built with its own options."""
    install("acme", "foreign = foreign_sinks:Foreign")
    made = plan({"type": "foreign", "url": "u", "wait": "2m", "name": "mine"}, "sinks[0]", FOLDER)
    sink: Any = made.build(SinkContext("mine", BytesIO(), {}, ignore))
    assert (type(sink), sink.config.wait, sink.context.name) == (_ForeignSink, 120.0, "mine")


def test_all_mistakes_of_a_table_are_told(install: Install) -> None:
    """Mistakes in the common keys and in the sink's own come together, with hints from both."""
    install("acme", "foreign = foreign_sinks:Foreign")
    assert mistakes_of({"type": "foreign", "order": "conector", "odrer": 1, "wait": 5, "max_events": 0}) == (
        'sinks[2].order: must be "arrival", "connector" or "global"; did you mean "connector"?',
        "sinks[2].max_events: must be a whole number, from 1 to 100000, not 0",
        'sinks[2].odrer: is no option; did you mean "order"?',
        "sinks[2].wait: '5' has no unit; for seconds write '5s'",
        "sinks[2].url: is missing; it must be text",
    )


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "sinks[2].type: is missing; it must be text that is not empty"),
        ({"type": ""}, "sinks[2].type: must be text that is not empty"),
        ({"type": 3}, "sinks[2].type: must be text that is not empty, not 3"),
        ({"type": "fiel"}, 'sinks[2].type: no sink is called "fiel"; did you mean "file"?'),
        (
            {"type": "zzz"},
            'sinks[2].type: no sink is called "zzz"; known here: broken, exec, file, ',
        ),
        (
            {"type": "broken"},
            'sinks[2].type: sink "broken" of package other-acme can\'t be imported (Attribute',
        ),
        ({"type": "loose"}, 'sinks[2].type: sink "loose" of package acme can\'t be imported (ModuleNotFound'),
        (
            {"type": "nosink"},
            'sinks[2].type: sink "nosink" of package acme has no nested Config, so it is no',
        ),
        (
            {"type": "greedy"},
            'sinks[2].type: sink "greedy" of package acme has options that all sinks have (o',
        ),
        (
            {"type": "twice"},
            'sinks[2].type: several packages have a sink "twice": acme, other-acme; keep one',
        ),
    ],
)
def test_what_can_not_be_found_is_explained(install: Install, table: dict[str, Any], said: str) -> None:
    """An unknown type, a broken package and a class that is no sink are each told with what to do."""
    install(
        "acme",
        "greedy = foreign_sinks:Greedy\nnosink = foreign_sinks:NoSink\ntwice = foreign_sinks:Foreign\n"
        "loose = no_such_module:Sink",
    )
    install("other-acme", "twice = foreign_sinks:Foreign\nbroken = foreign_sinks:Missing")
    (mistake,) = mistakes_of(table)
    assert mistake.startswith(said)


def test_estimate_is_near_the_truth() -> None:
    """The estimated size of a usual record is within a quarter of its JSON Lines rendering."""
    event = make_batch(1, 1).events[0]
    source = msgspec.structs.replace(
        event.source, account="a" * 32, connector="c" * 32, name="Branch Oslo 12", serial="SN-12345678"
    )
    event.source = source
    assert abs(estimate_bytes(event) / len(JsonlFormat().render([event])) - 1) < 0.25


@pytest.mark.parametrize(
    "options",
    [
        {"type": "file", "path": "x", "format": "logfmt"},
        {"type": "stdout"},
        {"type": "stdout", "format": "pretty"},
    ],
)
def test_watermarks_need_json_lines(options: dict[str, Any]) -> None:
    """A format that has no place for them is refused, and so is one that a terminal may turn into another."""
    assert mistakes_of({**options, "watermarks": True}) == (
        'sinks[2].watermarks: need format = "jsonl", written out: they are records among those of the events',
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"type": "syslog", "host": "h"}, "would vouch for what syslog"),
        ({"type": "http", "url": "https://x", "preset": "loki"}, "are records, for body ="),
        (
            {"type": "http", "url": "https://x", "body": "template", "template": "{k}"},
            "are records, for body =",
        ),
        ({"type": "otlp", "url": "https://x"}, 'sink "otlp" does not know them; leave it out'),
    ],
)
def test_watermarks_need_a_place(options: dict[str, Any], said: str) -> None:
    """Where they could not be told from events, or would promise too much, they are refused."""
    (mistake,) = mistakes_of({**options, "watermarks": True})
    assert mistake.startswith(f"sinks[2].watermarks: {said}")


def test_a_sink_is_built_knowing_whether_it_gets_watermarks(install: Install) -> None:
    """A sink that has to prepare for them can do so at its start."""
    install("acme", "marked = foreign_sinks:Marked")
    for wanted in (True, False):
        made = plan({"type": "marked", "url": "u", "watermarks": wanted}, "sinks[0]", FOLDER)
        sink: Any = made.build(SinkContext("mine", BytesIO(), {}, ignore))
        assert sink.context.watermarks is wanted


def test_watermarks_need_a_sink_that_knows_them() -> None:
    """Any other goes on working as long as nobody asks for them."""
    assert mistakes_of({"type": "memory", "watermarks": True}) == (
        'sinks[2].watermarks: sink "memory" does not know them; leave it out',
    )
    assert plan({"type": "file", "path": "x", "watermarks": True}, "sinks[0]", FOLDER).options.watermarks
