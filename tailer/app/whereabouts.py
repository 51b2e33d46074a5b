"""Where the journal of a configuration lies, and so its daemon's socket: all that a command beside it needs.

The rest of the file is the daemon's business, as are the variables of its environment: a file that it would
refuse still tells where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tailer.config.document import read_document
from tailer.config.options import JournalOptions
from tailer.config.tables import convert_table
from tailer.errors import ConfigError


def journal_of(file: Path) -> Path:
    """Give the path of the journal that a configuration file names; blocks.

    Raises:
        ConfigError: It can't be read, or names none that others could find.
    """
    table = read_document(file).get("journal")
    raw = table.get("path") if isinstance(table, Mapping) else None
    if raw is None:
        raise ConfigError(f'journal.path: is missing in {file}; write [journal] path = "tailer.db"')
    path = convert_table({"path": raw}, JournalOptions, "journal", file.absolute().parent).path
    if not isinstance(path, Path):
        raise ConfigError(
            "journal.path: a journal in memory is seen by nobody else; its daemon heeds SIGHUP and SIGTERM,"
            " and tells of itself under [service] listen"
        )
    return path


def sink_types_of(file: Path) -> dict[str, str]:
    """Give the type of each sink that a configuration file names, in its order; blocks.

    Raises:
        ConfigError: It can't be read.
    """
    tables = read_document(file).get("sinks", ())
    named = [table for table in tables if isinstance(table, Mapping)] if isinstance(tables, list) else []
    return {str(table.get("name", table.get("type"))): str(table.get("type")) for table in named}
