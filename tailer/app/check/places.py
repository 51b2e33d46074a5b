"""Looks at the places that a run takes, without taking them: the journal, the service's port, the sinks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Literal

import anyio
import anyio.to_thread

from tailer.app.check.findings import Finding
from tailer.app.exitcode import ExitCode
from tailer.config.addresses import Address
from tailer.core.durations import Seconds
from tailer.errors import ConfigError, JournalError, SinkError
from tailer.interfaces import CheckableSink
from tailer.journal.glance import glance
from tailer.journal.lock import owner_of
from tailer.observe import ignore
from tailer.sinks.dead_letters import read_letters
from tailer.sinks.options import SinkContext
from tailer.sinks.registry import SinkPlan

PATIENCE: Seconds = 15.0
"""Longest check of one sink: as long as a connection takes that will not come about."""


async def check_journal(path: Literal[":memory:"] | Path | None) -> Finding:
    """Say whether the journal can be opened or made, and who has it now."""
    if path is None or path == ":memory:":
        return Finding("journal", "ok", "in memory: the end of the process forgets it")
    return await anyio.to_thread.run_sync(_look_at_journal, path)


async def check_address(address: Address, journal: Literal[":memory:"] | Path | None) -> Finding:
    """Say whether the service could listen; who listens already may be the daemon itself."""
    if await _is_answered(address):
        if await anyio.to_thread.run_sync(_is_owned, journal):
            return Finding("service", "ok", f"{address}: is taken, presumably by the daemon that is running")
        text = f"{address}: is taken by another program; choose another address for [service] listen"
        return Finding("service", "error", text, ExitCode.MISUSED)
    if not address.is_loopback:
        text = f"{address}: whoever gets there can read names and state, there is no password"
        return Finding("service", "warning", text)
    return Finding("service", "ok", f"{address}: is free")


async def _is_answered(address: Address) -> bool:
    """Tell whether somebody listens at an address of this machine."""
    try:
        with anyio.fail_after(2):
            stream = await anyio.connect_tcp(address.host, address.port)
    except (OSError, TimeoutError):
        return False
    await stream.aclose()
    return True


async def check_dead_letters(path: Path | None) -> Finding | None:
    """Say whether events wait for being written again, or could not be set aside; ``None``: neither."""
    return None if path is None else await anyio.to_thread.run_sync(_look_at_dead_letters, path)


async def check_sink(plan: SinkPlan, stdout: BinaryIO, environ: Mapping[str, str]) -> Finding:
    """Ask a sink whether it could deliver."""
    name = f"{plan.name} ({plan.options.type})"
    try:
        sink = plan.build(SinkContext(plan.name, stdout, environ, ignore))
        if not isinstance(sink, CheckableSink):
            return Finding("sink", "warning", f"{name}: not checked, sinks of this type can't be")
        with anyio.fail_after(PATIENCE):
            return Finding("sink", "ok", f"{name}: {await sink.check()}")
    except ConfigError as error:
        return Finding("sink", "error", f"{name}: {error}", ExitCode.MISUSED)
    except SinkError as error:  # whose message names the sink
        return Finding("sink", "error", str(error), ExitCode.FAILED)
    except TimeoutError:
        return Finding("sink", "error", f"{name}: no answer within {PATIENCE:.0f}s", ExitCode.FAILED)
    except Exception as error:  # noqa: BLE001 - a third party's sink must not end the whole check
        text = f"{name}: its check failed ({type(error).__name__}: {error}); tell its authors"
        return Finding("sink", "error", text, ExitCode.FAILED)


def _is_owned(journal: Literal[":memory:"] | Path | None) -> bool:
    """Tell whether a daemon is running with a journal."""
    try:
        owner = owner_of(journal.resolve()) if isinstance(journal, Path) else None
    except OSError:
        return False
    return owner is not None and owner.is_present


def _look_at_journal(path: Path) -> Finding:
    try:
        return Finding("journal", "ok", f"{path}: {_describe(path.resolve())}")
    except JournalError as error:
        return Finding("journal", "error", str(error), ExitCode.FAILED)


def _look_at_dead_letters(path: Path) -> Finding | None:
    folder = path.resolve().parent
    if not os.access(folder, os.W_OK | os.X_OK):
        text = f"the dead letters {path}: their folder is missing or can't be written; make it so"
        return Finding("journal", "error", text, ExitCode.FAILED)
    try:
        count = len(read_letters(path).letters)
    except SinkError as error:
        return Finding("journal", "error", str(error), ExitCode.FAILED)
    if not count:
        return None
    events = "1 event was" if count == 1 else f"{count} events were"
    return Finding("journal", "warning", f"{events} rejected and set aside in {path}; see tailer dead list")


def _describe(path: Path) -> str:
    """Say what is in a journal and who has it; raises `JournalError` when it can't be used."""
    folder = path.parent
    if not folder.is_dir():
        raise JournalError(f"{path}: its folder does not exist; make it")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise JournalError(f"{path}: no permission to write in its folder; allow this user to")
    free = f"{shutil.disk_usage(folder).free / 1e9:.1f} GB are free"
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return f"is made at the first start; {free}"
    found = glance(path)
    owner = "nobody is running with it"
    if found.owner is not None and found.owner.is_present:
        known = found.owner.pid is not None
        who = f"process {found.owner.pid} on {found.owner.host}" if known else "another process"
        owner = f"{who} is running with it"
    elif not os.access(path, os.W_OK):
        raise JournalError(f"{path}: no permission to write it; allow this user to")
    return f"{owner}; {len(found.connectors)} connectors, {found.used_bytes / 1e6:.1f} MB; {free}"
