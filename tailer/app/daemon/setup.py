"""What a daemon is set up with: its configuration and sinks, read from its file, and compared with others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tailer.app.sinks import load_with_sinks
from tailer.config.options import Config
from tailer.errors import ConfigError
from tailer.sinks.registry import SinkPlan


class Setup(NamedTuple):
    """A file that was read, and found good.

    Attributes:
        config: What to read, and the journal.
        plans: Where it goes.
    """

    config: Config
    plans: tuple[SinkPlan, ...]


def read_setup(file: Path, environ: Mapping[str, str]) -> Setup:
    """Read a daemon's file, and the token files that it names; blocks.

    Raises:
        ConfigError: All mistakes.
    """
    config, plans = load_with_sinks(file, environ)
    return Setup(config, tuple(plans))


def changed_tables(before: Setup, after: Setup) -> tuple[str, ...]:
    """Name the tables of the file that have changed; a token that has counts as its account.

    Raises:
        ConfigError: Something has changed that a running process can't change.
    """
    old, new = before.config, after.config
    if new.journal.path != old.journal.path:
        raise ConfigError(
            f"journal.path: a running daemon keeps its journal, {old.journal.path}: restart it to use another"
        )
    tables = ("accounts", "api", "polling", "journal", "service", "alerts")
    changed = [name for name in tables if getattr(new, name) != getattr(old, name)]
    if after.plans != before.plans:
        changed.append("sinks")
    return tuple(changed)
