"""Asks how a collection is: its daemon, if one runs, and else the journal that it has left.

Light, as the command line imports it: neither the API's client nor the pipeline is needed to look.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from tailer.app.control.client import ask
from tailer.app.status.facts import JournalStatus, SinkStatus, Status
from tailer.app.status.survey import Surveyed, described, summarized, worst_of
from tailer.app.whereabouts import journal_of, sink_types_of
from tailer.core.matching import is_meant
from tailer.core.standing import standing_of
from tailer.errors import ControlError, JournalError, NoDaemonError
from tailer.journal.glance import ConnectorGlance, Glance, glance
from tailer.model import Connector


class Inquiry(NamedTuple):
    """What was found.

    Attributes:
        status: All that is known.
        note: What people should know of where it comes from; ``None``: from the daemon, as it should.
    """

    status: Status
    note: str | None = None


def inquire(file: Path, *, limit: int | None, patterns: Sequence[str] = ()) -> Inquiry:
    """Find out how the collection of a configuration file is; blocks for a moment.

    Args:
        file: The configuration file.
        limit: Connectors that are listed at most, the worst first; ``None``: all.
        patterns: Names those that are listed; none: all.

    Raises:
        ConfigError: The file names no journal that others could find.
        JournalError: There is none, or it can't be read.
    """
    journal, types = journal_of(file), sink_types_of(file)
    try:
        live = ask(journal, "status", result=Status, limit=limit, patterns=patterns)
    except NoDaemonError:
        return _left(glance(journal), types, limit, patterns)
    except ControlError as error:
        left = _left(glance(journal), types, limit, patterns)
        status = msgspec.structs.replace(left.status, phase="silent")
        return Inquiry(status, f"{error}; the figures are the journal's")
    if live.fleet.connectors:
        return Inquiry(live)
    try:
        left = _left(glance(journal), types, limit, patterns)
    except JournalError:
        return Inquiry(live)  # it is being made
    return Inquiry(
        msgspec.structs.replace(
            live,
            fleet=left.status.fleet,
            connectors=left.status.connectors,
            sinks=live.sinks or left.status.sinks,
        ),
        "the connectors are not listed yet; their figures are those of the last run",
    )


def _left(seen: Glance, types: Mapping[str, str], limit: int | None, patterns: Sequence[str]) -> Inquiry:
    surveyed = [_surveyed(one) for one in seen.connectors]
    meant = [one for one in surveyed if is_meant(one.connector, patterns)]
    status = Status(
        taken_at=time.time(),
        phase=None,
        process=None,
        journal=JournalStatus(path=str(seen.path), head=seen.head, used_bytes=seen.used_bytes),
        fleet=summarized(surveyed),
        sinks=_sinks(seen, types),
        connectors=tuple(described(one) for one in worst_of(meant, limit)),
    )
    owner = seen.owner
    if owner is None or owner.pid is None:
        return Inquiry(status, "the figures are the journal's")
    return Inquiry(
        status, f"the figures are the journal's; the last daemon was process {owner.pid} on {owner.host}"
    )


def connector_of(one: ConnectorGlance) -> Connector:
    """Give a connector as far as the journal knows it."""
    return Connector(one.account, one.connector, notes=one.name, serial=one.serial)


def _surveyed(one: ConnectorGlance) -> Surveyed:
    return Surveyed(connector_of(one), one.checkpoint, standing_of(one.checkpoint), "unknown")


def _sinks(seen: Glance, types: Mapping[str, str]) -> tuple[SinkStatus, ...]:
    """Describe the readers in the order of the configuration, then the others by name."""
    known = {reader.name: reader for reader in seen.readers}
    order = [name for name in types if name in known] + [name for name in known if name not in types]
    return tuple(
        SinkStatus(
            sink=name,
            type=types.get(name),
            offset=known[name].offset,
            backlog=known[name].backlog,
            is_configured=name in types,
        )
        for name in order
    )
