"""Our own sinks keep the contract that third-party sinks are held to."""

import csv
import errno
import io
import json
import os
import resource
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tailer.interfaces import Sink
from tailer.model import Batch
from tailer.observe import ignore
from tailer.sinks.file.sink import FileSink
from tailer.sinks.formats.chosen import read_fields
from tailer.sinks.memory import MemorySink
from tailer.sinks.options import SinkContext
from tailer.sinks.stdout import StdoutSink
from tailer.testing.recording_sink import RecordingSink
from tailer.testing.rejection_contract import RejectingPlace, RejectionContract
from tailer.testing.sink_contract import SinkContract, SinkPlace, make_batch


def context(stdout: io.BytesIO | None = None) -> SinkContext:
    """Give a sink its surroundings."""
    return SinkContext("under-test", stdout or io.BytesIO(), {}, ignore)


def ids_in(lines: bytes, format_: str = "jsonl") -> list[str]:
    """Read the ids in a file of one format; every line must be whole, and a header be the first."""
    assert lines == b"" or lines.endswith(b"\n")
    text = lines.decode()
    if format_ == "csv":
        return [row["id"] for row in csv.DictReader(io.StringIO(text, newline=""), strict=True)]
    if format_ == "logfmt":
        return [line.partition(" ")[0].removeprefix("id=") for line in text.splitlines()]
    if format_ == "template":
        return text.splitlines()
    records = [json.loads(line) for line in text.splitlines()]
    return [record["id"] for record in records if record["k"] != "tailer.Watermark"]


class _FilePlace:
    """A file in a folder that can go away, on a disk that can be full."""

    can_fail_open = True

    def __init__(
        self,
        folder: Path,
        rotate_size: int | None = None,
        format_: str = "jsonl",
        fields: Sequence[str] = (),
    ) -> None:
        self._fields = read_fields(list(fields))
        self._folder = folder / "logs"
        self._folder.mkdir()
        self._file = self._folder / "events.jsonl"
        self._options: dict[str, Any] = {"rotate_size": rotate_size, "format": format_}
        if format_ == "template":
            self._options["template"] = "{id}"
        self._format = format_
        self.exactly_once = format_ != "template"
        self.has_watermarks = format_ == "jsonl"
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def build(self) -> Sink:
        return FileSink(FileSink.Config(path=self._file, **self._options), self._context)

    @property
    def _context(self) -> SinkContext:
        return context()._replace(fields=self._fields)

    def held(self) -> Sequence[str]:
        files = sorted(self._folder.glob("events*"))
        return [one for path in files for one in ids_in(path.read_bytes(), self._format)]

    def fail(self) -> None:
        # The kernel writes up to the limit, then refuses (EFBIG), just like a disk that gets full.
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._file.stat().st_size + 1000, self._limits[1]))

    def mend(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)

    def fail_open(self) -> None:
        self._folder.rename(self._folder.with_name("away"))

    def mend_open(self) -> None:
        self._folder.with_name("away").rename(self._folder)


class _FullStream(io.BytesIO):
    """A stream whose disk can be full."""

    is_full = False

    def write(self, data: Sequence[int], /) -> int:  # type: ignore[override] # any bytes-like will do
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(bytes(data))


class _StdoutPlace:
    """Standard output into a file that can't always grow."""

    exactly_once = False
    can_fail_open = False

    def __init__(self) -> None:
        self._stream = _FullStream()

    def build(self) -> Sink:
        return StdoutSink(StdoutSink.Config(), context(self._stream))

    def held(self) -> Sequence[str]:
        return ids_in(self._stream.getvalue())

    def fail(self) -> None:
        self._stream.is_full = True

    def mend(self) -> None:
        self._stream.is_full = False

    def fail_open(self) -> None:
        raise NotImplementedError

    mend_open = fail_open


class _MemoryPlace:
    """Lists of events; one that is full has room again after its events were taken."""

    exactly_once = False
    can_fail_open = False

    def __init__(self) -> None:
        self._sinks: list[MemorySink] = []
        self._taken: list[str] = []

    def build(self) -> Sink:
        self._sinks.append(MemorySink(MemorySink.Config(capacity=400), context()))
        return self._sinks[-1]

    def held(self) -> Sequence[str]:
        return self._taken + [event.id for sink in self._sinks for event in sink.events]

    def fail(self) -> None:
        self._taken += [event.id for event in self._sinks[-1].take()]
        self._sinks[-1].events = [*make_batch(1, 100).events]

    def mend(self) -> None:
        self._sinks[-1].take()

    def fail_open(self) -> None:
        raise NotImplementedError

    mend_open = fail_open


PLACES: dict[str, Callable[[Path], SinkPlace]] = {
    "file": _FilePlace,
    "file-that-rotates": partial(_FilePlace, rotate_size=1),
    "file-of-csv": partial(_FilePlace, format_="csv"),
    "file-of-csv-that-rotates": partial(_FilePlace, rotate_size=1, format_="csv"),
    "file-of-logfmt": partial(_FilePlace, format_="logfmt"),
    "file-of-some-fields": partial(_FilePlace, fields=["k", "id"]),
    "file-of-a-template": partial(_FilePlace, format_="template"),
    "stdout": lambda _: _StdoutPlace(),
    "memory": lambda _: _MemoryPlace(),
}


class TestOurSinks(SinkContract):
    """Every built-in sink goes through every test of the suite."""

    @pytest.fixture(params=PLACES)
    def place(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SinkPlace]:
        """Make a place, and leave no limit behind."""
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        yield PLACES[request.param](tmp_path)
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


class _RecordingPlace:
    """The recording sink, which lives through its restarts as its counterpart would."""

    can_fail_open = True

    def __init__(self, *, named: bool, transactional: bool) -> None:
        self.exactly_once = transactional
        self._named = named
        self._sink = RecordingSink(transactional=transactional)

    def build(self) -> Sink:
        return self._sink

    def held(self) -> Sequence[str]:
        return [event.id for event in self._sink.events]

    def fail(self) -> None:
        self._sink.refuse_writes(1000)

    def mend(self) -> None:
        self._sink.refuse_writes(0)

    def fail_open(self) -> None:
        self._sink.refuse_opens(1000)

    def mend_open(self) -> None:
        self._sink.refuse_opens(0)

    def reject(self, ids: Collection[str]) -> None:
        self._sink.reject(lambda event: event.id in ids, named=self._named)


@pytest.mark.parametrize("transactional", [True, False], ids=["transactional", "plain"])
@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
class TestRecordingSink(SinkContract, RejectionContract):
    """The sink that tests use in place of others keeps what those promise, and can reject in both ways."""

    @pytest.fixture
    def place(self, named: bool, transactional: bool) -> RejectingPlace:
        """Make one that is empty."""
        return _RecordingPlace(named=named, transactional=transactional)


class _Forgetful:
    """A sink that keeps no promise: what the suite must notice."""

    def __init__(self, held: list[str]) -> None:
        self._held = held

    async def open(self, resume: object) -> None:
        self._held.append("written by open")

    async def write(self, batch: Batch) -> None:
        self._held.extend(event.id for event in reversed(batch.events))

    async def close(self) -> None:
        pass


class _ForgetfulPlace(_MemoryPlace):
    """Where the forgetful sink writes to; promises more than it keeps."""

    exactly_once = True

    def __init__(self) -> None:
        self._lost: list[str] = []

    def build(self) -> Sink:
        return _Forgetful(self._lost)

    def held(self) -> Sequence[str]:
        return self._lost

    def fail(self) -> None:
        pass

    mend = fail

    def reject(self, ids: Collection[str]) -> None:
        pass


@pytest.mark.parametrize(
    "promise",
    [
        name
        for name in dir(SinkContract)
        if name.startswith("test_") and "open_again" not in name and "close" not in name
    ],
)
async def test_suite_notices_a_sink_that_keeps_no_promise(promise: str) -> None:
    """Every test of the suite can fail."""
    with pytest.raises(AssertionError):
        await getattr(SinkContract(), promise)(_ForgetfulPlace())


@pytest.mark.parametrize("promise", [name for name in dir(RejectionContract) if name.startswith("test_")])
async def test_rejection_suite_notices_a_sink_that_keeps_no_promise(promise: str) -> None:
    """So can every test of the suite for sinks that reject."""
    culprits = {"culprits": (1,)} if promise == "test_all_others_are_accepted" else {}
    with pytest.raises(AssertionError):
        await getattr(RejectionContract(), promise)(_ForgetfulPlace(), **culprits)
