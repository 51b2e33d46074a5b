"""A process that writes events to a file and commits each batch, until it is killed."""

from __future__ import annotations

import io
import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import anyio

from tailer.interfaces import Resume
from tailer.model import Batch, Event, Source
from tailer.observe import Report
from tailer.sinks.file.reports import FileRotated, FilesDropped
from tailer.sinks.file.sink import FileSink
from tailer.sinks.options import SinkContext
from tailer.testing.sink_contract import deliver

PER_BATCH = 200
SOURCE = Source("a", "c", "name", "serial", 0.0)

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])  # a process costs milliseconds


def committed(folder: Path) -> tuple[int, bytes | None]:
    """Give the number of events that are committed, and the sink's state."""
    journal = folder / "journal"
    if not journal.exists():
        return 0, None
    count, _, state = journal.read_bytes().partition(b" ")
    return int(count), state or None


def start(folder: Path, last: int, options: dict[str, Any]) -> BaseProcess:
    """Start a process that writes; it is about to write its first batch on return.

    Args:
        folder: Where ``journal`` and ``logs/events.jsonl`` are.
        last: Number of events to end with; it ends sooner once there is a file ``stop``.
        options: Of the sink.
    """
    told, ready = _PROCESSES.Pipe(duplex=False)
    process = _PROCESSES.Process(target=_write, args=(folder, last, options, ready))
    process.start()
    ready.close()
    assert told.recv() == "writing"
    told.close()
    return process


def _write(folder: Path, last: int, options: dict[str, Any], ready: Connection) -> None:
    anyio.run(_write_on, folder, last, options, ready)


async def _write_on(folder: Path, last: int, options: dict[str, Any], ready: Connection) -> None:
    """Write events on from where the last process got to; their numbers are their times."""

    def commit(count: int, state: bytes | None) -> None:
        new = folder / "new"
        new.write_bytes(b"%d %b" % (count, state or b""))
        new.replace(folder / "journal")

    def tell(report: Report) -> None:
        if not isinstance(report, FileRotated | FilesDropped):
            with (folder / "told").open("a") as told:
                told.write(f"{report}\n")

    count, state = committed(folder)
    config = FileSink.Config(path=folder / "logs" / "events.jsonl", **options)
    sink = FileSink(config, SinkContext("log", io.BytesIO(), {}, tell))
    commit(count, await sink.open(Resume(count, state)))
    ready.send("writing")
    while count < last and not (folder / "stop").exists():
        events = [Event(t=t, n=0, k="Init", a=t, source=SOURCE) for t in range(count, count + PER_BATCH)]
        state = await deliver(sink, Batch(events), lambda state: commit(count, state))  # noqa: B023 - at once
        count += PER_BATCH
        commit(count, state)
    await sink.close()
