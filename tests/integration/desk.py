"""A folder with a file sink's files, for more than one file of tests."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tailer.clock import Clock, SystemClock
from tailer.core.durations import Seconds
from tailer.interfaces import Resume
from tailer.model import Batch
from tailer.observe import Report
from tailer.sinks.file.sink import FileSink
from tailer.sinks.options import SinkContext
from tailer.testing.sink_contract import deliver

Make = Callable[..., "Desk"]
"""Makes a desk with options of the sink, one batch a file unless they say otherwise."""


class Desk:
    """A file, and the sinks that come and go with it.

    Args:
        folder: Where the file is.
        clock: Time.
        options: Of the sink, besides the path; bounds of the configuration don't count here.
    """

    def __init__(self, folder: Path, clock: Clock | None = None, **options: Any) -> None:
        self.path = folder / "events.jsonl"
        self.renamed = folder / "events.jsonl.1"
        self.reports: list[Report] = []
        self._clock = clock or SystemClock()
        self._options = options

    def sink(self) -> FileSink:
        """Build a sink, as a new process does."""
        context = SinkContext("log", io.BytesIO(), {}, self.reports.append, self._clock)
        return FileSink(FileSink.Config(path=self.path, **self._options), context)

    async def opened(self, state: bytes | None = None) -> tuple[FileSink, bytes | None]:
        """Start a sink with what was committed; give it with what it wants committed."""
        sink = self.sink()
        return sink, await sink.open(Resume(0, state))

    def said(self) -> str:
        """Give what was reported, as an operator reads it."""
        return "\n".join(map(str, self.reports))

    @property
    def aside(self) -> list[Path]:
        """The files beside the live one that don't hide, by name."""
        return sorted(path for path in self.path.parent.glob("[!.]*") if path != self.path)

    @property
    def hidden(self) -> list[str]:
        """The names of files that hide."""
        return sorted(path.name for path in self.path.parent.glob(".*"))

    def all_ids(self) -> list[str]:
        """Read the ids of all files, what was put aside first."""
        return [one for path in [*self.aside, self.path] for one in ids_in(path)]


def ids_in(path: Path) -> list[str]:
    """Read the ids in a file of whole lines, compressed or not."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    assert text == "" or text.endswith("\n")
    return [json.loads(line)["id"] for line in text.splitlines()]


class Watch:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 2_529_734_400.0  # 2050-03-01T08:00:00Z, later than any file that a test makes

    def wall(self) -> float:
        """Give the time."""
        return self.now

    def monotonic(self) -> float:
        """Give the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Nobody sleeps here."""
        raise NotImplementedError


async def written(desk: Desk, *batches: Batch, watch: Watch | None = None, pause: Seconds = 1) -> None:
    """Live one life: write batches, each some time after the one before."""
    sink, _ = await desk.opened()
    for batch in batches:
        await deliver(sink, batch)
        if watch is not None:
            watch.now += pause
    await sink.close()


def names_aside(desk: Desk) -> list[str]:
    """Give the names of what was put aside."""
    return [path.name for path in desk.aside]
