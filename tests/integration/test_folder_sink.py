"""A folder with one file a connector: every event once, however many files a batch goes to."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tailer.errors import SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Event, Source
from tailer.observe import ignore
from tailer.sinks.file import folder
from tailer.sinks.file.folder import FolderSink, file_name
from tailer.sinks.file.sink import FileSink
from tailer.sinks.options import SinkContext
from tailer.testing.sink_contract import deliver
from tests.integration.desk import ids_in


def sink_of(place: Path) -> FolderSink:
    """Build a sink, as a new process does."""
    context = SinkContext("folder", io.BytesIO(), {}, ignore)
    return FolderSink(place, ".jsonl", lambda path: FileSink(FileSink.Config(path=path), context))


def batch_of(first: int, last: int, connectors: int = 3) -> Batch:
    """Make a batch of events numbered from `first` to `last`, dealt out to some connectors."""
    sources = [Source("a", f"c{number}", f"Gateway {number}", "", 1.0) for number in range(connectors)]
    return Batch([Event(n, n, "Init", n, sources[n % connectors]) for n in range(first, last + 1)])


def numbers_in(place: Path) -> list[int]:
    """Read the numbers of all events in all files."""
    ids = [one for path in sorted(place.glob("*.jsonl")) for one in ids_in(path)]
    return sorted(int(one.rpartition(".")[2]) for one in ids)


def names_in(place: Path) -> list[str]:
    """List the files of a folder."""
    return sorted(path.name for path in place.iterdir())


async def test_each_connector_has_its_file(tmp_path: Path) -> None:
    """Events are dealt out by connector, into files that people can tell apart."""
    sink = sink_of(tmp_path)
    await sink.open(Resume(0, None))
    await deliver(sink, batch_of(1, 9))
    await sink.close()
    assert names_in(tmp_path) == [
        "Gateway-0-c0.jsonl",
        "Gateway-1-c1.jsonl",
        "Gateway-2-c2.jsonl",
    ]
    assert ids_in(tmp_path / "Gateway-1-c1.jsonl") == ["a/c1/1.1", "a/c1/4.4", "a/c1/7.7"]


async def test_what_was_not_committed_is_cut_from_every_file(tmp_path: Path) -> None:
    """Killed after a batch and before its commit, the next process writes that batch once."""
    sink = sink_of(tmp_path)
    await sink.open(Resume(0, None))
    committed = await deliver(sink, batch_of(1, 6))
    await deliver(sink, batch_of(7, 12))
    await sink.close()

    again = sink_of(tmp_path)
    await again.open(Resume(0, committed))
    assert numbers_in(tmp_path) == [*range(1, 7)]
    await deliver(again, batch_of(7, 12))
    await again.close()
    assert numbers_in(tmp_path) == [*range(1, 13)]


async def test_a_crash_before_the_first_commit_leaves_empty_files(tmp_path: Path) -> None:
    """New files are committed to before anything is in them, so a crash at their making repeats nothing."""
    sink = sink_of(tmp_path)
    committed: list[bytes | None] = [await sink.open(Resume(0, None))]
    await deliver(sink, batch_of(1, 6), committed.append)
    await sink.close()

    again = sink_of(tmp_path)
    await again.open(Resume(0, committed[-1]))
    assert numbers_in(tmp_path) == []
    await deliver(again, batch_of(1, 6))
    await again.close()
    assert numbers_in(tmp_path) == [*range(1, 7)]


async def test_a_batch_that_fails_in_one_file_is_in_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a file that takes nothing for a while, the same batch is written again, whole and once."""
    sink = sink_of(tmp_path)
    await sink.open(Resume(0, None))
    await deliver(sink, batch_of(1, 6))
    write = FileSink.write
    failed: list[Batch] = []

    async def fail_once(self: FileSink, batch: Batch) -> bytes | None:
        if batch.events[0].connector == "c0" and not failed:
            failed.append(batch)
            raise SinkUnavailableError("the disk is full")
        return await write(self, batch)

    monkeypatch.setattr(FileSink, "write", fail_once)
    with pytest.raises(SinkUnavailableError, match="full"):
        await deliver(sink, batch_of(7, 12))
    state = await deliver(sink, batch_of(7, 12))
    await sink.close()
    assert numbers_in(tmp_path) == [*range(1, 13)]
    again = sink_of(tmp_path)
    await again.open(Resume(0, state))
    await again.close()
    assert numbers_in(tmp_path) == [*range(1, 13)]


async def test_a_file_that_was_renamed_is_followed_by_a_new_one(tmp_path: Path) -> None:
    """Given a file that somebody moves away, the rest of the batch is not written twice."""
    sink = sink_of(tmp_path)
    await sink.open(Resume(0, None))
    await deliver(sink, batch_of(1, 6))
    moved = tmp_path / "Gateway-2-c2.jsonl"
    moved.rename(tmp_path / "moved.jsonl")
    await deliver(sink, batch_of(7, 12))
    await sink.close()
    assert numbers_in(tmp_path) == [*range(1, 13)]
    assert len(ids_in(moved)) == 2


async def test_more_files_than_may_be_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fleet larger than the number of open files is written all the same, again and again."""
    monkeypatch.setattr(folder, "MAX_OPEN", 4)
    sink = sink_of(tmp_path)
    await sink.open(Resume(0, None))
    for first in (1, 31, 61):
        await deliver(sink, batch_of(first, first + 29, connectors=10))
    await sink.close()
    assert numbers_in(tmp_path) == [*range(1, 91)]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Kraków warehouse - rack 7", "Krakow-warehouse-rack-7-id.csv"),
        ("../../etc/passwd", "etc-passwd-id.csv"),
        ("id", "id.csv"),
        ("東京", "id.csv"),
        ("x" * 300, "x" * 80 + "-id.csv"),
    ],
)
def test_names_suit_every_file_system(name: str, file: str) -> None:
    """A name from far away can't lead out of the folder, nor be too long."""
    assert file_name(name, "id", ".csv") == file
