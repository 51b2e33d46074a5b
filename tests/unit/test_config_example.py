"""The example that users copy from is complete and loads."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from tailer.config.document import load
from tailer.config.options import (
    AccountTable,
    AlertOptions,
    ApiOptions,
    Budget,
    CrashLoopOptions,
    JournalOptions,
    PollingOptions,
    ServiceOptions,
)
from tailer.sinks.exec.sink import ExecSink
from tailer.sinks.file.sink import FileSink
from tailer.sinks.http.config import HttpConfig
from tailer.sinks.kafka.sink import KafkaSink
from tailer.sinks.memory import MemorySink
from tailer.sinks.nats.sink import NatsSink
from tailer.sinks.options import FilterOptions, SinkOptions
from tailer.sinks.otlp.sink import OtlpSink
from tailer.sinks.postgres.sink import PostgresSink
from tailer.sinks.redis.sink import RedisSink
from tailer.sinks.registry import plan
from tailer.sinks.sqlite.sink import SqliteSink
from tailer.sinks.stdout import StdoutSink
from tailer.sinks.syslog.sink import SyslogSink

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
TABLES: list[tuple[str, type[msgspec.Struct]]] = [
    ("accounts", AccountTable),
    ("api", ApiOptions),
    ("api.budget", Budget),
    ("polling", PollingOptions),
    ("journal", JournalOptions),
    ("service", ServiceOptions),
    ("alerts", AlertOptions),
    ("alerts.crash_loop", CrashLoopOptions),
    ("sinks", SinkOptions),
    ("sinks.filter", FilterOptions),
    ("sinks", FileSink.Config),
    ("sinks", StdoutSink.Config),
    ("sinks", MemorySink.Config),
    ("sinks", SqliteSink.Config),
    ("sinks", ExecSink.Config),
    ("sinks", SyslogSink.Config),
    ("sinks", PostgresSink.Config),
    ("sinks", RedisSink.Config),
    ("sinks", KafkaSink.Config),
    ("sinks", NatsSink.Config),
    ("sinks", HttpConfig),
    ("sinks", OtlpSink.Config),
]


def test_example_loads() -> None:
    """The example loads as it is, sinks included."""
    config = load(EXAMPLE, {"CLOUDFLARE_API_TOKEN": "x"})
    plans = [plan(table, f"sinks[{i}]", config.folder) for i, table in enumerate(config.sinks)]
    assert [one.name for one in plans] == ["archive", "stdout"]


@pytest.mark.parametrize(("table", "kind"), TABLES, ids=lambda value: getattr(value, "__qualname__", value))
def test_every_option_is_in_the_example(table: str, kind: type[msgspec.Struct]) -> None:
    """Each option that the program knows is shown under its table, live or commented out."""
    shown = re.sub(r"(?m)^# (?=\[|\w+ = )", "", EXAMPLE.read_text())
    sections = re.split(r"(?m)^\[+([\w.]+)\]+.*$", shown)
    text = "\n".join(body for name, body in zip(sections[1::2], sections[2::2], strict=True) if name == table)
    written = set(re.findall(r"(?m)^(\w+) = ", text))
    nested = {name for name, _ in TABLES if name.startswith(f"{table}.")}
    missing = {field for field in kind.__struct_fields__ if f"{table}.{field}" not in nested} - written
    assert missing == set()


def test_written_defaults_are_the_defaults() -> None:
    """A value that the example writes without a reason of its own is the program's default."""
    config = load(EXAMPLE, {"CLOUDFLARE_API_TOKEN": "x"})
    written = tomllib.loads(EXAMPLE.read_text())
    assert config.api == ApiOptions()
    assert config.polling == PollingOptions()
    assert config.service == ServiceOptions()
    assert config.alerts == AlertOptions()
    assert config.journal == msgspec.structs.replace(JournalOptions(), path=config.journal.path)
    common = {key: value for key, value in written["sinks"][0].items() if key not in {"name", "path", "type"}}
    options = plan(written["sinks"][0], "sinks[0]", config.folder).options
    assert {key: getattr(SinkOptions(type="file"), key) for key in common} == {
        key: getattr(options, key) for key in common
    }
