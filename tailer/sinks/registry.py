"""Finds a sink's class by the ``type`` of its table, and reads the table against the class's ``Config``.

Classes come from the entry point group ``tailer.sinks``; ours are known without it, so that a checkout works
uninstalled. A third party's broken package is a mistake of the configuration that names it, not a crash.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import msgspec

from tailer.config.tables import convert_table
from tailer.config.words import nearest_of, quoted
from tailer.errors import ConfigError
from tailer.interfaces import Sink
from tailer.sinks.options import SinkContext, SinkOptions

GROUP = "tailer.sinks"
"""The entry point group in which third parties name their sink classes."""

OURS = {
    "exec": "tailer.sinks.exec.sink:ExecSink",
    "file": "tailer.sinks.file.sink:FileSink",
    "http": "tailer.sinks.http.sink:HttpSink",
    "kafka": "tailer.sinks.kafka.sink:KafkaSink",
    "memory": "tailer.sinks.memory:MemorySink",
    "nats": "tailer.sinks.nats.sink:NatsSink",
    "otlp": "tailer.sinks.otlp.sink:OtlpSink",
    "postgres": "tailer.sinks.postgres.sink:PostgresSink",
    "redis": "tailer.sinks.redis.sink:RedisSink",
    "sqlite": "tailer.sinks.sqlite.sink:SqliteSink",
    "stdout": "tailer.sinks.stdout:StdoutSink",
    "syslog": "tailer.sinks.syslog.sink:SyslogSink",
}
"""Our own, as the package's metadata names them too."""

_COMMON_KEYS = SinkOptions.__struct_fields__


class SinkClass(Protocol):
    """A class of sinks: a nested ``Config``, and a constructor that takes one with a context."""

    Config: type[msgspec.Struct]

    def __call__(self, config: Any, context: SinkContext) -> Sink:
        """Build a sink; opens nothing."""


class SinkPlan(NamedTuple):
    """One ``[[sinks]]`` table, checked, and ready to be built when it is needed.

    Attributes:
        name: The sink's name.
        options: The common keys.
        config: The sink's own keys, an instance of its class's ``Config``.
        sink_class: Its class.
    """

    name: str
    options: SinkOptions
    config: msgspec.Struct
    sink_class: SinkClass

    def build(self, context: SinkContext) -> Sink:
        """Build the sink; opens nothing."""
        options = self.options
        return self.sink_class(
            self.config, context._replace(fields=options.fields, watermarks=options.watermarks)
        )


def plan(table: Mapping[str, Any], path: str, folder: Path) -> SinkPlan:
    """Check one ``[[sinks]]`` table; blocks, for it imports the sink's module.

    Args:
        table: As the TOML reader gave it.
        path: Where it stands, such as ``sinks[0]``.
        folder: What relative paths count from.

    Raises:
        ConfigError: All its mistakes.
    """
    mistakes: list[str] = []
    common = {key: value for key, value in table.items() if key in _COMMON_KEYS}
    options = config = sink_class = None
    try:
        options = convert_table(common, SinkOptions, path, folder)
    except ConfigError as error:
        mistakes += error.mistakes
    if isinstance(table.get("type"), str) and table["type"]:
        try:
            sink_class = find(table["type"], path)
            own = {key: value for key, value in table.items() if key not in _COMMON_KEYS}
            config = convert_table(own, sink_class.Config, path, folder, beside=_COMMON_KEYS)
        except ConfigError as error:
            mistakes += error.mistakes
    if options is not None and options.watermarks and sink_class is not None and config is not None:
        mistakes += _unmarkable(options.type, sink_class, config, path)
    if options is not None and options.fields and config is not None:
        mistakes += _unchoosable(options, config, path)
    if mistakes or options is None or config is None or sink_class is None:
        raise ConfigError(mistakes)
    return SinkPlan(options.name or options.type, options, config, sink_class)


def find(type_name: str, path: str) -> SinkClass:
    """Find and import a sink's class; blocks.

    Args:
        type_name: The ``type`` of its table.
        path: Where the table stands, for messages.

    Raises:
        ConfigError: No package has such a sink, two have, or its package can't be imported.
    """
    where = f"{path}.type"
    if type_name in OURS:
        return _imported(EntryPoint(type_name, OURS[type_name], GROUP), where)
    points = entry_points(group=GROUP)
    named = [point for point in points if point.name == type_name]
    if not named:
        known = known_types()
        raise ConfigError(f"{where}: no sink is called {quoted(type_name)}; {nearest_of(type_name, known)}")
    if len(named) > 1:
        packages = ", ".join(sorted(map(package_of, named)))
        raise ConfigError(f"{where}: several packages have a sink {quoted(type_name)}: {packages}; keep one")
    return _imported(named[0], where)


def _unmarkable(type_name: str, sink_class: SinkClass, config: msgspec.Struct, path: str) -> list[str]:
    """Say why a sink can't pass watermarks on."""
    why = getattr(config, "no_watermarks", None)
    if why is None and not hasattr(sink_class, "mark"):
        why = f"sink {quoted(type_name)} does not know them; leave it out"
    return [] if why is None else [f"{path}.watermarks: {why}"]


def _unchoosable(options: SinkOptions, config: msgspec.Struct, path: str) -> list[str]:
    """Say why a sink's fields can't be chosen, or why not these."""
    why = getattr(config, "no_fields", f"sink {quoted(options.type)} sends whole records; leave them out")
    if why is None and hasattr(config, "why_unfit"):
        why = config.why_unfit(options.fields)
    return [] if why is None else [f"{path}.fields: {why}"]


def known_types() -> list[str]:
    """List the types of all sinks that are installed, whether they can be imported or not."""
    return sorted(OURS.keys() | entry_points(group=GROUP).names)


def package_of(point: EntryPoint) -> str:
    """Name the distribution an entry point belongs to; ours are looked up without one."""
    return point.dist.name if point.dist is not None else "tailer"


def _imported(point: EntryPoint, where: str) -> SinkClass:
    """Import what an entry point names and make sure that it is a sink's class."""
    name = f"{quoted(point.name)} of package {package_of(point)}"
    try:
        found = point.load()
    except ConfigError as error:  # its packages are not installed: `tailer.sinks.extras`
        raise ConfigError(f"{where}: sink {quoted(point.name)} {error}") from error
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(
            f"{where}: sink {name} can't be imported ({reason}); repair or remove it"
        ) from error
    config = getattr(found, "Config", None)
    if not isinstance(config, type) or not issubclass(config, msgspec.Struct) or not callable(found):
        raise ConfigError(f"{where}: sink {name} has no nested Config, so it is no sink; tell its authors")
    clash = set(config.__struct_fields__) & set(_COMMON_KEYS)
    if clash:
        keys = ", ".join(sorted(clash))
        raise ConfigError(f"{where}: sink {name} has options that all sinks have ({keys}); tell its authors")
    return cast("SinkClass", found)
