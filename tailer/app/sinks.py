"""The sinks of a configuration: its raw ``[[sinks]]`` tables, checked by the registry.

Only the registry knows what a sink's table may hold, and only here it meets the rest of the configuration;
so here all mistakes of both come together.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tailer.api.transport import trust
from tailer.app.run.run import Run
from tailer.config.document import from_document, read_document
from tailer.config.options import Config, JournalOptions
from tailer.config.tables import TableReader
from tailer.config.words import quoted
from tailer.core.durations import parse_time
from tailer.errors import ConfigError, TailerError
from tailer.interfaces import Sink
from tailer.observe import Observer
from tailer.sinks.options import SinkContext
from tailer.sinks.registry import SinkPlan, plan


def load_with_sinks(path: Path, environ: Mapping[str, str]) -> tuple[Config, list[SinkPlan]]:
    """Read a configuration file that says where events go and where they wait.

    Args:
        path: The TOML file.
        environ: Environment variables.

    Raises:
        ConfigError: All mistakes: of the file, of its sinks, and what a daemon needs but is not in it.
    """
    document = read_document(path)
    folder = path.absolute().parent
    mistakes: list[str] = []
    config: Config | None = None
    try:
        config = from_document(document, folder, environ)
    except ConfigError as error:
        mistakes += error.mistakes
    plans, wrong = _resolve(document.get("sinks", ()), folder)
    mistakes += wrong + _missing(document) + _untrusted(config)
    if mistakes or config is None:
        raise ConfigError(mistakes)
    return config, plans


async def attach(run: Run, plans: Sequence[SinkPlan], environ: Mapping[str, str], observe: Observer) -> None:
    """Make the sinks and the readers that feed them, and let a run deliver to them.

    Args:
        run: Entered, and not served yet.
        plans: The sinks.
        environ: Environment variables.
        observe: Is told what happens in them.

    Raises:
        ConfigError: A sink can't be made.
        JournalError: A reader can't be made known.
    """
    for one in plans:
        options = one.options
        chosen = options.filter.make()
        reader = await run.open_reader(
            one.name,
            options.order,
            max_events=options.max_events,
            max_bytes=options.max_bytes,
            linger=options.linger,
            wanted=None if chosen.is_open else chosen,
            since=_beginning(options.start, run.api_now()),
        )
        sink = _build(one, SinkContext(one.name, sys.stdout.buffer, environ, observe))
        run.deliver(sink, reader, watermarks=options.watermarks)


def _beginning(start: str, now: float) -> float:
    if start == "earliest":
        return -math.inf
    return math.inf if start == "now" else parse_time(start, now)


def _build(made: SinkPlan, context: SinkContext) -> Sink:
    try:
        return made.build(context)
    except TailerError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"sinks: {quoted(made.name)} can't be made: {reason}; tell its authors") from error


def load_places(path: Path) -> tuple[Config, list[SinkPlan]]:
    """Read only where events wait and where they go, for commands that ask no API: no token is needed.

    Args:
        path: The TOML file.

    Returns:
        A configuration without accounts, with defaults for all but the journal; and the sinks.

    Raises:
        ConfigError: All mistakes in these parts of the file.
    """
    document = read_document(path)
    folder = path.absolute().parent
    reader = TableReader(folder)
    table = document.get("journal", {})
    if not isinstance(table, Mapping):
        raise ConfigError('journal: must be a table; write [journal] and below it path = "tailer.db"')
    journal = reader.table(table, JournalOptions, "journal")
    plans, wrong = _resolve(document.get("sinks", ()), folder)
    mistakes = [*reader.mistakes, *wrong, *_missing(document)]
    if mistakes or journal is None:
        raise ConfigError(mistakes)
    return Config(accounts=(), journal=journal, folder=folder), plans


def _resolve(tables: object, folder: Path) -> tuple[list[SinkPlan], list[str]]:
    """Check each table; what is no list of tables, `from_document` has refused already."""
    plans: list[SinkPlan] = []
    mistakes: list[str] = []
    for i, table in enumerate(tables if isinstance(tables, Sequence) else ()):
        if not isinstance(table, Mapping):
            continue
        try:
            plans.append(plan(table, f"sinks[{i}]", folder))
        except ConfigError as error:
            mistakes += error.mistakes
    return plans, mistakes


def _untrusted(config: Config | None) -> list[str]:
    """Say whether the certificates are there: a client would find out only after a daemon has begun."""
    try:
        if config is not None and config.api.ca_file is not None:
            trust(str(config.api.ca_file))
    except ConfigError as error:
        return list(error.mistakes)
    return []


def _missing(document: Mapping[str, Any]) -> list[str]:
    """Say what a daemon needs and the file does not have."""
    mistakes: list[str] = []
    journal = document.get("journal", {})
    if isinstance(journal, Mapping) and "path" not in journal:
        mistakes.append(
            'journal.path: is missing; write [journal] path = "tailer.db", or ":memory:" to forget'
            " everything at the end"
        )
    if not document.get("sinks", ()):
        mistakes.append(
            'sinks: there is none, so nobody would get the events; write [[sinks]] type = "file" and'
            ' path = "events.jsonl", or type = "stdout"'
        )
    return mistakes
